// Steps with regions: loops, choices, checkpoints. Bodies are random programs; loops end after a few iterations.

import BloxIR

extension ProgramGenerator {
  /// A region of a few steps with given parameters, and results of given types and of any.
  ///
  /// - Parameter prepare: Adds instructions first, and returns the results that come first.
  private mutating func body(
    _ parameters: [TensorType], _ results: [TensorType], extra: Int = 0,
    prepare: (inout ProgramGenerator, [Operand]) throws -> [Operand] = { _, _ in [] }
  ) throws -> Program {
    var inner = options
    inner.calls -= 1
    inner.steps = 0...5
    inner.donates = false
    var generator = ProgramGenerator(SeededGenerator(seed: random.next()), inner, name: "body")
    generator.values = parameters.map { .value(generator.builder.parameter($0)) }
    let given = generator.values
    var outputs = try prepare(&generator, given)
    if generator.values.isEmpty { try generator.iota() }
    for _ in 0..<generator.pick(inner.steps) { try generator.pick(ProgramGenerator.drawn).add(&generator) }
    for type in results {
      // What is handed on or swapped is a case of its own.
      let known = given.filter { generator.type($0) == type }
      outputs.append(known.isEmpty || !generator.chance(4) ? try generator.value(type) : generator.pick(known))
    }
    for _ in 0..<extra { outputs.append(generator.pick(generator.values)) }
    return generator.builder.finish(results: outputs.map { ProgramResult($0) })
  }

  /// A few types of values there are.
  private mutating func someTypes(_ range: ClosedRange<Int>) -> [TensorType] {
    let small = values.map { type($0) }.filter { $0.elementCount <= 64 }
    return small.isEmpty ? [] : (0..<pick(range)).map { _ in pick(small) }
  }

  private mutating func operands(_ types: [TensorType]) throws -> [Operand] {
    var operands: [Operand] = []
    for type in types { operands.append(try value(type)) }
    return operands
  }

  private mutating func emitControl(_ control: Op.Control, _ operands: [Operand]) throws {
    guard let types = try? Op.control(control).resultTypes(for: operands.map { type($0) }, axes: options.axes),
      types.allSatisfy({ $0.elementCount <= max(options.maximumElements, 300) })
    else { return }
    try emit(.control(control), operands)
  }

  mutating func scan() throws {
    guard options.calls > 0 else { return }
    let length = pick([0, 1, 2, 3, 5])
    let (consts, carry, xs) = (someTypes(0...2), someTypes(0...3), someTypes(0...2))
    let body = try body(consts + carry + xs, carry, extra: pick(carry.isEmpty ? 1...2 : 0...2))
    let scan = Op.Scan(
      body: body, constCount: consts.count, carryCount: carry.count, length: length, isReversed: chance(3),
      unroll: pick([1, 1, 1, 2, 3]))
    try emitControl(.scan(scan), operands(consts + carry + xs.map { $0.stacked(length) }))
  }

  /// A loop that adds up products of what it is given and computes, as gradients of weights are, beside another carry.
  mutating func sumOfProducts() throws {
    guard options.calls > 0 else { return }
    let length = pick([0, 1, 2, 3, 5])
    let dtype = pick([DType.i32, .i32, .f32, .bf16, .u8])
    let (rows, left, right) = (pick(0...4), pick(1...5), pick(1...5))
    let (x, y) = (TensorType(dtype, [rows, left]), TensorType(dtype, [rows, right]))
    let sum = TensorType(dtype, [left, right])
    let product = Op.dotGeneral(Op.DotDimensions(lhsContract: [0], rhsContract: [0]))
    let (readsState, isShared) = (chance(2), chance(3))
    let body = try body([x, sum, x, y], [], extra: pick(0...1)) { generator, given in
      let state = try generator.emit(.binary(.add), [given[0], given[2]])
      let factor = try generator.emit(.binary(.mul), [given[3], given[3]])
      let rightFactor = generator.chance(2) ? factor : given[3]
      let term = try generator.emit(product, [readsState ? given[0] : given[2], rightFactor])
      var next = try generator.emit(.binary(.add), generator.chance(2) ? [given[1], term] : [term, given[1]])
      if isShared {
        next = try generator.emit(.binary(.add), [next, generator.emit(product, [given[2], factor])])
      }
      return [state, next]
    }
    let scan = Op.Scan(body: body, constCount: 0, carryCount: 2, length: length, isReversed: chance(2))
    let start = chance(2) ? Operand.splat(Literal(0, as: dtype), shape: sum.shape) : try value(sum)
    try emitControl(
      .scan(scan), [try value(x), start, try value(x.stacked(length)), try value(y.stacked(length))])
  }

  /// A loop with a counter, which the condition and the body read.
  mutating func whileLoop() throws {
    guard options.calls > 0 else { return }
    let counter = TensorType(.i32)
    let (consts, carry) = (someTypes(0...1), someTypes(0...2))
    let limit = pick(0...3)
    let condition = try body(consts + [counter] + carry, []) { generator, x in
      [try generator.emit(.compare(.lt), [x[consts.count], .splat(Literal(limit, as: .i32), shape: [])])]
    }
    let step = try body([counter] + carry, carry) { generator, x in
      [try generator.emit(.binary(.add), [x[0], .splat(Literal(1, as: .i32), shape: [])])]
    }
    let loop = Op.Loop(condition: condition, body: step, conditionConstCount: consts.count, bodyConstCount: 0)
    let start = Operand.splat(Literal(pick(0...2), as: .i32), shape: [])
    try emitControl(.loop(loop), operands(consts) + [start] + operands(carry))
  }

  mutating func branch() throws {
    guard options.calls > 0 else { return }
    let (inputs, results) = (someTypes(0...3), someTypes(1...2))
    let isPredicate = chance(2)
    var branches: [Program] = []
    for _ in 0..<(isPredicate ? 2 : pick(1...3)) { branches.append(try body(inputs, results)) }
    guard !results.isEmpty else { return }
    let selector = try value(TensorType(isPredicate ? .bool : .i32))
    try emitControl(.cond(Op.Cond(branches: branches, isPredicate: isPredicate)), [selector] + operands(inputs))
  }

  mutating func checkpoint() throws {
    if let x = any({ _ in true }), chance(2) { try emit(.checkpointName(pick(["a", "b"])), [x]) }
    guard options.calls > 0 else { return }
    let (inputs, results) = (someTypes(0...3), someTypes(1...2))
    guard !results.isEmpty else { return }
    let policies: [CheckpointPolicy] = [.nothing, .everything, .dots, .dotsWithoutBatchDims, .names(["a", "c"])]
    let region = Op.Checkpoint(body: try body(inputs, results), policy: pick(policies), isRecomputation: chance(3))
    try emitControl(.checkpoint(region), operands(inputs))
  }
}
