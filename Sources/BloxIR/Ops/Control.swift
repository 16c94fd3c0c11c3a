// Control flow: loops, branches, and regions whose values are computed again for derivatives.
//
// The bodies are regions: they read their parameters only, so what they need of the outside is an operand. Operands
// and results come in groups, in this order:
//
//     scan        consts…, carry…, xs…           -> carry…, ys…
//       body      consts…, carry…, one of xs…    -> carry…, one of ys…
//     while       cond consts…, body consts…, carry… -> carry…
//       cond      cond consts…, carry…           -> bool[]
//       body      body consts…, carry…           -> carry…
//     cond        which, operands…               -> results…
//       branches  operands…                      -> results…
//     checkpoint  operands…                      -> results…
//       body      operands…                      -> results…

extension Op {
  /// An instruction that runs programs of its own.
  public enum Control: Hashable, Sendable {
    /// A loop of known length that carries values and reads and writes stacked ones.
    case scan(Scan)
    /// `while`: a loop that runs as long as a condition holds.
    case loop(Loop)
    /// A choice between programs.
    case cond(Cond)
    /// A program whose values a derivative may have to compute again.
    case checkpoint(Checkpoint)

    var name: String {
      switch self {
      case .scan: "scan"
      case .loop: "while"
      case .cond: "cond"
      case .checkpoint: "checkpoint"
      }
    }
  }

  /// A loop over the leading dimension of stacked tensors.
  public struct Scan: Hashable, Sendable {
    /// What each iteration computes. It must not mention labels or flags of parameters.
    public var body: Callee
    /// How many operands are the same in every iteration. They come first.
    public var constCount: Int
    /// How many values an iteration hands to the next.
    public var carryCount: Int
    /// The number of iterations.
    public var length: Int
    /// Whether iterations go from the last index to the first.
    public var isReversed: Bool
    /// How many iterations are compiled as one, at least 1.
    public var unroll: Int

    /// Creates a loop.
    public init(
      body: Program, constCount: Int, carryCount: Int, length: Int, isReversed: Bool = false, unroll: Int = 1
    ) {
      self.body = Callee(body)
      self.constCount = constCount
      self.carryCount = carryCount
      self.length = length
      self.isReversed = isReversed
      self.unroll = unroll
    }

    /// The positions of the carry among the operands, and of their parameters in the body.
    package var carry: Range<Int> { body.program.positions(carryCount, after: constCount) }
    /// The positions of the stacked operands, and of their slices' parameters in the body.
    package var xs: Range<Int> { carry.upperBound..<body.program.parameters.count }
    /// The positions of the stacked results.
    package var ys: Range<Int> {
      let count = body.program.results.count
      return min(max(carryCount, 0), count)..<count
    }
  }

  /// A loop that runs as long as a condition holds.
  public struct Loop: Hashable, Sendable {
    /// Decides from its consts and the carry whether the body runs once more.
    public var condition: Callee
    /// What each iteration computes from its consts and the carry.
    public var body: Callee
    /// How many operands only the condition reads. They come first.
    public var conditionConstCount: Int
    /// How many operands only the body reads. They come second.
    public var bodyConstCount: Int

    /// Creates a loop.
    public init(condition: Program, body: Program, conditionConstCount: Int, bodyConstCount: Int) {
      self.condition = Callee(condition)
      self.body = Callee(body)
      self.conditionConstCount = conditionConstCount
      self.bodyConstCount = bodyConstCount
    }

    /// The number of values that an iteration hands to the next.
    package var carryCount: Int { body.program.results.count }
    /// The positions of the carry among the operands.
    package var carry: Range<Int> {
      let inner = carryParameters
      let start = condition.program.positions(0, after: conditionConstCount).lowerBound
      return inner.lowerBound + start..<inner.upperBound + start
    }
    /// The positions of the carry among the body's parameters.
    package var carryParameters: Range<Int> { body.program.positions(carryCount, after: bodyConstCount) }
  }

  /// A choice between programs of one signature.
  public struct Cond: Hashable, Sendable {
    /// The programs. A predicate chooses between the first, for true, and the second.
    public var branches: [Callee]
    /// Whether the first operand is a `bool[]` rather than an index `i32[]`, which is clamped to those there are.
    public var isPredicate: Bool

    /// Creates a choice.
    public init(branches: [Program], isPredicate: Bool) {
      self.branches = branches.map { Callee($0) }
      self.isPredicate = isPredicate
    }

    /// The type of the operand that chooses.
    package var selectorType: TensorType { TensorType(isPredicate ? .bool : .i32) }
  }

  /// A program of which a derivative keeps only some values and computes the others again.
  public struct Checkpoint: Hashable, Sendable {
    /// The program.
    public var body: Callee
    /// What is kept.
    public var policy: CheckpointPolicy
    /// Whether the body is such a second computation. It then stays apart from the first, so that nothing of that is
    /// kept until here.
    public var isRecomputation: Bool

    /// Creates a region.
    public init(body: Program, policy: CheckpointPolicy, isRecomputation: Bool = false) {
      self.body = Callee(body)
      self.policy = policy
      self.isRecomputation = isRecomputation
    }
  }
}

