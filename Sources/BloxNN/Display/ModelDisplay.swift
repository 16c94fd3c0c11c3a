// Displays of models: what users call.

import BloxIR
import BloxTrace

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a model consists of: its modules with settings and references to each other, and its parameters with shapes,
/// sizes, tags and statistics.
///
/// ```swift
/// let view = ModelDisplay(graph, params: params)
/// print(view.text())
/// try view.writeHTML(to: "model.html")
/// ```
///
/// Counts and bytes of a node are those of its whole subtree, and a kilobyte has 1024 bytes. A module that was passed
/// to another one is shown where it stands in its graph, and as a reference where it is used.
public struct ModelDisplay {
  let tree: DisplayTree

  /// Looks at graphs, and at parameters if they are given; without, only the structure is shown.
  ///
  /// Parameters are looked at now, so that a later donation does not matter. Traced ones have no statistics.
  public init(_ graphs: Graph..., params: Params? = nil) { tree = DisplayTree(graphs, params) }

  /// Looks at an array of graphs; see ``init(_:params:)``.
  public init(_ graphs: [Graph], params: Params? = nil) { tree = DisplayTree(graphs, params) }

  /// The model as an aligned tree.
  ///
  /// - Parameters:
  ///   - width: Where lists of settings are wrapped, in columns. Names and tables are never cut.
  ///   - usesColor: Whether ANSI colours are used.
  public func text(width: Int = 100, usesColor: Bool = false) -> String {
    DisplayText(tree: tree, width: max(40, width), usesColor: usesColor).text
  }

  /// The model as a page of HTML that needs no other files: a collapsible tree with search, histograms of the
  /// parameters' values, and links between modules. Follows the browser's light or dark scheme.
  public func html(title: String? = nil) -> String { DisplayPage(tree: tree, title: title).html }

  /// Writes the page to a file, which is replaced as a whole when everything has been written.
  ///
  /// - Throws: ``BloxError/Code/file``.
  public func writeHTML(to path: String, title: String? = nil) throws(BloxError) {
    try TextFile.write(html(title: title), to: path)
  }
}

/// Prints what a model consists of, and returns it as text; see ``ModelDisplay``.
///
/// ```swift
/// display(graph, params: params)
/// display(encoderGraph, decoderGraph, params: params)
/// display(graph)                    // the structure alone
/// ```
///
/// Colours are used when standard output is a terminal, unless the environment variable `NO_COLOR` is set. The
/// returned text has none.
@discardableResult
public func display(_ graphs: Graph..., params: Params? = nil) -> String {
  let view = ModelDisplay(graphs, params: params)
  let terminal = Terminal.standardOutput
  print(view.text(width: terminal.width, usesColor: terminal.showsColor), terminator: "")
  return view.text()
}

/// What standard output is.
struct Terminal {
  let width: Int
  let showsColor: Bool

  static var standardOutput: Terminal {
    guard isatty(STDOUT_FILENO) == 1 else { return Terminal(width: 100, showsColor: false) }
    var size = winsize()
    let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    let isDumb = environmentVariable("TERM").map { $0 == "dumb" } ?? true
    return Terminal(
      width: isKnown ? Int(size.ws_col) : 100, showsColor: !isDumb && environmentVariable("NO_COLOR") == nil)
  }
}
