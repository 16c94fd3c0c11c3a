// The form of a region of kind=attention.

/// The parts of a region of ``Op/FusionKind/attention``.
///
/// ```text
/// %s = dot_general %q, %k      its last dimension is that of the keys
/// …                            what becomes of each row of the scores; reductions are of their last dimension
/// %o = dot_general %p, %v      contracts the last dimension; %p has the shape of the scores
/// return %o
/// ```
package struct AttentionRegion {
  /// The product of two parameters.
  package let scores: Instruction
  package let scoreDims: Op.DotDimensions
  /// What the scores become.
  package let weights: Value
  /// The product of the weights and a parameter.
  package let output: Instruction
  package let outputDims: Op.DotDimensions

  /// The parts of a region; `nil` if it has another form.
  package init?(_ region: Program) {
    guard let first = region.instructions.first, let last = region.instructions.last,
      case .dotGeneral(let scoreDims) = first.op, case .dotGeneral(let outputDims) = last.op,
      let weights = last.operands[0].value, weights.index >= region.parameters.count, weights != first.results[0],
      (first.operands + [last.operands[1]]).allSatisfy({ $0.value.map { $0.index < region.parameters.count } ?? false }
      ),
      region.results.map(\.operand) == [.value(last.results[0])]
    else { return nil }
    let type = region.type(of: first.results[0])
    guard region.type(of: weights) == type, type.dtype == .f32 || type.dtype == .f64,
      (first.operands + last.operands + region.results.map(\.operand)).allSatisfy({
        region.type(of: $0).dtype == type.dtype
      }), scoreDims.rhsFree(rank: region.type(of: first.operands[1]).rank).count == 1,
      outputDims.lhsBatch == Array(0..<scoreDims.lhsBatch.count), outputDims.lhsContract == [type.rank - 1],
      region.instructions.allSatisfy({ instruction in
        guard case .reduce(_, let axes) = instruction.op else { return true }
        return region.type(of: instruction.operands[0]).shape == type.shape && axes == [type.rank - 1]
      })
    else { return nil }
    (scores, output) = (first, last)
    (self.scoreDims, self.outputDims, self.weights) = (scoreDims, outputDims, weights)
  }

  /// What lies between the products.
  package func between(in region: Program) -> ArraySlice<Instruction> {
    region.instructions.dropFirst().dropLast()
  }
}
