// Reference tensors as tensors, and comparing the two.

import BloxIR
import TestSupport

@testable import BloxTrace

extension DType {
  /// The dtype of a safetensors or NumPy name.
  init(stored name: String) throws {
    switch name {
    case "BOOL", "bool": self = .bool
    case "I8", "int8": self = .i8
    case "I16", "int16": self = .i16
    case "I32", "int32": self = .i32
    case "I64", "int64": self = .i64
    case "U8", "uint8": self = .u8
    case "U16", "uint16": self = .u16
    case "U32", "uint32": self = .u32
    case "U64", "uint64": self = .u64
    case "F16", "float16": self = .f16
    case "BF16", "bfloat16": self = .bf16
    case "F32", "float32": self = .f32
    case "F64", "float64": self = .f64
    case _: throw TestSupportError(file: "dtype", place: name, message: "is no dtype of this library")
    }
  }

  /// The safetensors name.
  var storedName: String {
    switch self {
    case .bool: "BOOL"
    case .i8: "I8"
    case .i16: "I16"
    case .i32: "I32"
    case .i64: "I64"
    case .u8: "U8"
    case .u16: "U16"
    case .u32: "U32"
    case .u64: "U64"
    case .f16: "F16"
    case .bf16: "BF16"
    case .f32: "F32"
    case .f64: "F64"
    case .key: "key"
    }
  }
}

extension Tensor {
  /// A tensor with a reference tensor's elements, bit for bit.
  init(_ stored: StoredTensor) throws {
    let type = TensorType(try DType(stored: stored.dtype), stored.shape)
    try self.init(constant: DenseConstant(type: type, bytes: stored.bytes))
  }

  /// The tensor as the reader of reference files has it; keys as their words.
  func stored(_ name: String = "result") throws -> StoredTensor {
    if dtype == .key { return try Key(self).words().stored(name) }
    return StoredTensor(name: name, dtype: dtype.storedName, shape: shape, bytes: try constant().bytes)
  }
}

/// How a tensor differs from a reference in dtype, shape or elements; `nil` when it does not.
func difference(
  _ got: Tensor, _ want: StoredTensor, exact: Bool, _ tolerance: (rtol: Double, atol: Double)
) throws -> String? {
  let stored = try got.stored()
  guard stored.dtype == want.dtype, stored.shape == want.shape else {
    return "got \(stored.dtype) \(stored.shape), want \(want.dtype) \(want.shape)"
  }
  guard want.isFloating else { return mismatch(got: try stored.ints(), want: try want.ints(), shape: want.shape) }
  let (a, b) = (try stored.doubles(), try want.doubles())
  return exact
    ? bitMismatch(got: a, want: b, shape: want.shape)
    : mismatch(got: a, want: b, rtol: tolerance.rtol, atol: tolerance.atol, shape: want.shape)
}
