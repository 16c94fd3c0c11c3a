// Batching: one program that does the work of many lanes at once.
//
// Convention: the lanes of a mapped value are its dimension 0, always. Parameters mapped elsewhere are transposed
// first. A value is mapped when it depends on a mapped parameter or on the lane's own index, decided by the program
// alone and never by values; what is not mapped is computed once. No rule loops over lanes.

import BloxIR

/// A batched program and where its lanes are.
package struct BatchedProgram: Sendable {
  /// The program over all lanes.
  package let program: Program
  /// For each result 0 when it has one element per lane along dimension 0, `nil` when it is the same in every lane.
  package let outAxes: [Int?]
}

/// The program that runs `program` for `size` lanes.
///
/// - Parameters:
///   - axisName: The name by which the program's `axis_index` asks for its lane.
///   - inAxes: For each parameter the dimension of the batched argument that holds the lanes; `nil` for an argument
///     that all lanes share.
///   - axes: Sizes of the other named axes in scope.
package func batched(
  _ program: Program, size: Int, axisName: String?, inAxes: [Int?], axes: [String: Int]
) throws(BloxError) -> BatchedProgram {
  throw BloxError(.unsupported, "batching")
}
