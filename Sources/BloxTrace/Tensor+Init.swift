// Making tensors of numbers.

import BloxIR
import BloxRuntime

/// A Swift number that a tensor can be made of and read as.
public protocol TensorScalar: Sendable {
  /// The dtype of a tensor made of such numbers when none is asked for: `Double` gives `f32` and `Int` gives `i32`,
  /// as JAX's defaults have it.
  static var defaultDType: DType { get }
  /// The number as an element of a dtype, rounded or wrapped.
  func literal(as dtype: DType) -> Literal
  /// The number nearest to an element; integers saturate.
  init(_ literal: Literal)
}

extension TensorScalar where Self: FixedWidthInteger {
  /// The number as an element of a dtype, rounded or wrapped.
  public func literal(as dtype: DType) -> Literal {
    Self.isSigned || self <= Self(clamping: Int.max)
      ? Literal(Int(truncatingIfNeeded: self), as: dtype)
      : dtype.isFloating
        ? Literal(Double(self), as: dtype) : Literal(dtype: dtype, bits: UInt64(truncatingIfNeeded: self))
  }
  /// The number nearest to an element; integers saturate.
  public init(_ literal: Literal) {
    switch literal.dtype.kind {
    case .signed: self.init(clamping: literal.signedValue)
    case .unsigned, .boolean, .key: self.init(clamping: literal.bits)
    case .floating:
      let value = literal.doubleValue
      self = value.isNaN ? 0 : value <= Double(Self.min) ? .min : value >= Double(Self.max) ? .max : Self(value)
    }
  }
}

extension Double: TensorScalar {
  /// `f32`.
  public static var defaultDType: DType { .f32 }
  /// The number rounded to an element of a dtype.
  public func literal(as dtype: DType) -> Literal { Literal(self, as: dtype) }
  /// The value of an element.
  public init(_ literal: Literal) { self = literal.doubleValue }
}

extension Float: TensorScalar {
  /// `f32`.
  public static var defaultDType: DType { .f32 }
  /// The number rounded to an element of a dtype.
  public func literal(as dtype: DType) -> Literal { Literal(Double(self), as: dtype) }
  /// The value of an element, rounded.
  public init(_ literal: Literal) { self = Float(literal.doubleValue) }
}

extension Bool: TensorScalar {
  /// `bool`.
  public static var defaultDType: DType { .bool }
  /// 0 or 1 as an element of a dtype.
  public func literal(as dtype: DType) -> Literal { Literal(self ? 1 : 0, as: dtype) }
  /// Whether an element is not zero.
  public init(_ literal: Literal) { self = !literal.isZero }
}

extension Int: TensorScalar {
  /// `i32`.
  public static var defaultDType: DType { .i32 }
}
extension Int8: TensorScalar {
  /// `i8`.
  public static var defaultDType: DType { .i8 }
}
extension Int16: TensorScalar {
  /// `i16`.
  public static var defaultDType: DType { .i16 }
}
extension Int32: TensorScalar {
  /// `i32`.
  public static var defaultDType: DType { .i32 }
}
extension Int64: TensorScalar {
  /// `i64`.
  public static var defaultDType: DType { .i64 }
}
extension UInt8: TensorScalar {
  /// `u8`.
  public static var defaultDType: DType { .u8 }
}
extension UInt16: TensorScalar {
  /// `u16`.
  public static var defaultDType: DType { .u16 }
}
extension UInt32: TensorScalar {
  /// `u32`.
  public static var defaultDType: DType { .u32 }
}
extension UInt64: TensorScalar {
  /// `u64`.
  public static var defaultDType: DType { .u64 }
}

extension Tensor {
  /// A tensor of the given elements in row-major order.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the number of elements is not the shape's.
  public init<Scalar: TensorScalar>(
    shape: [Int], scalars: [Scalar], dtype: DType? = nil, file: String = #fileID, line: Int = #line
  ) throws {
    let type = TensorType(dtype ?? Scalar.defaultDType, shape)
    let location = SourceLocation(file: file, line: line)
    guard type.dtype != .key else {
      throw BloxError(
        .invalidDType, "a key tensor cannot be made of numbers; make keys with Key(seed)", location: location)
    }
    try type.validate("Tensor")
    guard scalars.count == type.elementCount else {
      throw BloxError(
        .shapeMismatch, "Tensor: \(scalars.count) elements were given for \(type), which has \(type.elementCount)",
        location: location)
    }
    if let floats = scalars as? [Float], type.dtype == .f32 {
      self.init(type: type, storage: try Storage(floats))
    } else {
      try self.init(constant: DenseConstant(type: type, elements: scalars.map { $0.literal(as: type.dtype) }))
    }
  }

