// Tangents of ops on the order of elements: they move as the elements do. Places have none.
//
// A sort takes the elements' numbers along as one more operand; what comes of them says where each tangent is. So ties
// share nothing: a tangent goes where its element went (JAX's `_sort_jvp`).

import BloxIR

extension JVPTransform {
  mutating func applyOrdering(_ op: Ordering, _ inputs: [Dual]) throws(BloxError) -> [Dual] {
    var operands = inputs.map(\.primal)
    let axis: Int
    switch op {
    case .sort(let sort):
      axis = sort.axis
      let type = builder.type(of: operands[0])
      let dtype: DType = type.shape[axis] <= Int(Int32.max) ? .i32 : .i64
      operands.append(try builder.emitOne(.iota(type.with(dtype: dtype), axis: axis), []))
    case .topK(let top): axis = top.axis
    }
    var results = try builder.emit(.ordering(op), operands).map { Operand.value($0) }
    let places = results[results.count - 1]
    switch op {
    case .sort: results.removeLast()
    case .topK: break
    }
    var duals: [Dual] = []
    for (index, result) in results.enumerated() {
      let tangent = index < inputs.count ? inputs[index].tangent : nil
      duals.append(Dual(primal: result, tangent: try builder.moved(tangent, to: places, axis: axis)))
    }
    return duals
  }
}

extension ProgramBuilder {
  /// The elements of `x` at places along an axis, each place at most once. Zero where there are no elements.
  fileprivate mutating func moved(_ x: Operand?, to places: Operand, axis: Int) throws(BloxError) -> Operand? {
    let type = type(of: places)
    guard let x, type.elementCount > 0 else { return nil }
    let others = type.shape.indices.filter { $0 != axis }
    let dims = Op.GatherDimensions(
      offsetDims: [], collapsedDims: [axis], operandBatchDims: others, indicesBatchDims: others, indexMap: [axis],
      sliceSizes: type.shape.map { _ in 1 }, mode: .promiseInBounds, isUnique: true)
    return try gather(x, try reshape(places, to: type.shape + [1]), dims)
  }
}
