// The element types of tensors.

/// The element type of a tensor.
///
/// Names and meanings follow StableHLO. ``key`` is a random key (threefry2x32, physically two `u32` words): it
/// has a shape like any other element type but no arithmetic, so that keys cannot be added by mistake.
public enum DType: String, CaseIterable, Hashable, Sendable {
  case bool
  case i8, i16, i32, i64
  case u8, u16, u32, u64
  case bf16, f16, f32, f64
  case key

  /// The size of one element in memory, in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .i8, .u8: 1
    case .i16, .u16, .bf16, .f16: 2
    case .i32, .u32, .f32: 4
    case .i64, .u64, .f64, .key: 8
    }
  }

  /// The number of bits of one element.
  public var bitWidth: Int { self == .bool ? 1 : byteCount * 8 }

  /// The algebra that applies to the elements.
  public enum Kind: Hashable, Sendable {
    case boolean, signed, unsigned, floating, key
  }

  /// The algebra that applies to the elements.
  public var kind: Kind {
    switch self {
    case .bool: .boolean
    case .i8, .i16, .i32, .i64: .signed
    case .u8, .u16, .u32, .u64: .unsigned
    case .bf16, .f16, .f32, .f64: .floating
    case .key: .key
    }
  }

  /// Whether the elements are floating-point numbers, which are what derivatives exist for.
  public var isFloating: Bool { kind == .floating }
  /// Whether the elements are integers, signed or unsigned.
  public var isInteger: Bool { kind == .signed || kind == .unsigned }
  /// Whether the elements are numbers, so that arithmetic applies.
  public var isNumeric: Bool { isFloating || isInteger }
}

extension DType: CustomStringConvertible {
  /// The name used in program text, such as `f32`.
  public var description: String { rawValue }
}
