// Tables in CSV files, column by column.

import BloxIR
import BloxTrace

/// A table read from CSV (RFC 4180): texts in named columns, which become tensors as numbers or categories.
///
/// ```swift
/// let table = try CSVTable(contentsOf: "iris.csv")
/// let features = try table.tensor(["sepal length", "sepal width"])     // f32[150,2]
/// let (classes, names) = try table.categories("species")               // i32[150]
/// ```
///
/// Errors name the file and the line.
public struct CSVTable: Sendable {
  /// What all cells of a column can be read as.
  public enum ColumnType: Sendable, Hashable {
    /// Whole numbers of 64 bits.
    case integer
    /// Numbers.
    case number
    /// Anything else.
    case text
  }

  /// The names of the columns: those of the header, or `"0"`, `"1"`, … without one.
  public let names: [String]
  /// The number of rows without the header.
  public var rowCount: Int { rows.count }

  private let rows: [CSVParser.Row]
  private let source: String

  /// Reads a file in UTF-8.
  ///
  /// - Parameters:
  ///   - hasHeader: Whether the first row has the names of the columns.
  ///   - delimiter: What separates fields: one ASCII character that is no quote and no line break.
  /// - Throws: ``BloxError/Code/file`` with the line of what is wrong, ``BloxError/Code/syntax`` for a file that is not
  ///   text, ``BloxError/Code/invalidArgument`` for another delimiter.
  public init(contentsOf path: String, hasHeader: Bool = true, delimiter: Character = ",") throws(BloxError) {
    try self.init(parsing: TextFile.read(path), source: path, hasHeader: hasHeader, delimiter: delimiter)
  }

  /// Reads text; `source` is its name in messages. See ``init(contentsOf:hasHeader:delimiter:)``.
  public init(
    parsing text: String, source: String = "<text>", hasHeader: Bool = true, delimiter: Character = ","
  ) throws(BloxError) {
    guard let byte = delimiter.asciiValue, !delimiter.isNewline, delimiter != "\"" else {
      throw BloxError(
        .invalidArgument, "CSVTable: the delimiter '\(delimiter)' is no ASCII character, or has a meaning")
    }
    var parser = CSVParser(text, name: source, delimiter: byte)
    var rows = try parser.rows()
    guard let first = rows.first else { throw BloxError(.file, "\(source): there is no row, not even a header") }
    for row in rows where row.fields.count != first.fields.count {
      throw parser.failure(
        row.line,
        "\(row.fields.count) field\(row.fields.count == 1 ? "" : "s"), but the first row has \(first.fields.count)")
    }
    self.source = source
    names = hasHeader ? first.fields : first.fields.indices.map(String.init)
    var known: Set<String> = []
    for name in names where !known.insert(name).inserted {
      throw parser.failure(first.line, "two columns are called '\(name)'")
    }
    if hasHeader { rows.removeFirst() }
    self.rows = rows
  }

  private func index(_ column: String) throws(BloxError) -> Int {
    guard let index = names.firstIndex(of: column) else {
      throw BloxError(
        .invalidArgument, "\(source) has no column '\(column)'; it has \(names.joined(separator: ", "))")
    }
    return index
  }

  private func failure(_ row: CSVParser.Row, _ column: String, _ cell: String, _ wanted: String) -> BloxError {
    let shown = cell.count > 40 ? "\(cell.prefix(40))…" : cell
    let what = cell.isEmpty ? "the cell is empty where a \(wanted) is needed" : "'\(shown)' is no \(wanted)"
    return BloxError(.file, "\(source):\(row.line): column '\(column)': \(what)")
  }

  // MARK: Columns

  /// The cells of a column as they are.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when there is no such column.
  public func strings(_ column: String) throws(BloxError) -> [String] {
    let index = try index(column)
    return rows.map { $0.fields[index] }
  }

