// Writing of safetensors headers.

import BloxIR

extension SafetensorsFormat {
  /// The header for tensors, and the order in which their elements follow.
  struct Layout {
    /// Everything before the elements.
    let header: [UInt8]
    /// Indices of the tensors in the order of their elements.
    let order: [Int]

    /// Entries stand in the given order; elements of wide dtypes come first, so that all are aligned.
    init(
      _ tensors: [(name: String, type: TensorType)], _ metadata: [String: String], _ path: String
    ) throws(BloxError) {
      var names: Set<String> = [metadataName]
      for (name, _) in tensors where !names.insert(name).inserted {
        let why = name == metadataName ? "the format keeps that name for itself" : "names must be unique"
        throw BloxError(.invalidArgument, "\(path): a tensor cannot be saved as '\(name)': \(why)")
      }
      if let name = metadata.keys.filter({ $0.hasPrefix("dtype:") }).min() {
        throw BloxError(.invalidArgument, "\(path): metadata named '\(name)' is kept for keys; use another name")
      }
      let types = tensors.map(\.type.stored)
      order = types.indices.sorted {
        (-types[$0].dtype.byteCount, $0) < (-types[$1].dtype.byteCount, $1)
      }
      var begins = Array(repeating: 0, count: types.count)
      var end = 0
      for index in order {
        begins[index] = end
        end += types[index].byteCount
      }

      var texts = metadata
      for (name, type) in tensors where type.dtype == .key { texts["dtype:" + name] = "key" }
      var members: [String] = []
      if !texts.isEmpty {
        let pairs = texts.sorted { $0.key < $1.key }.map { "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))" }
        members.append("\(JSONText.quoted(metadataName)):{\(pairs.joined(separator: ","))}")
      }
      for (index, (name, _)) in tensors.enumerated() {
        let shape = types[index].shape.map(String.init).joined(separator: ",")
        members.append(
          "\(JSONText.quoted(name)):{\"dtype\":\"\(SafetensorsFormat.name(types[index].dtype))\",\"shape\":[\(shape)],"
            + "\"data_offsets\":[\(begins[index]),\(begins[index] + types[index].byteCount)]}")
      }
      var text = Array("{\(members.joined(separator: ","))}".utf8)
      text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
      header = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
    }
  }
}
