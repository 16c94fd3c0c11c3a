// The JSON of a safetensors header, read by its schema.

import BloxIR

extension JSONReader {
  mutating func safetensorsHeader() throws(BloxError) -> SafetensorsFormat.Header {
    guard starts(with: "{") else { throw failure("does not start with '{'") }
    var header = SafetensorsFormat.Header()
    var names: Set<String> = []
    try members { (parser: inout Self, name) throws(BloxError) in
      guard names.insert(name).inserted else { throw parser.failure("has '\(name)' twice") }
      if name == SafetensorsFormat.metadataName {
        try parser.members { (parser: inout Self, key) throws(BloxError) in
          guard header.metadata.updateValue(try parser.string(), forKey: key) == nil else {
            throw parser.failure("has the metadata '\(key)' twice")
          }
        }
      } else {
        header.entries.append(try parser.entry(name))
      }
    }
    try end()
    return header
  }

  private mutating func entry(_ name: String) throws(BloxError) -> SafetensorsFormat.Entry {
    var (dtype, shape, offsets): (DType?, [Int]?, [Int]?)
    try members { (parser: inout Self, key) throws(BloxError) in
      switch key {
      case "dtype" where dtype == nil:
        let text = try parser.string()
        dtype = SafetensorsFormat.dtype(named: text)
        if dtype == nil {
          throw parser.failure(
            "gives '\(name)' the dtype '\(text)'; supported are BOOL, I8 to I64, U8 to U64, BF16, F16, F32, F64")
        }
      case "shape" where shape == nil: shape = try parser.numbers()
      case "data_offsets" where offsets == nil: offsets = try parser.numbers()
      case "dtype", "shape", "data_offsets": throw parser.failure("gives '\(name)' the field '\(key)' twice")
      default:
        throw parser.failure("gives '\(name)' the field '\(key)', which is none of dtype, shape and data_offsets")
      }
    }
    guard let dtype, let shape, let offsets else {
      throw failure("gives '\(name)' no dtype, no shape or no data_offsets")
    }
    guard offsets.count == 2 else { throw failure("gives '\(name)' \(offsets.count) data_offsets instead of 2") }
    return SafetensorsFormat.Entry(name: name, type: TensorType(dtype, shape), begin: offsets[0], end: offsets[1])
  }
}
