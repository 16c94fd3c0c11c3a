// Steps that name other programs' derivatives, and exchanges between lanes.

import BloxIR

extension ProgramGenerator {
  /// A function of a float tensor and a flag with a derivative of its own. What only a transpose is known of cannot
  /// run, so it is for programs that need not.
  mutating func custom() throws {
    guard options.calls > 0 else { return }
    let (type, flag) = (TensorType(pickDType(\.isFloating), pickShape()), TensorType(.bool))
    func callee(_ parameters: [TensorType], _ name: String, _ results: [Int]) throws -> Op.Callee {
      var b = ProgramBuilder(name: name)
      let inputs = parameters.map { Operand.value(b.parameter($0)) }
      let doubled = try b.emitOne(.binary(.add), [inputs[results[0]], inputs[results[0]]])
      let others = results.dropFirst().map { ProgramResult(inputs[$0]) }
      return Op.Callee(b.finish(results: [ProgramResult(doubled)] + others))
    }
    let (x, predicate) = (try value(type), try value(flag))
    let primal = try callee([type, flag], "f", [0])
    let backward = try callee([flag, type], chance(2) ? "f" : "g", [1])
    switch pick(0...(options.isWild ? 2 : 1)) {
    case 0: try emit(.custom(.jvp(primal: primal, jvp: callee([type, flag, type], "f.jvp", [0, 2]))), [x, predicate])
    case 1:
      let forward = try callee([type, flag], "f", [0, 1])
      try emit(.custom(.vjp(primal: primal, forward: forward, backward: backward)), [x, predicate])
    default: try emit(.custom(.linear(backward: backward)), [predicate, x])
    }
  }

  /// A collective over the axes in scope, sometimes in two groups.
  mutating func collective() throws {
    let names = options.axes.keys.sorted()
    guard let name = names.first(where: { (options.axes[$0] ?? 0) % 2 == 0 }), let count = options.axes[name],
      count > 0
    else { return }
    let order = chance(2) ? Array(0..<count).shuffled(using: &random) : []
    let size = order.isEmpty ? count : count / 2
    let groups = order.isEmpty ? nil : [Array(order[..<size]), Array(order[size...])]
    func over(_ exchange: Op.Collective.Exchange) -> Op {
      .collective(Op.Collective(exchange, axes: [name], groups: groups))
    }
    var type = TensorType(pickDType(\.isNumeric), Array(pickShape().prefix(2)))
    type.shape.append(size * pick(0...1))
    let axis = type.rank - 1
    let x = try value(type, literals: false)
    switch pick(0...6) {
    case 0: try emit(over(.sum), [x])
    case 1: try emit(over(.max), [x])
    case 2: try emit(.collective(Op.Collective(.min, axes: names)), [x])
    case 3: try emit(over(.allGather(axis: pick(0...axis), size: size)), [x])
    case 4: try emit(over(.reduceScatter(axis: axis, size: size)), [x])
    case 5: try emit(over(.allToAll(split: axis, concat: pick(0...axis), size: size)), [x])
    default:
      let length = pick(0...count)
      let sources = Array(Array(0..<count).shuffled(using: &random).prefix(length))
      let targets = Array(Array(0..<count).shuffled(using: &random).prefix(length))
      try emit(.collective(Op.Collective(.permute(sources: sources, targets: targets), axes: [name])), [x])
    }
  }
}
