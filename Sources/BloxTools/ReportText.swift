// Numbers and tables as reports show them.

/// Rows in columns, the first to the left and the others to the right but for those named.
func alignedTable(_ rows: [[String]], left: Set<Int> = [0]) -> String {
  let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    var line = ""
    for (index, (cell, width)) in zip(row, widths).enumerated() {
      let blanks = String(repeating: " ", count: width - cell.count)
      line += (index == 0 ? "" : "   ") + (left.contains(index) ? cell + blanks : blanks + cell)
    }
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }.joined()
}

/// A time in the unit that suits it, with two decimals.
func timeText(_ time: Duration) -> String {
  let seconds = time / .seconds(1)
  if seconds < 1e-3 { return "\(decimal(seconds * 1e6)) us" }
  return seconds < 1 ? "\(decimal(seconds * 1e3)) ms" : "\(decimal(seconds)) s"
}

/// A number with two decimals.
func decimal(_ value: Double) -> String {
  let hundredths = Int((value * 100).rounded())
  return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}
