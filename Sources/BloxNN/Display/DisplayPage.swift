// The tree as one page of HTML.
//
// The page has no links to other files, and a content security policy that forbids them. Nodes are <details>, so that
// it folds without the script, which only searches and opens what a reference leads to.

import BloxIR
import BloxTrace

struct DisplayPage {
  let tree: DisplayTree
  let title: String
  /// The page's name for each module, in order of the page.
  private let ids: [ObjectIdentifier: String]
  /// Where each module is used: the titles and names of the nodes that refer to it.
  private let users: [ObjectIdentifier: [(path: ParamPath, id: String)]]

  init(tree: DisplayTree, title: String?) {
    self.tree = tree
    self.title = title ?? tree.roots.map(\.name).joined(separator: ", ")
    let nodes = tree.roots.flatMap(Self.all)
    var ids: [ObjectIdentifier: String] = [:]
    for (index, node) in nodes.enumerated() {
      if let module = node.moduleID { ids[module] = "m\(index)" }
    }
    var users: [ObjectIdentifier: [(path: ParamPath, id: String)]] = [:]
    for node in nodes {
      guard let own = node.moduleID, let id = ids[own] else { continue }
      for setting in tree.settings(of: node) {
        for module in setting.value.modules where users[ObjectIdentifier(module)]?.last?.id != id {
          users[ObjectIdentifier(module), default: []].append((node.path, id))
        }
      }
    }
    self.ids = ids
    self.users = users
  }

  private static func all(_ node: DisplayNode) -> [DisplayNode] { [node] + node.children.flatMap(all) }

