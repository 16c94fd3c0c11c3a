// What a module was configured with, read from its stored properties by reflection.
//
// Swift cannot record the arguments of an initializer, but modules keep their configuration in stored properties, so
// that these say the same without any work for the writer of a module. Dictionaries and sets are sorted by text: their
// own order changes from run to run.

import BloxTrace

/// One setting of a module: a property with what it holds.
struct ModuleSetting {
  let name: String
  let value: SettingValue
}

/// What a setting holds, with modules apart from plain text so that a display can link to them.
indirect enum SettingValue {
  case text(String)
  case module(Module)
  /// Values between an opening and a closing text; labels are empty for positions.
  case group(open: String, [(label: String, value: SettingValue)], close: String)

  /// The modules in it, in order.
  var modules: [Module] {
    switch self {
    case .text: []
    case .module(let module): [module]
    case .group(_, let members, _): members.flatMap(\.value.modules)
    }
  }

  /// The value as text, with each module as `name` says.
  func text(_ name: (Module) -> String) -> String {
    switch self {
    case .text(let text): text
    case .module(let module): name(module)
    case .group(let open, let members, let close):
      open
        + members.map { ($0.label.isEmpty ? "" : $0.label + ": ") + $0.value.text(name) }.joined(separator: ", ")
        + close
    }
  }
}

extension Module {
  /// The settings in the order of the properties, those of a base class first; properties that are `nil` are left out.
  var settings: [ModuleSetting] {
    var mirrors: [Mirror] = []
    var next: Mirror? = Mirror(reflecting: self)
    while let mirror = next, mirror.subjectType != Module.self {
      mirrors.append(mirror)
      next = mirror.superclassMirror
    }
    return mirrors.reversed().flatMap(\.children).compactMap { child in
      guard let label = child.label, !label.hasPrefix("$__lazy_storage_") else { return nil }
      guard let value = SettingValue(reflecting: child.value) else { return nil }
      // A property wrapper stores under the property's name with an underscore.
      return ModuleSetting(name: label.hasPrefix("_") ? String(label.dropFirst()) : label, value: value)
    }
  }
}

extension SettingValue {
  /// How deep nested values are followed; what is deeper is shown by its type.
  private static let depthLimit = 6

  /// The value of a property; `nil` for `nil`.
  init?(reflecting value: Any, depth: Int = 0) {
    if let module = value as? Module {
      self = .module(module)
      return
    }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional {
      guard let wrapped = mirror.children.first?.value else { return nil }
      self.init(reflecting: wrapped, depth: depth)
      return
    }
    guard depth < Self.depthLimit else {
      self = .text("\(type(of: value))")
      return
    }
    self = Self.contents(value, mirror, depth) ?? .text(Self.plain(value))
  }

  private static func plain(_ value: Any) -> String {
    if let text = value as? String { return "\"\(text)\"" }
    // Elements would be computed on, or missing in a traced tensor; its type is what configures.
    if let tensor = value as? Tensor { return "\(tensor.type)" }
    if let params = value as? Params { return "Params(\(params.count))" }
    if let axes = value as? ParamPath { return "\(axes)" }
    return "\(value)"
  }

  private static func member(_ value: Any, _ depth: Int) -> SettingValue {
    SettingValue(reflecting: value, depth: depth + 1) ?? .text("nil")
  }

  /// The parts of a value; `nil` for one that is shown as it prints itself.
  private static func contents(_ value: Any, _ mirror: Mirror, _ depth: Int) -> SettingValue? {
    switch mirror.displayStyle {
    case .collection:
      return .group(open: "[", mirror.children.map { ("", member($0.value, depth)) }, close: "]")
    case .set:
      let members = mirror.children.map { member($0.value, depth) }
      let sorted = members.map { ($0.text(shortName), $0) }.sorted { $0.0 < $1.0 }
      return .group(open: "[", sorted.map { ("", $0.1) }, close: "]")
    case .dictionary:
      let pairs = mirror.children.compactMap { child -> (label: String, value: SettingValue)? in
        let pair = Array(Mirror(reflecting: child.value).children)
        guard pair.count == 2 else { return nil }
        return (member(pair[0].value, depth).text(shortName), member(pair[1].value, depth))
      }
      if pairs.isEmpty { return .text("[:]") }
      return .group(open: "[", pairs.sorted { $0.label < $1.label }, close: "]")
    case .tuple:
      let members = mirror.children.map { child in
        (label: child.label.map { $0.hasPrefix(".") ? "" : $0 } ?? "", value: member(child.value, depth))
      }
      return .group(open: "(", members, close: ")")
    case .enum:
      // A case with a module in it, such as a step of a Sequential, is the module.
      guard let payload = mirror.children.first.map({ member($0.value, depth) }), !payload.modules.isEmpty else {
        return nil
      }
      return payload
    case .struct where !(value is any CustomStringConvertible) && !mirror.children.isEmpty:
      let members = mirror.children.map { (label: $0.label ?? "", value: member($0.value, depth)) }
      return .group(open: "\(type(of: value))(", members, close: ")")
    case .struct, .class, .optional, .foreignReference, .none: return nil
    @unknown default: return nil
    }
  }

  private static func shortName(_ module: Module) -> String { "\(type(of: module))()" }
}
