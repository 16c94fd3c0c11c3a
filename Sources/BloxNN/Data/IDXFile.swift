// The IDX format of the MNIST data sets.
//
// Source: the format section of the MNIST page of LeCun, Cortes and Burges. Numbers have their highest byte first:
//
//   0 0 code rank  size … size  elements

import BloxIR
import BloxRuntime
import BloxTrace

/// Reading of IDX files, such as `train-images-idx3-ubyte`, also compressed by gzip.
public enum IDXFile {
  /// The largest file that is read whole.
  private static let byteLimit = 1 << 34

  /// The array of a file: `u8`, `i8`, `i16`, `i32`, `f32` or `f64`, as the file says.
  ///
  /// - Throws: ``BloxError/Code/file`` saying what is wrong with the file.
  public static func load(_ path: String) throws -> Tensor {
    let reader = try ByteReader(path)
    guard reader.byteCount <= byteLimit else {
      throw BloxError(.file, "\(path) has \(reader.byteCount) bytes; at most \(byteLimit) are read")
    }
    var bytes = try reader.bytes(at: 0, count: reader.byteCount)
    if GzipFile.isGzip(bytes) { bytes = try GzipFile.contents(bytes, path) }
    return try tensor(bytes, path)
  }

  private static func tensor(_ bytes: [UInt8], _ path: String) throws(BloxError) -> Tensor {
    guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else {
      throw BloxError(.file, "\(path) is no IDX file: it does not start with two zeros, a dtype and a rank")
    }
    guard let dtype = dtype(bytes[2]) else {
      throw BloxError(.file, "\(path): the IDX dtype code \(bytes[2]) is not known; 8, 9 and 11 to 14 are")
    }
    let rank = Int(bytes[3])
    let start = 4 + 4 * rank
    guard bytes.count >= start else { throw BloxError(.file, "\(path): the file ends within the sizes") }
    let shape = (0..<rank).map { axis in bytes[(4 + 4 * axis)..<(8 + 4 * axis)].reduce(0) { $0 << 8 | Int($1) } }
    let type = TensorType(dtype, shape)
    try TensorFile.validate(type, path)
    guard bytes.count - start == type.byteCount else {
      throw BloxError(
        .file, "\(path): \(type) has \(type.byteCount) bytes of elements; the file has \(bytes.count - start)")
    }
    let storage = try Storage(byteCount: type.byteCount)
    let width = dtype.byteCount
    storage.withUnsafeMutableBytes { target in
      guard width > 1 else { return target.copyBytes(from: bytes[start...]) }
      for index in target.indices { target[index] = bytes[start + index / width * width + width - 1 - index % width] }
    }
    return Tensor(type: type, storage: storage)
  }

  private static func dtype(_ code: UInt8) -> DType? {
    switch code {
    case 0x08: .u8
    case 0x09: .i8
    case 0x0B: .i16
    case 0x0C: .i32
    case 0x0D: .f32
    case 0x0E: .f64
    default: nil
    }
  }
}
