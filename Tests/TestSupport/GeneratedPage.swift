// Pages under Docs that tests write: what the code says now, checked in, so that a change shows in the diff.

import Foundation

/// A page that a test makes and compares with the one that is checked in.
public struct GeneratedPage: Sendable {
  /// The page's path from the package's root, as in `Docs/OPS.md`.
  public let path: String
  /// The suite that makes it, as `swift test --filter` takes it.
  public let suite: String

  /// A page by its path and its suite.
  public init(path: String, suite: String) {
    self.path = path
    self.suite = suite
  }

  /// What regenerates the page.
  public var command: String { "BLOX_BLESS=1 swift test --filter \(suite)" }

  /// What is not as it was when the page was checked in, with what to do; `nil` when nothing.
  ///
  /// Under `BLOX_BLESS` the page is written first.
  public func change(in text: String) throws -> String? {
    let file = Fixtures.directory.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(path)
    if ProcessInfo.processInfo.environment["BLOX_BLESS"] != nil {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let stored = try String(contentsOf: file, encoding: .utf8)
    if stored == text { return nil }
    let old = Set(stored.split(separator: "\n"))
    let new = text.split(separator: "\n").filter { !old.contains($0) }
    return "\(path) is not what the code says now; if that is meant: \(command)\n"
      + (new.isEmpty ? "lines are gone" : new.joined(separator: "\n"))
  }
}
