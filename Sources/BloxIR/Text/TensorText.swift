// Tensors as text, in the manner of NumPy.

/// Formats a constant as nested rows.
package struct TensorText {
  private let constant: DenseConstant
  private let shape: [Int]
  /// How many entries at each end of a dimension are shown when the tensor is summarised.
  private let edge: Int?
  private var cells: [Int: String] = [:]
  private var width = 0

  /// Lays a constant out.
  ///
  /// - Parameter decimals: How many decimals floats have; as many as they need if `nil`.
  package init(_ constant: DenseConstant, decimals: Int? = nil) {
    self.constant = constant
    shape = constant.type.shape
    edge = constant.type.elementCount > 1000 ? 3 : nil
    var indices: [Int] = []
    collect(dimension: 0, offset: 0, &indices)
    let texts = TensorText.format(indices.map { constant[$0] }, decimals)
    for (index, text) in zip(indices, texts) { cells[index] = text }
    width = texts.map(\.count).max() ?? 0
  }

  /// The rows.
  package var text: String { render(dimension: 0, offset: 0, indent: 1) }

  /// The positions shown along a dimension; `nil` stands for an ellipsis.
  private func positions(_ size: Int) -> [Int?] {
    guard let edge, size > 2 * edge else { return (0..<size).map { $0 } }
    return (0..<edge).map { $0 } + [nil] + ((size - edge)..<size).map { $0 }
  }

  private func stride(_ dimension: Int) -> Int { shape[(dimension + 1)...].reduce(1, *) }

  private func collect(dimension: Int, offset: Int, _ indices: inout [Int]) {
    guard dimension < shape.count else { return indices.append(offset) }
    for case let position? in positions(shape[dimension]) {
      collect(dimension: dimension + 1, offset: offset + position * stride(dimension), &indices)
    }
  }

  private func render(dimension: Int, offset: Int, indent: Int) -> String {
    guard dimension < shape.count else {
      let cell = cells[offset] ?? ""
      return shape.isEmpty ? cell : String(repeating: " ", count: width - cell.count) + cell
    }
    let parts = positions(shape[dimension]).map { position in
      position.map { render(dimension: dimension + 1, offset: offset + $0 * stride(dimension), indent: indent + 1) }
        ?? "..."
    }
    let isRow = dimension == shape.count - 1
    let blank = String(repeating: "\n", count: shape.count - dimension - 1)
    let separator = isRow ? " " : blank + String(repeating: " ", count: indent)
    return "[" + parts.joined(separator: separator) + "]"
  }

  /// Texts of equal precision: floats show as many decimals as the most demanding one needs, at most 8.
  private static func format(_ elements: [Literal], _ decimals: Int?) -> [String] {
    guard let dtype = elements.first?.dtype else { return [] }
    switch dtype.kind {
    case .boolean: return elements.map { $0.isZero ? "False" : "True" }
    case .signed: return elements.map { "\($0.signedValue)" }
    case .unsigned: return elements.map { "\($0.bits)" }
    case .key: return elements.map { "key(\($0.bits >> 32), \($0.bits & 0xFFFF_FFFF))" }
    case .floating:
      if let decimals { return elements.map { fixed($0.doubleValue, decimals: decimals) } }
      return formatFloats(elements.map { $0.dtype == .f32 ? Double(Float($0.doubleValue)) : $0.doubleValue }, dtype)
    }
  }

  private static func formatFloats(_ values: [Double], _ dtype: DType) -> [String] {
    let finite = values.filter { $0.isFinite && $0 != 0 }.map { Swift.abs($0) }
    let (largest, smallest) = (finite.max() ?? 1, finite.min() ?? 1)
    let shortest = { (value: Double) in dtype == .f64 ? "\(value)" : "\(Float(value))" }
    if largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1e4 && largest >= 1e5 { return values.map(shortest) }
    let texts = values.map { $0.isFinite ? Decimal(shortest($0)) : nil }
    let decimals = min(8, texts.compactMap { $0?.fraction.count }.max() ?? 0)
    return zip(values, texts).map { value, text in
      guard let text else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
      return text.padded(to: decimals, value)
    }
  }

  /// A number's digits before and after the point.
  private struct Decimal {
    let whole: Substring
    let fraction: Substring

    /// `nil` for numbers written with an exponent.
    init?(_ text: String) {
      guard !text.contains("e") else { return nil }
      let parts = text.split(separator: ".")
      whole = parts[0]
      fraction = parts.count > 1 && parts[1] != "0" ? parts[1] : ""
    }

    func padded(to decimals: Int, _ value: Double) -> String {
      if fraction.count <= decimals {
        return "\(whole)." + fraction + (decimals == 0 ? "" : String(repeating: " ", count: decimals - fraction.count))
      }
      return fixed(value, decimals: decimals)
    }
  }
}

/// A number with a fixed number of decimals, rounded half to even as C's `%.*f` does for exactly representable ties.
public func fixed(_ value: Double, decimals: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  let scaled = (Swift.abs(value) * scale).rounded(.toNearestOrEven)
  guard scaled < 9e15 else { return "\(value)" }
  let digits = Int(scaled)
  let sign = value < 0 ? "-" : ""
  guard decimals > 0 else { return sign + "\(digits)" }
  let fraction = "\(digits % Int(scale))"
  return sign + "\(digits / Int(scale))." + String(repeating: "0", count: decimals - fraction.count) + fraction
}
