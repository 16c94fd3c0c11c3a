// Parameters of reference cases as containers, and comparing the two.

import BloxNN
import TestSupport
import Testing

@testable import BloxTrace

extension MetadataValue {
  /// A value of a manifest.
  init?(_ json: JSON) {
    if let text = json.string {
      self = .string(text)
    } else if let axes = json.array {
      self = .axes(axes.map(\.string))
    } else if let value = json.int {
      self = .int(value)
    } else {
      return nil
    }
  }
}

/// How a container differs from reference entries in paths (in order), flags, metadata or values; empty if it does not.
func differences(
  _ params: Params, _ entries: [ConformanceCase.Entry], comparesFlags: Bool = false,
  rtol: Double = 0, atol: Double = 0
) throws -> [String] {
  var found: [String] = []
  let wanted = entries.map { ParamPath($0.path) }
  if params.keys != wanted { found.append("paths are \(params.keys), want \(wanted)") }
  for entry in entries {
    guard let param = params.find(ParamPath(entry.path)) else { continue }
    let path = entry.path.joined(separator: "/")
    if comparesFlags {
      let metadata = entry.metadata.object?.compactMapValues { MetadataValue($0) }
      if param.isTrainable != entry.trainable { found.append("\(path): isTrainable is \(param.isTrainable)") }
      if param.metadata != metadata { found.append("\(path): metadata is \(param.metadata), want \(entry.metadata)") }
    }
    guard let want = entry.tensor else { continue }
    if let text = try difference(param.value, want, exact: false, (rtol, atol)) { found.append("\(path): \(text)") }
  }
  return found
}
