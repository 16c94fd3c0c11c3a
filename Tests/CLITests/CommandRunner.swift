// Runs the package's executables as a user does.

import Foundation
import Testing

/// What a process wrote and how it ended.
struct RunResult {
  var exitCode: Int32
  var output: String
  var errors: String
  /// The lines of standard output.
  var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
}

enum CommandRunner {
  /// The root of the package.
  static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The folder of built products: where the test bundle is.
  static let productFolder: URL = {
    #if os(macOS)
      for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
        return bundle.bundleURL.deletingLastPathComponent()
      }
    #endif
    return URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
  }()

  /// Runs a product in the root of the package, or in another folder.
  static func run(
    _ product: String, _ arguments: [String], input: String = "", in folder: URL? = nil
  ) throws -> RunResult {
    try run(productFolder.appendingPathComponent(product), arguments, input: input, in: folder)
  }

  /// Runs a line of shell in which the products are on the path.
  static func shell(_ line: String, in folder: URL? = nil) throws -> RunResult {
    try run(URL(fileURLWithPath: "/bin/sh"), ["-c", line], input: "", in: folder)
  }

  private static func run(
    _ executable: URL, _ arguments: [String], input: String, in folder: URL?
  ) throws -> RunResult {
    // Files, not pipes: a pipe that nobody empties would stop a process that writes much.
    try withTemporaryFolder { scratch in
      let process = Process()
      process.executableURL = executable
      process.arguments = arguments
      process.currentDirectoryURL = folder ?? packageRoot
      var environment = ProcessInfo.processInfo.environment
      environment["PATH"] = productFolder.path + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
      process.environment = environment
      let names = ["input", "output", "errors"].map { scratch.appendingPathComponent($0) }
      try Data(input.utf8).write(to: names[0])
      for name in names.dropFirst() { try Data().write(to: name) }
      process.standardInput = try FileHandle(forReadingFrom: names[0])
      process.standardOutput = try FileHandle(forWritingTo: names[1])
      process.standardError = try FileHandle(forWritingTo: names[2])
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationReason == .exit, "\(executable.lastPathComponent) \(arguments) died of a signal")
      return RunResult(
        exitCode: process.terminationStatus, output: try String(contentsOf: names[1], encoding: .utf8),
        errors: try String(contentsOf: names[2], encoding: .utf8))
    }
  }

  /// Makes a folder for the duration of a test.
  static func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("blox-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }
}
