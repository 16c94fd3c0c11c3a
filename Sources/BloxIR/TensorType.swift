// A tensor's type: element type and shape.

/// The type of a value: an element type and a static shape.
///
/// Prints as `f32[32,784]`, a scalar as `f32[]`. Dimensions may be zero.
public struct TensorType: Hashable, Sendable {
  /// The element type.
  public var dtype: DType
  /// The size of each dimension, outermost first.
  public var shape: [Int]

  /// Creates a type; an empty shape makes a scalar.
  public init(_ dtype: DType, _ shape: [Int] = []) {
    self.dtype = dtype
    self.shape = shape
  }

  /// The number of dimensions.
  public var rank: Int { shape.count }
  /// Whether the shape is empty.
  public var isScalar: Bool { shape.isEmpty }
  /// The number of elements. Types made by inference and parsing are known not to overflow.
  public var elementCount: Int { shape.reduce(1, *) }
  /// The size of the elements in memory, in bytes.
  public var byteCount: Int { elementCount * dtype.byteCount }

  /// The same shape with another element type.
  public func with(dtype: DType) -> TensorType { TensorType(dtype, shape) }
  /// The same element type with another shape.
  public func with(shape: [Int]) -> TensorType { TensorType(dtype, shape) }

  /// The largest number of bytes a tensor may have: what fits a signed 48-bit address.
  public static let byteLimit = 1 << 47

  /// The largest number of dimensions.
  public static let rankLimit = 64

  /// Throws ``BloxError/Code/invalidShape`` for negative dimensions, a size beyond ``byteLimit`` or more dimensions
  /// than ``rankLimit``.
  ///
  /// Dimensions of size zero count as one here, so that no product or sum of valid dimensions overflows.
  public func validate(_ context: @autoclosure () -> String) throws(BloxError) {
    guard shape.count <= TensorType.rankLimit else {
      throw BloxError(
        .invalidShape,
        "\(context()): a shape of \(shape.count) dimensions; at most \(TensorType.rankLimit) are allowed")
    }
    var bytes = dtype.byteCount
    for size in shape {
      guard size >= 0 else {
        throw BloxError(.invalidShape, "\(context()): the shape \(self) has a negative dimension")
      }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product <= TensorType.byteLimit else {
        throw BloxError(
          .invalidShape,
          "\(context()): a tensor of type \(self) does not fit in memory; at most 2^47 bytes are allowed")
      }
      bytes = product
    }
  }
}

extension TensorType: CustomStringConvertible {
  /// The text form, such as `f32[2,3]`.
  public var description: String {
    dtype.rawValue + "[" + shape.map(String.init).joined(separator: ",") + "]"
  }
}
