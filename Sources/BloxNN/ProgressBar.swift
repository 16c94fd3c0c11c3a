// A line of progress for loops that take a while.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Progress on a terminal: a bar that is redrawn in place. Silent when output goes to a file or a pipe, where the
/// caller prints plain lines instead.
///
/// ```swift
/// var bar = ProgressBar(total: steps)
/// for step in 0..<steps { …; bar.advance(note: "loss \(loss)") }
/// bar.finish()
/// ```
public struct ProgressBar {
  /// Whether standard output is a terminal, so that the bar is drawn.
  public let isVisible: Bool
  private let total: Int
  private let width: Int
  private var done = 0
  private let start = ContinuousClock.now
  private var lastDraw = ContinuousClock.now

  /// Makes a bar for a number of steps.
  public init(total: Int, width: Int = 30, isVisible: Bool? = nil) {
    self.total = max(total, 1)
    self.width = min(max(width, 0), 1000)
    self.isVisible = isVisible ?? (isatty(STDOUT_FILENO) == 1)
  }

  /// Steps per second so far.
  public var rate: Double {
    let elapsed = ContinuousClock.now - start
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    return seconds > 0 ? Double(done) / seconds : 0
  }

  /// Counts a step and redraws the bar, at most twenty times a second.
  public mutating func advance(note: @autoclosure () throws -> String = "") rethrows {
    done += 1
    guard isVisible else { return }
    let now = ContinuousClock.now
    guard done == total || now - lastDraw > .milliseconds(50) else { return }
    lastDraw = now
    write("\r\u{1B}[2K" + line(note: try note()))
  }

  /// The bar as text.
  public func line(note: String) -> String {
    let filled = min(width, width * done / total)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    let digits = String(total).count
    let count = String(repeating: " ", count: max(0, digits - String(done).count)) + "\(done)/\(total)"
    return "\(bar) \(count)  \(Int(rate)) steps/s" + (note.isEmpty ? "" : "  \(note)")
  }

  /// Removes the bar.
  public func finish() {
    if isVisible { write("\r\u{1B}[2K") }
  }

  private func write(_ text: String) {
    print(text, terminator: "")
    fflush(nil)
  }
}
