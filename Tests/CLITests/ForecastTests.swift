// The forecast example as a process.

import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("forecast")
struct ForecastTests {
  private func forecast(_ arguments: String..., in folder: URL? = nil) throws -> RunResult {
    try CommandRunner.run("forecast", arguments, in: folder)
  }

  /// The output without times and speeds, which differ from run to run.
  private func numbers(_ result: RunResult) -> String {
    result.output.replacing(#/\d+ (ms|steps\/s|values\/s)/#, with: "N")
  }

  private func write(_ values: [Double], named name: String = "value", to file: URL) throws {
    let rows = values.enumerated().map { "\($0.offset + 1),\($0.element)" }
    try (["day,\"\(name)\""] + rows).joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
  }

  @Test("Piped output is plain lines: the series, the step's compilation, losses, the held-out error")
  func plainLines() throws {
    let result = try forecast("--steps", "100", "--hidden", "4", "--window", "30", "--batch", "2")
    #expect(result.exitCode == 0)
    #expect(result.errors.isEmpty)
    #expect(!result.output.contains("\r") && !result.output.contains("\u{1B}"))
    try #require(result.lines.count == 6)
    #expect(result.lines[0] == "water level in cm: 1176 values, the last 235 held out")
    #expect(result.lines[1].hasPrefix("training step: traced in "))
    #expect(try #/step 100  loss \d\.\d{4}  \d+ steps/s/#.wholeMatch(in: result.lines[2]) != nil)
    #expect(try #/trained 100 steps \(\d+ values/s\)/#.wholeMatch(in: result.lines[3]) != nil)
    let end = #/held-out error [\d.]+ \(root mean square\) by forecasts of 24; 39.68 by repeating the last 24 values/#
    #expect(try end.wholeMatch(in: result.lines[4]) != nil)
  }

  @Test("The same seed gives the same numbers for any number of threads; another seed gives others")
  func deterministic() throws {
    func run(seed: String, threads: String) throws -> String {
      numbers(try forecast("--steps", "3", "--hidden", "8", "--seed", seed, "--threads", threads))
    }
    let one = try run(seed: "5", threads: "1")
    for threads in ["1", "2", "5"] { #expect(try run(seed: "5", threads: threads) == one) }
    #expect(try run(seed: "6", threads: "1") != one)
  }

  @Test("An LSTM learns a wave from a column of a file, and does better than repetition")
  func learns() throws {
    try CommandRunner.withTemporaryFolder { folder in
      try write((0..<300).map { 5 + sin(Double($0) * 0.37) }, to: folder.appendingPathComponent("wave.csv"))
      let result = try forecast(
        "--csv", "wave.csv", "--column", "value", "--horizon", "5", "--steps", "120", "--hidden", "16", "--window",
        "40", in: folder)
      #expect(result.exitCode == 0)
      #expect(result.lines[0] == "wave.csv: column 'value': 300 values, the last 60 held out")
      let errors = try #require(result.output.firstMatch(of: #/error ([\d.]+) .*; ([\d.]+) by/#))
      let (error, repeated) = (try #require(Double(errors.1)), try #require(Double(errors.2)))
      #expect(error < 0.15 && repeated > 1, "\(result.output)")
    }
  }

  @Test("The only column of numbers needs no name; values of any size are drawn")
  func columns() throws {
    try CommandRunner.withTemporaryFolder { folder in
      let rows = (0..<60).map { "d\($0),\($0 % 7)e9" }
      try (["day,load"] + rows).joined(separator: "\n").write(
        to: folder.appendingPathComponent("a.csv"), atomically: true, encoding: .utf8)
      let result = try forecast(
        "--csv", "a.csv", "--steps", "1", "--horizon", "3", "--svg", "a.svg", in: folder)
      #expect(result.exitCode == 0)
      #expect(result.lines.contains("wrote a.svg"))
      let drawing = try Drawing(contentsOf: folder.appendingPathComponent("a.svg"))
      #expect(drawing.texts.contains { $0.content == "4e9" })
    }
  }

  @Test(
    "The drawing is XML in which no text overlaps another or leaves the picture, whatever is drawn",
    arguments: [
      ("value", 1.0, 200, 10), ("a name that is far too long for the side of the picture & <its> title", 1, 80, 1),
      ("flat", 0, 40, 3), ("small", 1e-7, 50, 2), ("large", 1e25, 50, 2), ("short", -1234.5, 12, 2),
    ])
  func drawing(name: String, scale: Double, count: Int, horizon: Int) throws {
    try CommandRunner.withTemporaryFolder { folder in
      let values = (0..<count).map { scale * (sin(Double($0) * 0.9) + 0.2) }
      try write(values, named: name, to: folder.appendingPathComponent("a.csv"))
      let result = try forecast(
        "--csv", "a.csv", "--column", name, "--steps", "1", "--horizon", "\(horizon)", "--hidden", "2", "--svg",
        "a.svg",
        in: folder)
      #expect(result.errors.isEmpty && result.exitCode == 0)
      let drawing = try Drawing(contentsOf: folder.appendingPathComponent("a.svg"))
      let held = Int((Double(count) * 0.2).rounded())
      #expect(drawing.paths == 1 + (held + horizon - 1) / horizon)
      #expect(drawing.circles == 1 + (held + horizon - 1) / horizon)
      for label in ["truth", "forecast", "position in the series"] {
        #expect(drawing.texts.contains { $0.content == label }, "\(label)")
      }
      #expect(drawing.texts.count >= 12)
      for (index, text) in drawing.texts.enumerated() {
        #expect(Drawing.page.contains(text.box), "\(text)")
        for other in drawing.texts[..<index] {
          #expect(!text.box.intersects(other.box), "\(text) over \(other)")
        }
      }
    }
  }

  @Test("Bad options and files: an exit code, and what is wrong")
  func errors() throws {
    try CommandRunner.withTemporaryFolder { folder in
      try "a,b\n1,2\n3,x\n".write(to: folder.appendingPathComponent("a.csv"), atomically: true, encoding: .utf8)
      try "a,b\n1,2\n3,4\n".write(to: folder.appendingPathComponent("two.csv"), atomically: true, encoding: .utf8)
      try "a\n1\ninf\n".write(to: folder.appendingPathComponent("inf.csv"), atomically: true, encoding: .utf8)
      for (arguments, code, message) in [
        (["--horizons", "1"], 2, "there is no option --horizons; did you mean --horizon?; see forecast --help"),
        (["--horizon", "0"], 2, "--horizon needs a whole number from 1 to 100000, not '0'"),
        (["--held", "1"], 2, "--held needs a number from 0.01 to 0.9, not '1'"),
        (["--column", "a"], 2, "--column needs --csv: it names a column of the file"),
        (["--csv", "two.csv"], 2, "two.csv has the columns a, b of numbers; say which is meant by --column NAME"),
        (["--csv", "none.csv"], 4, "cannot read none.csv: No such file or directory"),
        (["--csv", "a.csv", "--column", "c"], 4, "a.csv has no column 'c'; it has a, b"),
        (["--csv", "a.csv", "--column", "b"], 4, "a.csv:3: column 'b': 'x' is no number"),
        (["--csv", "inf.csv"], 4, "inf.csv: column 'a': the value in row 2 is not finite, or too large"),
        (
          ["--csv", "a.csv"], 4,
          "a.csv: column 'a' has 2 values, 2 to train on and 0 held out: too few for forecasts of 24"
        ),
        (
          ["--horizon", "300"], 4,
          "water level in cm has 1176 values, 941 to train on and 235 held out: too few for forecasts of 300"
        ),
      ] {
        let result = try CommandRunner.run("forecast", arguments, in: folder)
        #expect(result.exitCode == code)
        #expect(result.output.isEmpty)
        #expect(result.errors == "forecast: \(message)\n")
      }
    }
  }

  @Test("--help documents every option, with three examples")
  func help() throws {
    let result = try forecast("--help")
    #expect(result.exitCode == 0)
    #expect(result.lines.allSatisfy { $0.count <= 120 })
    #expect(HelpTests.examples(result.output).count == 3)
  }
}

/// What is in an SVG, with the places of its texts.
private final class Drawing: NSObject, XMLParserDelegate {
  struct Text {
    var content: String
    var box: CGRect
  }
  static let page = CGRect(x: 0, y: 0, width: 960, height: 440)

  private(set) var texts: [Text] = []
  private(set) var paths = 0
  private(set) var circles = 0
  private var open: (attributes: [String: String], content: String)?

  init(contentsOf file: URL) throws {
    super.init()
    let parser = XMLParser(data: try Data(contentsOf: file))
    parser.delegate = self
    let isXML = parser.parse()
    #expect(isXML, "\(parser.parserError.map { "\($0)" } ?? "")")
  }

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    switch element {
    case "path": paths += 1
    case "circle": circles += 1
    case "text": open = (attributes, "")
    default: break
    }
    for (name, value) in attributes where ["x", "y", "cx", "cy", "x1", "x2", "y1", "y2"].contains(name) {
      #expect(Double(value).map { $0 >= 0 && $0 <= 960 } == true, "\(element) \(name)=\(value)")
    }
  }

  func parser(_ parser: XMLParser, foundCharacters characters: String) { open?.content += characters }

  func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
    guard element == "text", let (attributes, content) = open else { return }
    open = nil
    func number(_ name: String) -> Double { attributes[name].flatMap { Double($0) } ?? 0 }
    let size = attributes["font-size"].flatMap { Double($0) } ?? 12
    // Letters are at most this wide on average in common fonts.
    let width = 0.6 * size * Double(content.count)
    let left =
      switch attributes["text-anchor"] {
      case "middle": number("x") - width / 2
      case "end": number("x") - width
      default: number("x")
      }
    var box = CGRect(x: left, y: number("y") - 0.8 * size, width: width, height: size)
    if attributes["transform"] != nil {
      box = CGRect(x: number("x") - 0.8 * size, y: number("y") - width / 2, width: size, height: width)
    }
    texts.append(Text(content: content, box: box))
  }
}
