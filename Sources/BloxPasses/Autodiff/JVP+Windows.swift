// Tangent rules of ops on windows.

import BloxIR

extension JVPRule {
  func window(_ op: Op.WindowOp, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    guard let dx = tangent(0) else { return nil }
    switch op {
    case .reduce(.sum, _): return try b.emitOne(.window(op), [dx])
    case .reduce(.max, let window): return try b.emitOne(.window(.selectAndGatherAdd(.max, window)), [dx, primal(0)])
    case .reduce(.min, let window): return try b.emitOne(.window(.selectAndGatherAdd(.min, window)), [dx, primal(0)])
    case .reduce(.prod, let window): return try windowProduct(window, dx, &b)
    case .reduce(.and, _), .reduce(.or, _), .reduce(.xor, _): return nil
    // Which element is selected does not change with a small change of the elements.
    case .selectAndGatherAdd, .selectAndScatterAdd: return try b.emitOne(.window(op), [dx, primal(1)])
    }
  }

  /// The tangent of the product over taps, on the elements laid out tap by tap.
  private func windowProduct(
    _ window: Op.Window, _ dx: Operand, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand? {
    let dimensions = window.dimensions
    let axes = dimensions.indices.filter { dimensions[$0].size > 1 }
    let taps = axes.enumerated().map { $1 + $0 + 1 }
    let elements = try b.patches(primal(0), window, fill: 1)
    let tangents = try b.patches(dx, window, fill: 0)
    let rule = JVPRule(inputs: [Dual(primal: elements, tangent: tangents)], result: result)
    return try rule.product(axes: taps, tangents, &b)
  }
}

extension ProgramBuilder {
  /// The elements under each window: behind each dimension with windows of several taps, one for its taps.
  ///
  ///     x[n, c], windows of k on n   ->   [windows, k, c]
  fileprivate mutating func patches(
    _ x: Operand, _ window: Op.Window, fill: Double
  ) throws(BloxError) -> Operand {
    let dimensions = window.dimensions
    let padding = Op.Padding(low: window.low, high: window.high, interior: window.baseDilations.map { $0 - 1 })
    let shape = self.type(of: x).shape
    let counts = dimensions.indices.map { dimensions[$0].windowCount(over: shape[$0]) ?? 0 }
    var result = counts
    for dim in dimensions.indices.reversed() where dimensions[dim].size > 1 {
      result.insert(dimensions[dim].size, at: dim + 1)
    }
    let dtype = self.type(of: x).dtype
    guard !counts.contains(0) else { return .splat(Literal(fill, as: dtype), shape: result) }
    var patches = try emitOne(.pad(padding), [x, .splat(Literal(fill, as: dtype), shape: [])])
    // From the last dimension on, so that dimensions in front keep their numbers.
    for dim in dimensions.indices.reversed() {
      patches = try windows(of: patches, along: dim, dimensions[dim], count: counts[dim])
    }
    return patches
  }

  /// The places under each window along one dimension.
  private mutating func windows(
    of x: Operand, along dim: Int, _ dimension: WindowDimension, count: Int
  ) throws(BloxError) -> Operand {
    let shape = type(of: x).shape
    if dimension.size == 1 {
      var slice = Op.Slice(starts: shape.map { _ in 0 }, limits: shape)
      slice.strides[dim] = dimension.stride
      return try emitOne(.slice(slice), [x])
    }
    let dtype = shape[dim] <= Int(Int32.max) ? DType.i32 : .i64
    let places = TensorType(dtype, [count, dimension.size, 1])
    func scaled(_ axis: Int, by step: Int) throws(BloxError) -> Operand {
      let numbers = try emitOne(.iota(places, axis: axis), [])
      return try mul(numbers, .splat(Literal(step, as: dtype), shape: places.shape))
    }
    let start = try scaled(0, by: dimension.stride)
    let indices = try add(start, try scaled(1, by: dimension.windowDilation))
    var sizes = shape
    sizes[dim] = 1
    let rank = shape.count + 1
    let dims = Op.GatherDimensions(
      offsetDims: (0..<rank).filter { $0 != dim && $0 != dim + 1 }, collapsedDims: [dim], indexMap: [dim],
      sliceSizes: sizes, mode: .promiseInBounds)
    return try gather(x, indices, dims)
  }
}
