// How dtypes combine: JAX's promotion lattice, and scalars that take the tensor's dtype.

import BloxIR

extension DType {
  /// The dtype in which two tensors combine (JAX's `promote_types` without 64-bit defaults).
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` for a key, which combines with nothing else.
  public func promoted(with other: DType) throws(BloxError) -> DType {
    if self == other { return self }
    switch (kind, other.kind) {
    case (.key, _), (_, .key):
      throw BloxError(.dtypeMismatch, "\(self) and \(other) do not combine: random keys take part in no arithmetic")
    case (.boolean, _): return other
    case (_, .boolean): return self
    case (.floating, .floating):
      if bitWidth == other.bitWidth { return .f32 }
      return bitWidth > other.bitWidth ? self : other
    case (.floating, _): return self
    case (_, .floating): return other
    case (.signed, .signed), (.unsigned, .unsigned): return bitWidth > other.bitWidth ? self : other
    case (.signed, .unsigned): return DType.promoted(signed: self, unsigned: other)
    case (.unsigned, .signed): return DType.promoted(signed: other, unsigned: self)
    }
  }

  private static func promoted(signed: DType, unsigned: DType) -> DType {
    if signed.bitWidth > unsigned.bitWidth { return signed }
    switch unsigned.bitWidth {
    case 8: return .i16
    // JAX without 64-bit defaults has no i64 to hold both.
    case 16, 32: return .i32
    // No integer holds both u64 and signed values.
    case _: return .f32
    }
  }

  /// The dtype in which a tensor combines with a floating-point scalar.
  var withFloatScalar: DType { isFloating ? self : .f32 }
  /// The dtype in which a tensor combines with an integer scalar.
  var withIntScalar: DType { self == .bool ? .i32 : self }
  /// The dtype in which functions such as `exp` and true division compute.
  package var inexact: DType { isFloating ? self : .f32 }
  /// The dtype for arithmetic whose steps would overflow or lose digits in half the bits: `f64` stays, all else is `f32`.
  package var computing: DType { self == .f64 ? .f64 : .f32 }
}

extension Tensor {
  /// The tensor converted to another dtype; the same tensor when it has it.
  public func cast(to dtype: DType) throws -> Tensor {
    dtype == self.dtype ? self : try Tensor.apply(.convert(dtype), self)
  }

  /// The tensor under another shape if it is a literal of the running trace, which needs no instruction for that.
  func resplatted(to shape: [Int]) -> Tensor? {
    guard case .traced(let tracer) = representation, tracer.trace === Trace.current,
      let literal = tracer.operand.literal
    else { return nil }
    let operand = Operand.splat(literal, shape: shape)
    return Tensor(.traced(Tracer(trace: tracer.trace, operand: operand, type: TensorType(literal.dtype, shape))))
  }

  /// The tensor repeated to a larger shape, aligned at the last dimension as NumPy does.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when a dimension is neither 1 nor equal.
  public func broadcast(to shape: [Int], file: String = #fileID, line: Int = #line) throws -> Tensor {
    if shape == self.shape { return self }
    let offset = shape.count - rank
    let location = SourceLocation(file: file, line: line)
    guard offset >= 0, zip(self.shape, shape.dropFirst(offset)).allSatisfy({ $0 == $1 || $0 == 1 }) else {
      throw BloxError(
        .shapeMismatch, "broadcast: \(type) cannot be broadcast to the shape \(shape)",
        modulePath: ModuleScope.path.isEmpty ? nil : ModuleScope.path, location: location)
    }
    if let literal = resplatted(to: shape) { return literal }
    // Dimensions of size 1 are dropped first, so that the op names only dimensions it keeps.
    let kept = self.shape.indices.filter { self.shape[$0] != 1 || shape[$0 + offset] == 1 }
    let squeezed = try kept.count == rank ? self : reshape(kept.map { self.shape[$0] })
    return try Tensor.apply(
      .broadcastInDim(shape: shape, dims: kept.map { $0 + offset }), squeezed, location: location)
  }

  /// The shape two shapes broadcast to, or `nil`.
  static func broadcastShape(_ a: [Int], _ b: [Int]) -> [Int]? {
    var shape: [Int] = []
    for position in 1...Swift.max(a.count, b.count, 1) {
      let (x, y) = (
        position <= a.count ? a[a.count - position] : 1, position <= b.count ? b[b.count - position] : 1
      )
      guard position <= Swift.max(a.count, b.count) else { break }
      guard x == y || x == 1 || y == 1 else { return nil }
      shape.append(x == 1 ? y : x)
    }
    return shape.reversed()
  }

  /// Two tensors with one dtype and one shape, ready for an elementwise operation.
  static func aligned(_ a: Tensor, _ b: Tensor, for operation: String) throws -> (Tensor, Tensor) {
    if a.type == b.type { return (a, b) }
    let dtype = try a.dtype.promoted(with: b.dtype)
    guard let shape = broadcastShape(a.shape, b.shape) else {
      let path = ModuleScope.path
      throw BloxError(
        .shapeMismatch, "\(operation): the shapes of \(a.type) and \(b.type) do not broadcast",
        modulePath: path.isEmpty ? nil : path)
    }
    return (try a.cast(to: dtype).broadcast(to: shape), try b.cast(to: dtype).broadcast(to: shape))
  }
}
