// How tensors are written on a command line and in the directives of `.bir` files.
//
//   3xf32=1,2,3            elements in row-major order; 2x3xf32=0.5 is one value everywhere; f32=1 is a scalar
//   f32[2,3]=0.5           the same type as it stands in programs
//   0.5                    one value everywhere, in the type that is wanted
//   random  random:normal  random:uniform  random:-1..1
//   iota                   0, 1, 2, … in row-major order
//   key(42)                the random key of a seed
//   @x.npy  @x.safetensors  @x.safetensors:NAME
//
// `random`, `iota` and files may follow a type, as in 3xf32=random. `NAME=` before all of that says which input is
// meant.

import BloxIR
import BloxNN

/// A tensor as somebody wrote it.
package struct ValueSpec: Sendable {
  /// Which numbers are drawn.
  enum Distribution: Sendable {
    /// Normal floats, small integers, truth values, keys.
    case standard
    case normal, uniform
    case range(Double, Double)
  }

  enum Source: Sendable {
    case elements([String])
    case random(Distribution)
    case iota
    case file(path: String, tensor: String?)
  }

  let text: String
  /// The type, where one is written.
  let type: TensorType?
  let source: Source

  /// Reads a value without a name.
  package init(_ text: String) throws(BloxError) {
    self.text = text
    var rest = text[...]
    if let equals = text.firstIndex(of: "="), let type = TensorType(written: text[..<equals]) {
      try type.validate("'\(text)'")
      self.type = type
      rest = text[text.index(after: equals)...]
    } else {
      type = nil
    }
    source = try ValueSpec.source(rest, of: text)
  }

  private static func source(_ rest: Substring, of text: String) throws(BloxError) -> Source {
    if rest == "iota" { return .iota }
    if rest == "random" { return .random(.standard) }
    if rest.hasPrefix("random:") { return .random(try distribution(rest.dropFirst(7))) }
    if rest.hasPrefix("@") {
      // A tensor's name may hold anything, so the path ends at the suffix.
      if let end = rest.range(of: ".safetensors:") {
        let path = rest[..<rest.index(before: end.upperBound)].dropFirst()
        return .file(path: String(path), tensor: String(rest[end.upperBound...]))
      }
      return .file(path: String(rest.dropFirst()), tensor: nil)
    }
    let words = rest.split { $0 == "," || $0 == " " }.map(String.init)
    let isValue = words.allSatisfy { word in
      DType.allCases.contains { ValueSpec.literal(word, as: $0) != nil }
    }
    guard isValue else {
      throw BloxError(
        .usage,
        "'\(text)' is no value; write a type and elements such as 3xf32=1,2,3, or random, iota, key(42), @FILE.npy,"
          + " @FILE.safetensors:NAME")
    }
    return .elements(words)
  }

  private static func distribution(_ text: Substring) throws(BloxError) -> Distribution {
    if text == "normal" { return .normal }
    if text == "uniform" { return .uniform }
    if let dots = text.range(of: ".."), let low = Double(text[..<dots.lowerBound]),
      let high = Double(text[dots.upperBound...]), low <= high, low.isFinite, high.isFinite
    {
      return .range(low, high)
    }
    throw BloxError(
      .usage, "random:\(text): there are random:normal, random:uniform and ranges such as random:-1..1")
  }

  /// An element as it is written: as in programs, and with 0 and 1 for bool, seeds for keys.
  static func literal(_ word: String, as dtype: DType) -> Literal? {
    switch dtype {
    case .bool where word == "0" || word == "1": return Literal(word == "1" ? 1 : 0, as: .bool)
    case .key where word.hasPrefix("key(") && word.hasSuffix(")"):
      let number = word.dropFirst(4).dropLast()
      let bits = number.hasPrefix("0x") ? UInt64(number.dropFirst(2), radix: 16) : UInt64(number)
      return bits.map { Literal(dtype: .key, bits: $0) }
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bf16, .f16, .f32, .f64, .key:
      return Literal(parsing: word, as: dtype)
    }
  }

  /// Whether it says neither type nor number of elements and so may stand for several inputs.
  package var isGenerator: Bool {
    switch source {
    case .random, .iota: type == nil
    case .elements(let words): type == nil && words.count == 1
    case .file: false
    }
  }
}

extension TensorType {
  /// A type as it is written in values: `3x4xf32`, `f32`, or as in programs, `f32[3,4]`.
  init?(written text: Substring) {
    if let bracket = text.firstIndex(of: "["), text.hasSuffix("]") {
      guard let dtype = DType(rawValue: String(text[..<bracket])) else { return nil }
      let inner = text[text.index(after: bracket)...].dropLast()
      guard
        let sizes = TensorType.sizes(inner.isEmpty ? [] : inner.split(separator: ",", omittingEmptySubsequences: false))
      else { return nil }
      self.init(dtype, sizes)
    } else {
      let parts = text.split(separator: "x", omittingEmptySubsequences: false)
      guard let last = parts.last, let dtype = DType(rawValue: String(last)),
        let sizes = TensorType.sizes(parts.dropLast())
      else { return nil }
      self.init(dtype, sizes)
    }
  }

  private static func sizes(_ words: [Substring]) -> [Int]? {
    var sizes: [Int] = []
    for word in words {
      guard let size = Int(word), word.allSatisfy(\.isNumber) else { return nil }
      sizes.append(size)
    }
    return sizes
  }

  /// The type as it is written in values.
  var written: String { shape.map { "\($0)x" }.joined() + dtype.rawValue }
}

extension DenseConstant {
  /// The value in the syntax of ``ValueSpec``, bit for bit.
  package var written: String {
    let elements = splat.map { [$0] } ?? (0..<type.elementCount).map { self[$0] }
    return "\(type.written)=" + elements.map(\.description).joined(separator: ",")
  }
}

extension Substring {
  /// Where another text occurs first.
  func range(of other: String) -> Range<Index>? {
    guard !other.isEmpty else { return nil }
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
      start = index(after: start)
    }
    return nil
  }
}
