// Inlining: every call becomes the instructions of the called program. A function with a derivative of its own becomes
// its primal program: after this there is nothing left to differentiate.
//
// before: %2 = call @twice %1          after: %2 = add %1, %1
// The calls within a callee are inlined as well; call graphs are trees of values, so this ends. The program doubles
// with every level of calls that are made twice; that is the price of having no calls left for later passes.
//
// Control flow that does not control anything goes too: checkpoints that nobody differentiated, loops that run once or
// not at all, choices whose branch is known, loops that are to be unrolled (Control/Unrolling.swift).

import BloxIR

extension Program {
  /// The program without calls.
  package func inliningCalls(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    var callees: [Op.Callee: Program] = [:]
    return try inliningCalls(axes: axes, done: &callees).resolvingControl(axes: axes)
  }

  private func inliningCalls(
    axes: [String: Int], done: inout [Op.Callee: Program]
  ) throws(BloxError) -> Program {
    guard instructions.contains(where: { $0.callee != nil || $0.op.isControl }) else { return self }
    var rewriter = Rewriter(self, axes: axes)
    for var instruction in instructions {
      guard let callee = instruction.callee else {
        if instruction.op.isControl {
          var regions: [Program] = []
          for region in instruction.op.regions {
            regions.append(try region.program.inliningCalls(axes: axes, done: &done))
          }
          instruction.op = instruction.op.with(regions: regions)
        }
        try rewriter.copy(instruction)
        continue
      }
      let flat: Program
      if let known = done[callee] {
        flat = known
      } else {
        flat = try callee.program.inliningCalls(axes: axes, done: &done)
        done[callee] = flat
      }
      rewriter.builder.note = instruction.note
      let results = try rewriter.builder.splice(flat, arguments: rewriter.operands(of: instruction))
      rewriter.bind(instruction, to: results)
    }
    return rewriter.finish()
  }
}

extension Instruction {
  /// The program that computes the results, if the op names one.
  var callee: Op.Callee? { op.primalCallee }
}
