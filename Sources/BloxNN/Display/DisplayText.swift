// The tree as text for a terminal.
//
//   net: Graph # Params: 101772 (397.6 KB)
//   ├─ rng: Rng # Params: 2 (12 B)
//   │     [N] seed     key[]  key(0, 42)  {'tag': 'rng_seed'}
//   │     [N] counter  u32[]  4           {'tag': 'rng_counter'}
//   └─ mlp: MLP # Params: 101770 (397.5 KB)
//      └─ hidden: Linear # Params: 100480 (392.5 KB)
//            outputSize: 128, rng: → net/rng, useBias: true
//            [T] kernel  f32[784,128]  mean 0.001  std 0.03  min -0.08  max 0.08

import BloxTrace

struct DisplayText {
  let tree: DisplayTree
  let width: Int
  let usesColor: Bool

  /// ANSI codes of what is coloured.
  private enum Style: String {
    case name = "1"
    case type = "36"
    case quiet = "2"
    case trainable = "32"
    case state = "33"
    case reference = "35"
    case warning = "31"
  }

  var text: String {
    var lines: [String] = []
    for root in tree.roots { show(root, first: "", rest: "", &lines) }
    if tree.otherCount > 0 {
      lines.append(paint("\(tree.otherCount) more parameters are below none of these graphs", .quiet))
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private func paint(_ text: String, _ style: Style) -> String {
    usesColor && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  private func show(_ node: DisplayNode, first: String, rest: String, _ lines: inout [String]) {
    let size = tree.hasParams ? paint(" # Params: \(node.size)", .quiet) : ""
    lines.append(paint(first, .quiet) + paint(node.name, .name) + ": " + paint(node.typeName, .type) + size)
    // Settings and parameters hang below the title, with the line to the children running past them.
    let margin = rest + (node.children.isEmpty ? "   " : "│  ")
    showSettings(node, margin: margin, &lines)
    for row in table(node.params) { lines.append(paint(margin, .quiet) + row) }
    for (index, child) in node.children.enumerated() {
      let isLast = index == node.children.count - 1
      show(child, first: rest + (isLast ? "└─ " : "├─ "), rest: rest + (isLast ? "   " : "│  "), &lines)
    }
  }

  // MARK: Settings

  private func showSettings(_ node: DisplayNode, margin: String, _ lines: inout [String]) {
    var items = tree.settings(of: node).map { setting in
      "\(setting.name): \(setting.value.text(reference))"
    }
    items += node.metadata.sorted { $0.key < $1.key }.map { "metadata '\($0.key)': \($0.value)" }
    var line = ""
    func flush() {
      if !line.isEmpty { lines.append(paint(margin, .quiet) + painted(line)) }
      line = ""
    }
    for (index, item) in items.enumerated() {
      let text = item + (index == items.count - 1 ? "" : ",")
      if !line.isEmpty, margin.count + line.count + 1 + text.count > width { flush() }
      line += (line.isEmpty ? "" : " ") + text
    }
    flush()
  }

  /// `→ net/rng`, with a mark when the module is not in this view.
  private func reference(_ module: Module) -> String {
    "→ \(module.path)" + (tree.isShown(module) ? "" : " (external \(type(of: module)))")
  }

  /// The line with its references coloured; wrapping has been done on the plain text.
  private func painted(_ line: String) -> String {
    guard usesColor else { return line }
    let parts = line.split(separator: "→", omittingEmptySubsequences: false)
    return parts.enumerated().map { index, part in
      guard index > 0 else { return String(part) }
      let path = part.dropFirst().prefix { !" ,])".contains($0) }
      return paint("→ \(path)", .reference) + part.dropFirst(1 + path.count)
    }.joined()
  }

  // MARK: Parameters

  private struct Cell {
    var text: String
    var style: Style?
  }

  /// Rows with columns of equal width per node.
  private func table(_ params: [DisplayParam]) -> [String] {
    let rows = params.map(cells)
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { $0[column].text.count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      var blanks = 0
      for (cell, width) in zip(row, widths) where width > 0 {
        if !cell.text.isEmpty {
          line += String(repeating: " ", count: blanks) + (cell.style.map { paint(cell.text, $0) } ?? cell.text)
          blanks = 0
        }
        blanks += width - cell.text.count + 2
      }
      return line
    }
  }

  private func cells(_ shown: DisplayParam) -> [Cell] {
    let flag = shown.param.isTrainable ? Cell(text: "[T]", style: .trainable) : Cell(text: "[N]", style: .state)
    var row = [flag, Cell(text: shown.name), Cell(text: "\(shown.param.value.type)", style: .type)]
    var numbers = Array(repeating: Cell(text: ""), count: 4)
    var note = Cell(text: "")
    if let scalar = shown.scalar {
      numbers[0] = Cell(text: scalar)
    } else if let statistics = shown.statistics {
      numbers = [
        ("mean", statistics.mean), ("std", statistics.std), ("min", statistics.min), ("max", statistics.max),
      ].map { Cell(text: "\($0.0) \(compact($0.1))") }
    } else if shown.constant == nil {
      note = Cell(text: "no elements: \(shown.param.value.isTraced ? "traced" : "donated or abstract")", style: .quiet)
    }
    if let bad = shown.statistics?.nonFiniteCount, bad > 0 {
      note = Cell(text: "\(bad) not finite", style: .warning)
    } else if let constant = shown.constant, shown.statistics == nil, shown.scalar == nil,
      constant.type.dtype.isFloating, constant.type.elementCount > 0
    {
      note = Cell(text: "\(constant.type.elementCount) not finite", style: .warning)
    }
    row += numbers + [note, Cell(text: shown.metadataText, style: .quiet)]
    return row
  }
}
