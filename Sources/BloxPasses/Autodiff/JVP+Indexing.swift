// Tangent rules of indexing ops. Places are integers, so tangents come from the elements alone.

import BloxIR

extension JVPRule {
  func indexing(_ op: Op.Indexing, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let places = inputs.dropFirst().map(\.primal)
    switch op {
    case .reverse, .dynamicSlice:
      guard let dx = tangent(0) else { return nil }
      return try b.emitOne(.indexing(op), [dx] + places)
    case .dynamicUpdateSlice:
      return try b.emitOne(.indexing(op), [instantiated(0, b), instantiated(1, b)] + places.dropFirst())
    case .gather(let dims): return try gather(dims, &b)
    case .scatter(.add, _):
      return try b.emitOne(.indexing(op), [instantiated(0, b), primal(1), instantiated(2, b)])
    case .scatter(.set, let dims): return try scatter(dims, &b)
    case .scatter(.mul, let dims): return try scatterMul(dims, &b)
    case .scatter(let kind, let dims): return try scatterExtreme(kind, dims, &b)
    }
  }

  private func gather(_ dims: Op.GatherDimensions, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    guard inputs.count < 3 || tangent(2) == nil else {
      throw BloxError(.notDifferentiable, "gather: the fill value has no derivative rule; pass a constant")
    }
    guard let dx = tangent(0) else { return nil }
    return try b.gather(dx, primal(1), dims)
  }

  /// Of several updates of one element the last one counts, so its tangent is the one that counts: number the updates,
  /// scatter the numbers, and look which ones are still there (JAX's `_scatter_jvp`).
  private func scatter(_ dims: Op.ScatterDimensions, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let (dx, du) = (instantiated(0, b), instantiated(2, b))
    if dims.isUnique { return try b.emitOne(.indexing(.scatter(.set, dims)), [dx, primal(1), du]) }
    let (type, updates) = (b.type(of: primal(0)), b.type(of: primal(2)))
    guard updates.elementCount <= Int(Int32.max) - 1 else {
      throw BloxError(.invalidShape, "scatter: \(updates) has too many updates for a derivative")
    }
    let order = try b.emitOne(.iota(TensorType(.i32, [updates.elementCount]), axis: 0), [])
    let one = Operand.splat(Literal(1, as: .i32), shape: [updates.elementCount])
    let numbers = try b.reshape(try b.add(order, one), to: updates.shape)
    let none = Operand.splat(Literal(0, as: .i32), shape: type.shape)
    let winners = try b.emitOne(.indexing(.scatter(.set, dims)), [none, primal(1), numbers])
    let gathered = try b.gather(winners, primal(1), dims.gather(operand: type.shape, updates: updates.shape))
    let kept = try b.select(try b.compare(.eq, winners, none), dx, b.splat(0, like: dx))
    let counted = try b.select(try b.compare(.eq, gathered, numbers), du, b.splat(0, like: du))
    return try b.emitOne(.indexing(.scatter(.add, dims)), [kept, primal(1), counted])
  }

  /// The operand's factor is the product of its updates. That of an update is everything else that meets at its
  /// element, which is one product for each update only where updates do not meet.
  private func scatterMul(_ dims: Op.ScatterDimensions, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    var total: Operand?
    if let dx = tangent(0) { total = try b.emitOne(.indexing(.scatter(.mul, dims)), [dx, primal(1), primal(2)]) }
    guard let du = tangent(2) else { return total }
    guard dims.isUnique else {
      throw BloxError(
        .notDifferentiable,
        "scatter_mul: has a derivative with respect to the updates only if the indices are marked unique")
    }
    let spread = try b.emitOne(.indexing(.scatter(.add, dims)), [b.splat(0, like: primal(0)), primal(1), du])
    return try sum(total, try b.mul(primal(0), spread), &b)
  }

  /// The mean of the tangents of all that are equal to the result, the operand's element among them.
  private func scatterExtreme(
    _ kind: Op.ScatterKind, _ dims: Op.ScatterDimensions, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand? {
    let (x, updates) = (primal(0), primal(2))
    let type = b.type(of: x)
    let reading = dims.gather(operand: type.shape, updates: b.type(of: updates).shape)
    let add = Op.indexing(.scatter(.add, dims))
    let isKept = try b.emitOne(.convert(type.dtype), [try b.compare(.eq, x, result)])
    let isTaken = try b.emitOne(
      .convert(type.dtype), [try b.compare(.eq, updates, try b.gather(result, primal(1), reading))])
    let count = try b.emitOne(add, [isKept, primal(1), isTaken])
    // Every element is equal to itself or to an update, unless it is NaN.
    let kept = try b.mul(instantiated(0, b), try b.div(isKept, count))
    let taken = try b.mul(instantiated(2, b), try b.div(isTaken, try b.gather(count, primal(1), reading)))
    return try b.emitOne(add, [kept, primal(1), taken])
  }
}

extension ProgramBuilder {
  /// A gather; windows that are left out have zeros.
  mutating func gather(
    _ x: Operand, _ indices: Operand, _ dims: Op.GatherDimensions
  ) throws(BloxError) -> Operand {
    let zero = Operand.splat(Literal(0, as: type(of: x).dtype), shape: [])
    return try emitOne(.indexing(.gather(dims)), dims.mode == .fillOrDrop ? [x, indices, zero] : [x, indices])
  }
}
