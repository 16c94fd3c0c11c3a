// NumPy's npz format: a zip archive with an npy file for each named array.

import BloxIR
import BloxTrace

enum NPZFile {
  private static let suffix = ".npy"

  static func load(_ reader: borrowing ByteReader) throws -> [(name: String, tensor: Tensor)] {
    let archive = try ZipArchive(reader)
    var tensors: [(name: String, tensor: Tensor)] = []
    for entry in archive.entries {
      guard entry.name.hasSuffix(suffix) else {
        throw BloxError(.file, "\(reader.path): the entry '\(entry.name)' is no npy file, which an npz file is made of")
      }
      let contents = try archive.contents(entry, reader)
      let source = ByteBuffer(path: "\(reader.path): '\(entry.name)'", contents: contents)
      tensors.append((String(entry.name.dropLast(suffix.count)), try NPYFile.load(source)))
    }
    return tensors
  }

  static func save(_ tensors: [(name: String, constant: DenseConstant)], to path: String) throws(BloxError) {
    var names: Set<String> = []
    for (name, _) in tensors where !names.insert(name).inserted {
      throw BloxError(.invalidArgument, "\(path): a tensor cannot be saved as '\(name)': names must be unique")
    }
    let contents = tensors.map { [NPYFile.header($0.constant.type), $0.constant.bytes] }
    let entries = zip(tensors, contents).map { tensor, pieces in
      (
        name: tensor.name + suffix, byteCount: pieces.reduce(0) { $0 + $1.count },
        checksum: CRC32.checksum(pieces)
      )
    }
    let layout = try ZipArchive.Layout(entries, path)
    try ByteFile.write(zip(layout.headers, contents).flatMap { [$0] + $1 } + [layout.directory], to: path)
  }
}
