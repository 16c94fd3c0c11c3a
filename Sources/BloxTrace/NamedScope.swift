// Names for parts of a computation, in program text and in errors.

import BloxIR

/// Runs a function under a name, which the instructions made by it carry behind the path of the module that runs
/// (`jax.named_scope`): in program text, in the errors of shapes and dtypes, and where a NaN was made.
///
/// ```swift
/// let scores = try namedScope("scores") { try queries.matmul(keys.swapAxes(-1, -2)) * scale }
/// ```
///
/// Scopes nest: `net/attention/scores`. A module that is called inside has its own path, the one of its parameters, and
/// no scope in front of it.
///
/// - Parameter name: One or several names, separated by slashes.
/// - Throws: ``BloxError/Code/emptyName`` when a name is empty or has a quote or line break, or what `body` throws.
public func namedScope<Result>(
  _ name: String, file: String = #fileID, line: Int = #line, _ body: () throws -> Result
) throws -> Result {
  let parts = name.split(separator: "/", omittingEmptySubsequences: false)
  guard parts.allSatisfy({ !$0.isEmpty }), !name.contains(where: { $0 == "\"" || $0.isNewline }) else {
    throw BloxError(
      .emptyName, "namedScope: '\(name)' needs names between slashes, without quotes and line breaks",
      location: SourceLocation(file: file, line: line))
  }
  let outer = ModuleScope.path
  let path = outer.isEmpty ? name : "\(outer)/\(name)"
  return try ModuleScope.with(path) {
    do {
      return try body()
    } catch let error as BloxError {
      throw error.at(modulePath: path, location: nil)
    }
  }
}
