// Tensors in files: safetensors and NumPy's npy and npz, chosen by the file's suffix.

import BloxIR
import BloxRuntime
import BloxTrace

/// Reading and writing tensors as files that other tools understand.
///
/// | suffix | holds | dtypes |
/// | --- | --- | --- |
/// | `.safetensors` | any number of named tensors | all; `key` as described below |
/// | `.npz` | any number of named tensors | as npy; read stored or deflated, written stored |
/// | `.npy` | one tensor without a name | all; `bf16` as the two-byte voids that NumPy with `ml_dtypes` writes |
///
/// Neither format knows random keys. They are written as their words, `u32[…,2]`. A safetensors file also says in its
/// metadata that they are keys (`"dtype:NAME": "key"`), so that they come back as keys; from npy and npz files come words,
/// which `Key(words:)` takes.
///
/// ```swift
/// try TensorFile.save([("kernel", kernel), ("bias", bias)], to: "layer.safetensors")
/// for (name, tensor) in try TensorFile.load("layer.safetensors") { print(name, tensor.type) }
/// ```
public enum TensorFile {
  /// The formats.
  package enum Format: Sendable {
    case npy, npz, safetensors

    /// The format of a path's suffix.
    package init(path: String) throws(BloxError) {
      if path.hasSuffix(".npy") {
        self = .npy
      } else if path.hasSuffix(".npz") {
        self = .npz
      } else if path.hasSuffix(".safetensors") {
        self = .safetensors
      } else {
        throw BloxError(
          .file, "\(path): cannot tell the format of this file; tensors are in .npy, .npz and .safetensors files")
      }
    }
  }

  /// The tensors of a file in the order of its header, with their names; the one of an npy file has the name `""`.
  ///
  /// Nothing in a file is trusted: sizes, offsets, dtypes and names are checked before memory is asked for.
  ///
  /// - Throws: ``BloxError/Code/file`` saying which file and what is wrong with it.
  public static func load(_ path: String) throws -> [(name: String, tensor: Tensor)] {
    let format = try Format(path: path)
    let reader = try ByteReader(path)
    switch format {
    case .npy: return [("", try NPYFile.load(reader))]
    case .npz: return try NPZFile.load(reader)
    case .safetensors: return try SafetensorsFormat.load(reader)
    }
  }

  /// Writes tensors to a file, which is replaced as a whole when everything has been written.
  ///
  /// - Parameters:
  ///   - tensors: Tensors with unique names; exactly one for an npy file, which does not keep its name.
  ///   - path: A path that ends in `.safetensors`, `.npz` or `.npy`.
  ///   - metadata: Texts that a safetensors file keeps beside the tensors; see ``metadata(_:)``.
  /// - Throws: ``BloxError/Code/file`` when the file cannot be written, ``BloxError/Code/invalidArgument`` for names
  ///   that are not unique or a number of tensors that the format does not hold, and the errors of
  ///   ``Tensor/constant()``.
  public static func save(
    _ tensors: [(name: String, tensor: Tensor)], to path: String, metadata: [String: String] = [:]
  ) throws {
    let constants = try tensors.map { (name: $0.name, constant: try $0.tensor.constant()) }
    let format = try Format(path: path)
    guard metadata.isEmpty || format == .safetensors else {
      throw BloxError(.invalidArgument, "\(path): npy and npz files hold no metadata; use .safetensors")
    }
    switch format {
    case .npy:
      guard constants.count == 1 else {
        throw BloxError(
          .invalidArgument, "\(path): an npy file holds one tensor, not \(constants.count); use .npz or .safetensors")
      }
      try ByteFile.write([NPYFile.header(constants[0].constant.type), constants[0].constant.bytes], to: path)
    case .npz: try NPZFile.save(constants, to: path)
    case .safetensors:
      let layout = try SafetensorsFormat.Layout(constants.map { ($0.name, $0.constant.type) }, metadata, path)
      try ByteFile.write([layout.header] + layout.order.map { constants[$0].constant.bytes }, to: path)
    }
  }

  /// The texts that a safetensors file holds beside its tensors.
  ///
  /// - Throws: As ``load(_:)``; npy and npz files have none, which is an error.
  public static func metadata(_ path: String) throws -> [String: String] {
    guard case .safetensors = try Format(path: path) else {
      throw BloxError(.file, "\(path): npy and npz files hold no metadata")
    }
    let reader = try ByteReader(path)
    return Dictionary(
      uniqueKeysWithValues: try SafetensorsFormat.header(reader).metadata.filter { !$0.key.hasPrefix("dtype:") })
  }

  /// The bytes of a `bool` tensor may only be 0 and 1: kernels rely on it.
  static func checkTruthValues(_ storage: Storage, _ what: String) throws(BloxError) {
    let wrong = storage.withUnsafeBytes { bytes in bytes.firstIndex { $0 > 1 }.map { ($0, bytes[$0]) } }
    if let (index, byte) = wrong {
      throw BloxError(.file, "\(what): element \(index) is the byte \(byte); a bool is 0 or 1")
    }
  }

  /// Throws unless a shape from a file is that of a tensor that can exist.
  static func validate(_ type: TensorType, _ what: String) throws(BloxError) {
    do throws(BloxError) {
      try type.validate(what)
    } catch {
      throw BloxError(.file, error.message)
    }
  }
}

extension TensorType {
  /// The type under which a tensor is stored: keys are words.
  var stored: TensorType { dtype == .key ? TensorType(.u32, shape + [2]) : self }
}
