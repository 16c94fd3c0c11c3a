// Random collectives and functions with derivatives of their own.

@testable import BloxIR

extension RandomPrograms {
  /// A collective over `batch`, of size 4, sometimes in groups of 2.
  mutating func collective(
    _ values: inout [Operand], _ builder: inout ProgramBuilder
  ) throws -> (Op, [Operand]) {
    let groups = chance(0.4) ? Array(0..<4).shuffled(using: &random) : []
    let size = groups.isEmpty ? 4 : 2
    let parts = groups.isEmpty ? nil : [Array(groups[..<2]), Array(groups[2...])]
    func over(_ exchange: Op.Collective.Exchange) -> Op {
      .collective(Op.Collective(exchange, axes: ["batch"], groups: parts))
    }
    var type = type(numeric)
    type.shape += [size * int(0...2)]
    let axis = type.rank - 1
    let x = try value(type, &values, &builder)
    switch int(0...6) {
    case 0: return (over(.sum), [x])
    case 1: return (over(.max), [x])
    case 2: return (.collective(Op.Collective(.min, axes: ["model", "batch"])), [x])
    case 3: return (over(.allGather(axis: int(0...axis), size: size)), [x])
    case 4: return (over(.reduceScatter(axis: axis, size: size)), [x])
    case 5: return (over(.allToAll(split: axis, concat: int(0...axis), size: size)), [x])
    default:
      let count = int(0...4)
      let sources = Array(Array(0..<4).shuffled(using: &random).prefix(count))
      let targets = Array(Array(0..<4).shuffled(using: &random).prefix(count))
      return (.collective(Op.Collective(.permute(sources: sources, targets: targets), axes: ["batch"])), [x])
    }
  }

  /// A function of a float tensor and a flag with a derivative of its own.
  mutating func custom(
    _ values: inout [Operand], _ builder: inout ProgramBuilder
  ) throws -> (Op, [Operand]) {
    let (type, flag) = (type(floating), TensorType(.bool, [2]))
    func program(_ parameters: [TensorType], _ name: String, _ results: [Int]) -> Op.Callee {
      var b = ProgramBuilder(name: name)
      let inputs = parameters.map { b.parameter($0) }
      return Op.Callee(b.finish(results: results.map { ProgramResult(.value(inputs[$0])) }))
    }
    let operands = [chance(0.3) ? splat(type) : try value(type, &values, &builder), splat(flag)]
    let primal = program([type, flag], "f", [0])
    let backward = program([flag, type], pick(["f", "g"]), [1])
    switch int(0...2) {
    case 0: return (.custom(.jvp(primal: primal, jvp: program([type, flag, type], "f.jvp", [0, 2]))), operands)
    case 1:
      let forward = program([type, flag], "f", [0, 1])
      return (.custom(.vjp(primal: primal, forward: forward, backward: backward)), operands)
    default: return (.custom(.linear(backward: backward)), [operands[1], operands[0]])
    }
  }
}
