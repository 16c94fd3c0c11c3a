// A drawing of held-out values and of what was told about them.

import BloxIR

/// Truth against forecast over the end of a series, as an SVG.
struct ForecastPlot {
  let name: String
  let values: [Double]
  /// Where the held-out values begin.
  let trainingCount: Int
  /// One number for each held-out value.
  let forecast: [Double]
  /// How many values are told at a time.
  let horizon: Int

  private static let width = 960.0
  private static let height = 440.0
  private static let (top, bottom, right) = (76.0, 58.0, 24.0)
  private static let truthColor = "#334155"
  private static let forecastColor = "#dc2626"
  /// The width of a letter as a share of the font's size: of the widest common sans-serif fonts, on average.
  private static let letterWidth = 0.6

  /// The values that are drawn: the held-out ones, and as many before them.
  private var shown: Range<Int> { max(0, 2 * trainingCount - values.count)..<values.count }

  private var valueScale: AxisScale {
    let drawn = Array(values[shown]) + forecast.filter(\.isFinite)
    let (low, high) = (drawn.min() ?? 0, drawn.max() ?? 1)
    let range = high > low ? high - low : max(abs(high), 1)
    // More room above, for what names the two parts.
    return AxisScale(low - 0.05 * range, high + 0.14 * range, about: 6)
  }

  /// The drawing.
  func svg() -> String {
    let (y, x) = (valueScale, AxisScale(steps: shown, about: 10))
    let labels = y.ticks.map(y.label)
    // The labels of the ticks, and left of them the axis's name, which stands upright.
    let left = 44 + Self.letterWidth * 12 * Double(labels.map(\.count).max() ?? 0)
    let area = PlotArea(
      left: left, top: Self.top, right: Self.width - Self.right, bottom: Self.height - Self.bottom, x: x, y: y)
    let size = "\(number(Self.width)) \(number(Self.height))"
    let parts =
      [
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" width=\"\(number(Self.width))\""
          + " height=\"\(number(Self.height))\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\""
          + " fill=\"#475569\">",
        "<title>\(escaped(heading))</title>",
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
      ] + regions(area) + axes(area, labels) + regionNames(area) + lines(area) + [header(area), "</svg>"]
    return parts.joined(separator: "\n") + "\n"
  }

  private var heading: String {
    "\(name): forecasts of \(horizon) value\(horizon == 1 ? "" : "s") at a time"
  }

  // MARK: Parts

  /// The title, and below it what the lines mean.
  private func header(_ area: PlotArea) -> String {
    let room = Int((area.right - area.left) / (Self.letterWidth * 17))
    let title = heading.count > room ? heading.prefix(max(0, room - 1)) + "…" : heading
    let second = area.left + 100
    func mark(_ x: Double, _ color: String, _ label: String) -> String {
      line(x, 53, x + 22, 53, "stroke=\"\(color)\" stroke-width=\"2.5\"") + text(x + 30, 57, label)
    }
    return text(area.left, 30, title, "font-size=\"17\" font-weight=\"bold\" fill=\"#0f172a\"")
      + mark(area.left, Self.truthColor, "truth") + mark(second, Self.forecastColor, "forecast")
      + circle(second + 11, 53)
      + text(second + 110, 57, "a dot is where a forecast begins: all values before it were known", "fill=\"#64748b\"")
  }

  /// The part to train on and the part held out.
  private func parts(_ area: PlotArea) -> [(name: String, from: Double, to: Double, color: String)] {
    let split = area.px(Double(trainingCount) - 0.5)
    return [("training", area.left, split, "#f8fafc"), ("held out", split, area.right, "#fef3e2")]
  }

  /// What is behind the lines.
  private func regions(_ area: PlotArea) -> [String] {
    parts(area).map { part in
      "<rect x=\"\(number(part.from))\" y=\"\(number(area.top))\" width=\"\(number(part.to - part.from))\""
        + " height=\"\(number(area.bottom - area.top))\" fill=\"\(part.color)\"/>"
    }
  }

