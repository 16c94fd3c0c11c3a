// What an op does to types, and what its rules make of it: shown on an example, by the rules themselves.

import BloxIR
import BloxPasses
import BloxRuntime
import Gallery
import ProgramFuzzing

/// An op by example: an instruction, its derivatives, and the instruction with lanes.
package struct OpExplanation: Sendable {
  /// How many random programs are searched for an instruction.
  private static let searchLimit: UInt64 = 800

  /// The explanation.
  package let text: String

  /// Explains an op.
  ///
  /// - Throws: ``BloxError/Code/usage`` for a name that no op has.
  package init(op name: String) throws {
    guard Op.names.contains(name) else {
      throw BloxError(
        .usage, "there is no op named '\(name)'\(suggestion(for: name, among: Op.names)); Docs/IR.md lists them")
    }
    guard let example = try Self.example(of: name) else {
      text = "\(name)\n  is made by passes only; blox-ir dump @train_step --stage fused shows some\n"
      return
    }
    var parts = ["\(name), on an example:\n" + Self.body(example)]
    let differentiable = example.parameters.contains { $0.type.dtype.isFloating }
    // What asks about lanes needs some before it can be transformed further.
    let asksLanes = (try? example.verify()) == nil
    let (lanes, suffix) = asksLanes ? ("vmap:size=4,name=lane,", ", in 4 lanes") : ("", "")
    for (title, passes, isDerivative) in [
      ("tangents (jvp)\(suffix)", "jvp,\(lanes)simplify,dce", true),
      ("transposed linear part of it\(suffix)", "transpose,\(lanes)simplify,dce", true),
      asksLanes
        ? ("in 4 lanes (vmap)", "\(lanes)simplify,dce", false)
        : ("with 8 lanes (vmap)", "vmap:size=8,simplify,dce", false),
    ] {
      if isDerivative, !differentiable { continue }
      parts.append("\(title):\n" + Self.outcome(example, passes))
    }
    if !differentiable { parts.append("derivatives: none, since no operand is floating-point\n") }
    text = parts.joined(separator: "\n")
  }

  private static func outcome(_ program: Program, _ passes: String) -> String {
    do {
      return body(try PassRun(program, passes: passes).program)
    } catch let failure as PassFailure {
      return "  \(failure.error.message)\n"
    } catch {
      return "  \(error)\n"
    }
  }

  /// The program without the version line and called programs.
  private static func body(_ program: Program) -> String {
    program.text(PrintOptions(notes: false)).split(separator: "\n").dropFirst().map { "  \($0)\n" }.joined()
  }

  /// A program of one instruction with the op: of those that random programs hold, the one with the shortest text
  /// whose operands have dimensions and, if possible, are floating-point numbers.
  private static func example(of name: String) throws -> Program? {
    var best: (rank: (Int, Int), program: Program)?
    var found = 0
    for seed in 0..<searchLimit {
      let options =
        seed % 4 == 3 ? ProgramGenerator.Options(axes: ["lane": 4]) : ProgramGenerator.Options(donates: false)
      var generator = ProgramGenerator(seed: seed, options)
      let program = try generator.make()
      guard let instruction = program.instructions.first(where: { $0.op.name == name }) else { continue }
      let example = try alone(instruction, in: program, axes: options.axes)
      let types = example.parameters.map(\.type)
      let isTelling = types.allSatisfy { $0.rank > 0 && $0.elementCount > 1 }
      let isFloating = types.contains { $0.dtype == .f32 }
      // Attributes may make an op do nothing, such as a sum over no axes.
      var context = Compiler.context
      context.axes = options.axes
      let simplified = try PassPipeline([.simplify]).run(example, context: context)
      let isIdle = simplified.instructions.isEmpty
      let rank = ((isIdle ? 4 : 0) + (isTelling ? 0 : 2) + (isFloating ? 0 : 1), example.text().count)
      if best == nil || rank < best!.rank { best = (rank, example) }
      found += 1
      if found == 12 { break }
    }
    return best?.program
  }

  private static func alone(_ instruction: Instruction, in program: Program, axes: [String: Int]) throws -> Program {
    var builder = ProgramBuilder(name: instruction.op.name, axes: axes)
    var parameters: [Value: Operand] = [:]
    let operands = instruction.operands.map { operand in
      guard let value = operand.value else { return operand }
      if let known = parameters[value] { return known }
      let parameter = Operand.value(builder.parameter(Parameter(program.type(of: value))))
      parameters[value] = parameter
      return parameter
    }
    let results = try builder.emit(instruction.op, operands)
    return builder.finish(results: results.map { ProgramResult(.value($0)) })
  }
}