  /// A vector.
  public init(_ values: [Double], dtype: DType = .f32) throws {
    try self.init(shape: [values.count], scalars: values, dtype: dtype)
  }

  /// A matrix given by its rows.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when rows differ in length.
  public init(_ rows: [[Double]], dtype: DType = .f32) throws {
    let width = rows.first?.count ?? 0
    guard rows.allSatisfy({ $0.count == width }) else {
      throw BloxError(.shapeMismatch, "Tensor: the rows have different lengths: \(rows.map(\.count))")
    }
    try self.init(shape: [rows.count, width], scalars: rows.flatMap { $0 }, dtype: dtype)
  }

  /// A three-dimensional tensor given by nested rows.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when rows differ in length.
  public init(_ planes: [[[Double]]], dtype: DType = .f32) throws {
    let (height, width) = (planes.first?.count ?? 0, planes.first?.first?.count ?? 0)
    guard planes.allSatisfy({ $0.count == height && $0.allSatisfy { $0.count == width } }) else {
      throw BloxError(.shapeMismatch, "Tensor: the nested rows have different lengths")
    }
    try self.init(
      shape: [planes.count, height, width], scalars: planes.flatMap { $0.flatMap { $0 } }, dtype: dtype)
  }

  /// A scalar: `f32` unless another dtype is asked for.
  public init(_ value: Double, dtype: DType = .f32) { self.init(scalar: value.literal(as: dtype)) }
  /// A scalar: `i32` unless another dtype is asked for.
  public init(_ value: Int, dtype: DType = .i32) { self.init(scalar: value.literal(as: dtype)) }
  /// A scalar truth value.
  public init(_ value: Bool) { self.init(scalar: value.literal(as: .bool)) }

  init(scalar literal: Literal) {
    do {
      try self.init(constant: DenseConstant(literal, shape: []))
    } catch {
      preconditionFailure("no memory for a scalar")
    }
  }

  /// A tensor with one value in every element.
  public static func full(
    _ shape: [Int], _ value: Double, dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try splat(Literal(value, as: dtype), shape)
    }
  }

  /// A tensor of zeros.
  public static func zeros(_ shape: [Int], dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) { try full(shape, 0, dtype: dtype) }
  }
  /// A tensor of ones.
  public static func ones(_ shape: [Int], dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) { try full(shape, 1, dtype: dtype) }
  }
  /// Zeros of another tensor's type.
  public static func zeros(like other: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try zeros(other.shape, dtype: other.dtype) }
  }
  /// Ones of another tensor's type.
  public static func ones(like other: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try ones(other.shape, dtype: other.dtype) }
  }

  private static func splat(_ literal: Literal, _ shape: [Int]) throws -> Tensor {
    let type = TensorType(literal.dtype, shape)
    try type.validate("Tensor.full")
    if let trace = Trace.current {
      // A literal needs no instruction: it stands in the operands of those that read it.
      return Tensor(.traced(Tracer(trace: trace, operand: .splat(literal, shape: shape), type: type)))
    }
    let storage = try Storage(byteCount: type.byteCount)
    storage.fill(with: literal)
    return Tensor(type: type, storage: storage)
  }

  /// The index along an axis in every element.
  public static func iota(_ shape: [Int], axis: Int = 0, dtype: DType = .i32, file: String = #fileID, line: Int = #line)
    throws -> Tensor
  {
    try located(file, line) {
      let axis = try normalizedAxis(axis, rank: shape.count, for: "iota")
      return try apply(.iota(TensorType(dtype, shape), axis: axis), [])
    }
  }

  /// The integers `0 ..< count`.
  public static func arange(_ count: Int, dtype: DType = .i32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) { try iota([count], dtype: dtype) }
  }

  /// The identity matrix.
  public static func eye(_ size: Int, dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      try (try iota([size, size], axis: 0) .== (try iota([size, size], axis: 1))).cast(to: dtype)
    }
  }
}

extension Storage {
  /// Writes one value to every element. Only for the maker of the block.
  fileprivate func fill(with literal: Literal) {
    withUnsafeMutableBytes { bytes in
      switch literal.dtype.byteCount {
      case 1: bytes.bindMemory(to: UInt8.self).update(repeating: UInt8(truncatingIfNeeded: literal.bits))
      case 2: bytes.bindMemory(to: UInt16.self).update(repeating: UInt16(truncatingIfNeeded: literal.bits))
      case 4: bytes.bindMemory(to: UInt32.self).update(repeating: UInt32(truncatingIfNeeded: literal.bits))
      case _: bytes.bindMemory(to: UInt64.self).update(repeating: literal.bits)
      }
    }
  }
}