  /// The names of both parts where there is room for them, and the line between.
  private func regionNames(_ area: PlotArea) -> [String] {
    let split = parts(area)[1].from
    let names = parts(area).filter { $0.to - $0.from > Self.letterWidth * 12 * Double($0.name.count) + 16 }
    // A border in the color of the ground keeps lines of the grid off the letters.
    return [line(split, area.top, split, area.bottom, "stroke=\"#94a3b8\" stroke-dasharray=\"4 4\"")]
      + names.map { part in
        text(
          (part.from + part.to) / 2, area.top + 18, part.name,
          "text-anchor=\"middle\" paint-order=\"stroke\" stroke=\"\(part.color)\" stroke-width=\"6\"")
      }
  }

  private func axes(_ area: PlotArea, _ labels: [String]) -> [String] {
    var parts: [String] = []
    for (tick, label) in zip(area.y.ticks, labels) {
      let y = area.py(tick)
      parts.append(line(area.left, y, area.right, y, "stroke=\"#e2e8f0\""))
      parts.append(text(area.left - 8, y + 4, label, "text-anchor=\"end\""))
    }
    for tick in area.x.ticks {
      let x = area.px(tick)
      parts.append(line(x, area.bottom, x, area.bottom + 5, "stroke=\"#64748b\""))
      parts.append(text(x, area.bottom + 20, area.x.label(tick), "text-anchor=\"middle\""))
    }
    parts.append(line(area.left, area.bottom, area.right, area.bottom, "stroke=\"#64748b\""))
    parts.append(line(area.left, area.top, area.left, area.bottom, "stroke=\"#64748b\""))
    parts.append(
      text((area.left + area.right) / 2, area.bottom + 44, "position in the series", "text-anchor=\"middle\""))
    let room = Int((area.bottom - area.top) / (Self.letterWidth * 12))
    let label = name.count > room ? name.prefix(max(0, room - 1)) + "…" : name
    let middle = (area.top + area.bottom) / 2
    parts.append(
      text(18, middle, label, "text-anchor=\"middle\" transform=\"rotate(-90 18 \(number(middle)))\""))
    return parts
  }

  private func lines(_ area: PlotArea) -> [String] {
    let truth = path(shown.map { ($0, values[$0]) }, area, Self.truthColor, "1.4")
    let starts = stride(from: 0, to: forecast.count, by: horizon)
    let told = starts.map { start in
      (start..<min(start + horizon, forecast.count)).map { (trainingCount + $0, forecast[$0]) }
    }
    let dots = told.compactMap(\.first).filter(\.1.isFinite).map { circle(area.px(Double($0.0)), area.py($0.1)) }
    return [truth] + told.map { path($0, area, Self.forecastColor, "1.8") } + dots
  }

  /// A line through points; one that is not finite, as after a failed training, is a gap.
  private func path(_ points: [(Int, Double)], _ area: PlotArea, _ color: String, _ width: String) -> String {
    var isOpen = false
    let commands = points.compactMap { position, value -> String? in
      guard value.isFinite else {
        isOpen = false
        return nil
      }
      defer { isOpen = true }
      return "\(isOpen ? "L" : "M")\(number(area.px(Double(position)))) \(number(area.py(value)))"
    }
    return "<path d=\"\(commands.joined())\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(width)\""
      + " stroke-linejoin=\"round\"/>"
  }

  // MARK: Elements

  private func text(_ x: Double, _ y: Double, _ content: some StringProtocol, _ style: String = "") -> String {
    let attributes = style.isEmpty ? "" : " " + style
    return "<text x=\"\(number(x))\" y=\"\(number(y))\"\(attributes)>\(escaped(String(content)))</text>"
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
    "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" \(style)/>"
  }

  private func circle(_ x: Double, _ y: Double) -> String {
    "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"3\" fill=\"\(Self.forecastColor)\"/>"
  }

  private func number(_ value: Double) -> String { fixed(value, decimals: 1) }

  /// Text as XML has it, without the control characters that it cannot have.
  private func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": escaped += " "
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }
}

/// Where the axes are, and what they count.
private struct PlotArea {
  let left: Double
  let top: Double
  let right: Double
  let bottom: Double
  let x: AxisScale
  let y: AxisScale

  func px(_ position: Double) -> Double { left + (right - left) * x.share(position) }
  func py(_ value: Double) -> Double { bottom - (bottom - top) * y.share(value) }
}