/// Which values of a checkpointed function its derivative keeps; what it does not keep it computes again.
public enum CheckpointPolicy: Hashable, Sendable {
  /// Nothing but the function's inputs: least memory.
  case nothing
  /// Everything, as without a checkpoint.
  case everything
  /// The results of products (`dot_general`).
  case dots
  /// The results of products without batch dimensions, as those with weights are.
  case dotsWithoutBatchDims
  /// Values with one of these names; see `checkpointName`.
  case names([String])

  /// Whether the result of an op is kept.
  package func keeps(_ op: Op) -> Bool {
    switch self {
    case .nothing: return false
    case .everything: return true
    case .dots:
      if case .dotGeneral = op { return true }
      if case .convolution = op { return true }
      return false
    case .dotsWithoutBatchDims:
      if case .dotGeneral(let dims) = op { return dims.lhsBatch.isEmpty }
      return false
    case .names(let names):
      if case .checkpointName(let name) = op { return names.contains(name) }
      return false
    }
  }
}

/// A program inside an instruction, with the word that introduces it in text.
package struct OpRegion: Sendable {
  package var label: String
  package var program: Program
  /// Parameters whose memory the program may write over when it has a memory plan.
  package var writable: Range<Int> = 0..<0
}

extension Op {
  /// The programs that the op carries as regions, in the order of text. A callee is not a region: it is printed as a
  /// program.
  package var regions: [OpRegion] {
    switch self {
    case .fusion(let fusion): return [OpRegion(label: "region", program: fusion.region)]
    case .control(let control): return control.regions
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .random, .call, .axisIndex, .stopGradient:
      return []
    case .custom, .collective, .checkpointName, .linearAlgebra, .optimizationBarrier, .indexing, .debugPrint: return []
    case .convolution: return []
    case .window: return []
    case .ordering: return []
    case .cumulative: return []
    }
  }

  /// Whether the op runs its regions as programs with memory plans of their own.
  package var isControl: Bool {
    if case .control = self { return true }
    return false
  }

  /// The op with other regions, as many as it has.
  package func with(regions programs: [Program]) -> Op {
    switch self {
    case .fusion(let fusion): return .fusion(Fusion(kind: fusion.kind, region: programs[0]))
    case .control(let control): return .control(control.with(regions: programs))
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .random, .call, .axisIndex, .stopGradient:
      return self
    case .custom, .collective, .checkpointName, .linearAlgebra, .optimizationBarrier, .indexing, .cumulative,
      .debugPrint, .ordering:
      return self
    case .convolution: return self
    case .window: return self
    }
  }
}

extension Op.Control {
  /// Whether a region has an effect.
  var hasEffect: Bool {
    switch self {
    case .scan(let scan): scan.body.hasEffect
    case .loop(let loop): loop.condition.hasEffect || loop.body.hasEffect
    case .cond(let cond): cond.branches.contains { $0.hasEffect }
    case .checkpoint(let checkpoint): checkpoint.body.hasEffect
    }
  }

  package var regions: [OpRegion] {
    switch self {
    case .scan(let scan): return [OpRegion(label: "body", program: scan.body.program, writable: scan.carry)]
    case .loop(let loop):
      return [
        OpRegion(label: "cond", program: loop.condition.program),
        OpRegion(label: "body", program: loop.body.program, writable: loop.carryParameters),
      ]
    case .cond(let cond):
      return cond.branches.enumerated().map { index, branch in
        OpRegion(label: cond.isPredicate ? (index == 0 ? "true" : "false") : "case", program: branch.program)
      }
    case .checkpoint(let checkpoint): return [OpRegion(label: "body", program: checkpoint.body.program)]
    }
  }

  package func with(regions programs: [Program]) -> Op.Control {
    switch self {
    case .scan(var scan):
      scan.body = Op.Callee(programs[0])
      return .scan(scan)
    case .loop(var loop):
      loop.condition = Op.Callee(programs[0])
      loop.body = Op.Callee(programs[1])
      return .loop(loop)
    case .cond(var cond):
      cond.branches = programs.map { Op.Callee($0) }
      return .cond(cond)
    case .checkpoint(var checkpoint):
      checkpoint.body = Op.Callee(programs[0])
      return .checkpoint(checkpoint)
    }
  }
}

extension TensorType {
  /// The type of `count` such tensors stacked along a new leading dimension.
  package func stacked(_ count: Int) -> TensorType { TensorType(dtype, [count] + shape) }
  /// The type of one of the tensors that are stacked along the leading dimension.
  package var unstacked: TensorType { TensorType(dtype, Array(shape.dropFirst())) }
}

extension Program {
  /// The positions of a group of parameters behind others. Within what there is: attributes may be of any size until
  /// the type rule has seen them.
  fileprivate func positions(_ count: Int, after start: Int) -> Range<Int> {
    let start = min(max(start, 0), parameters.count)
    return start..<start + min(max(count, 0), parameters.count - start)
  }

  /// The program as a region: without the labels, flags and plan that only whole programs have.
  package func asRegion(_ name: String = "body") -> Program {
    var region = self
    region.name = name
    for index in parameters.indices { region.parameters[index] = Parameter(parameters[index].type) }
    for index in results.indices { region.results[index].label = nil }
    region.memory = nil
    return region
  }
}