  /// What all cells of a column can be read as; ``ColumnType/text`` when a cell is empty.
  ///
  /// - Throws: As ``strings(_:)``.
  public func type(of column: String) throws(BloxError) -> ColumnType {
    let cells = try strings(column)
    if cells.allSatisfy({ Int(Self.trimmed($0)) != nil }) { return .integer }
    return cells.allSatisfy({ Self.number($0) != nil }) ? .number : .text
  }

  /// The numbers of a column.
  ///
  /// - Parameter missing: What an empty cell means; without, it is an error.
  /// - Throws: ``BloxError/Code/file`` with the line of a cell that is no number, and as ``strings(_:)``.
  public func numbers(_ column: String, missing: Double? = nil) throws(BloxError) -> [Double] {
    let index = try index(column)
    var numbers: [Double] = []
    numbers.reserveCapacity(rows.count)
    for row in rows {
      let cell = row.fields[index]
      guard let value = cell.isEmpty ? missing : Self.number(cell) else {
        throw failure(row, column, cell, "number")
      }
      numbers.append(value)
    }
    return numbers
  }

  /// A column as a tensor, `[rows]`.
  ///
  /// - Parameters:
  ///   - dtype: A dtype of numbers; cells of an integer one must be whole numbers that it has.
  ///   - missing: What an empty cell means, for floating-point dtypes; without, it is an error.
  /// - Throws: As ``numbers(_:missing:)``, and ``BloxError/Code/invalidDType`` for a dtype without numbers.
  public func tensor(_ column: String, dtype: DType = .f32, missing: Double? = nil) throws -> Tensor {
    if dtype.isFloating { return try Tensor(numbers(column, missing: missing), dtype: dtype) }
    guard dtype.isInteger else {
      throw BloxError(.invalidDType, "CSVTable: column '\(column)' cannot become \(dtype); choose a dtype of numbers")
    }
    let index = try index(column)
    let (low, high) = Self.bounds(dtype)
    let elements = try rows.map { row in
      let cell = row.fields[index]
      guard let value = Int128(Self.trimmed(cell)), value >= low, value <= high else {
        throw failure(row, column, cell, "whole number of \(dtype)")
      }
      return Literal(dtype: dtype, bits: UInt64(truncatingIfNeeded: value) & (.max >> UInt64(64 - dtype.bitWidth)))
    }
    return try Tensor(constant: DenseConstant(type: TensorType(dtype, [rows.count]), elements: elements))
  }

  /// Columns side by side as a tensor, `[rows, columns]`.
  ///
  /// - Throws: As ``tensor(_:dtype:missing:)``.
  public func tensor(_ columns: [String], dtype: DType = .f32, missing: Double? = nil) throws -> Tensor {
    guard !columns.isEmpty else { return try Tensor.zeros([rowCount, 0], dtype: dtype) }
    return try stack(columns.map { try tensor($0, dtype: dtype, missing: missing) }, axis: 1)
  }

  /// A column of texts as numbers of its different texts, which are sorted by Unicode scalars: `i32[rows]`.
  ///
  /// - Throws: As ``strings(_:)``.
  public func categories(_ column: String) throws -> (classes: Tensor, names: [String]) {
    let cells = try strings(column)
    let names = Set(cells).sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    let numbers = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
    return (try Tensor(shape: [cells.count], scalars: cells.map { numbers[$0] ?? 0 }, dtype: .i32), names)
  }

  // MARK: Cells

  private static func bounds(_ dtype: DType) -> (Int128, Int128) {
    let width = Int128(dtype.bitWidth)
    return dtype.kind == .signed ? (-(1 << (width - 1)), 1 << (width - 1) - 1) : (0, 1 << width - 1)
  }

  private static func trimmed(_ cell: String) -> Substring {
    var rest = cell[...]
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return rest
  }

  /// Decimal numbers, infinities and NaN; Swift would also read hexadecimal ones.
  private static func number(_ cell: String) -> Double? {
    let text = trimmed(cell)
    return text.contains { $0 == "x" || $0 == "X" } ? nil : Double(text)
  }
}