  var html: String {
    let state = tree.hasParams ? (tree.isLocked ? "locked" : "unlocked") : "structure"
    let total = tree.roots.reduce(0) { $0 + $1.elementCount }
    var body = tree.roots.map { node($0, total: total) }.joined()
    if tree.otherCount > 0 {
      body += "<p class=\"note\">\(tree.otherCount) more parameters are below none of these graphs.</p>\n"
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
      script-src 'unsafe-inline'; img-src data:">
      <link rel="icon" href="data:,">
      <title>\(Self.escaped(title))</title>
      <style>
      \(Self.style)</style>
      </head>
      <body>
      <header>
      <h1>\(Self.escaped(title))</h1><span class="badge">\(state)</span>
      <div class="tools">
      <input id="search" type="search" placeholder="Search names, types, settings" aria-label="Search" \
      autocomplete="off" spellcheck="false">
      <output id="found" for="search"></output>
      <button id="open" type="button">Expand all</button>
      <button id="close" type="button">Collapse all</button>
      </div>
      </header>
      <main>
      \(body)</main>
      <script>
      \(Self.script)</script>
      </body>
      </html>

      """
  }

  // MARK: Nodes

  private func node(_ node: DisplayNode, total: Int) -> String {
    let id = node.moduleID.flatMap { ids[$0] }.map { " id=\"\($0)\"" } ?? ""
    let percent = fixed(total > 0 ? 100 * Double(node.elementCount) / Double(total) : 0, decimals: 1)
    let size =
      !tree.hasParams
      ? ""
      : """
       <span class="size"># Params: \(node.size)</span>\
      <span class="share" title="\(percent) % of all parameters">\
      <i style="width:\(percent)%"></i></span>
      """
    return """
      <details class="node" open\(id) data-path="\(Self.escaped("\(node.path)"))">
      <summary><b class="name">\(Self.escaped(node.name))</b>: \
      <span class="type">\(Self.escaped(node.typeName))</span>\(size)</summary>
      <div class="body">
      \(settings(node))\(table(node.params))\(node.children.map { self.node($0, total: total) }.joined())</div>
      </details>

      """
  }

  private func settings(_ node: DisplayNode) -> String {
    var items = tree.settings(of: node).map { setting in
      "<li><span class=\"key\">\(Self.escaped(setting.name))</span> \(value(setting.value))</li>"
    }
    items += node.metadata.sorted { $0.key < $1.key }.map { pair in
      "<li><span class=\"key\">metadata '\(Self.escaped(pair.key))'</span> \(Self.escaped("\(pair.value)"))</li>"
    }
    if let used = node.moduleID.flatMap({ users[$0] }) {
      let links = used.map { "<a href=\"#\($0.id)\">\(Self.escaped("\($0.path)"))</a>" }
      let list = links.joined(separator: ", ")
      // A source of random numbers is used nearly everywhere.
      items.append(
        links.count <= 4
          ? "<li class=\"used\"><span class=\"key\">used by</span> \(list)</li>"
          : "<li class=\"used\"><details><summary class=\"key\">used by \(links.count) modules</summary>\(list)</details></li>"
      )
    }
    return items.isEmpty ? "" : "<ul class=\"settings\">\n\(items.joined(separator: "\n"))\n</ul>\n"
  }

  private func value(_ value: SettingValue) -> String {
    switch value {
    case .text(let text): return Self.escaped(text)
    case .module(let module):
      let path = Self.escaped("\(module.path)")
      if let id = ids[ObjectIdentifier(module)] { return "<a href=\"#\(id)\">→ \(path)</a>" }
      return "<span class=\"external\" title=\"a module of another graph, which is not shown here\">→ \(path)"
        + " <small>external \(Self.escaped("\(type(of: module))"))</small></span>"
    case .group(let open, let members, let close):
      let texts = members.map { ($0.label.isEmpty ? "" : Self.escaped($0.label) + ": ") + self.value($0.value) }
      return Self.escaped(open) + texts.joined(separator: ", ") + Self.escaped(close)
    }
  }

  // MARK: Parameters

  private func table(_ params: [DisplayParam]) -> String {
    guard !params.isEmpty else { return "" }
    return "<div class=\"scroll\"><table>\n<tbody>\n\(params.map(row).joined())</tbody>\n</table></div>\n"
  }

  private func row(_ shown: DisplayParam) -> String {
    let isTrainable = shown.param.isTrainable
    let flag =
      "<td><span class=\"flag \(isTrainable ? "trainable" : "state")\" title=\""
      + "\(isTrainable ? "trainable" : "not trainable")\">[\(isTrainable ? "T" : "N")]</span></td>"
    return """
      <tr>\(flag)<td class="name">\(Self.escaped(shown.name))</td>\
      <td class="type">\(shown.param.value.type)</td>\(numbers(shown))\
      <td class="tags">\(Self.escaped(shown.metadataText))</td></tr>

      """
  }

  /// A cell for the histogram and one for each statistic, or one that spans them.
  private func numbers(_ shown: DisplayParam) -> String {
    if let scalar = shown.scalar { return "<td class=\"value\" colspan=\"5\">\(Self.escaped(scalar))</td>" }
    guard let constant = shown.constant else {
      let why = shown.param.value.isTraced ? "traced" : "donated or abstract"
      return "<td class=\"value quiet\" colspan=\"5\">no elements: \(why)</td>"
    }
    guard let statistics = shown.statistics else {
      let isBad = constant.type.dtype.isFloating && constant.type.elementCount > 0
      return "<td class=\"value warning\" colspan=\"5\">"
        + "\(isBad ? "\(constant.type.elementCount) not finite" : "")</td>"
    }
    let warning =
      statistics.nonFiniteCount > 0 ? " <span class=\"warning\">\(statistics.nonFiniteCount) not finite</span>" : ""
    let cells = [
      ("mean", statistics.mean), ("std", statistics.std), ("min", statistics.min), ("max", statistics.max),
    ].map { "<td class=\"number\"><span class=\"key\">\($0.0)</span> \(compact($0.1))</td>" }
    return "<td>\(statistics.histogram.map(plot) ?? "")\(warning)</td>" + cells.joined()
  }

  private func plot(_ histogram: ValueStatistics.Histogram) -> String {
    let highest = max(1, histogram.counts.max() ?? 1)
    let bars = histogram.counts.enumerated().compactMap { index, count -> String? in
      guard count > 0 else { return nil }
      // At least half a pixel, so that rare values are seen.
      let height = max(0.5, 22 * Double(count) / Double(highest))
      return "M\(index * 5) 22v-\(fixed(height, decimals: 1))h4v\(fixed(height, decimals: 1))z"
    }
    return """
      <svg class="plot" viewBox="0 0 119 23" width="119" height="23" role="img" aria-label="histogram">\
      <title>\(compact(histogram.lowest)) to \(compact(histogram.highest)), at most \(highest) per bar</title>\
      <path class="base" d="M0 22.5h119"/><path d="\(bars.joined())"/></svg>
      """
  }

  /// Text in which nothing is markup, also inside attributes.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
