// The one error type of the library: a code for programs, a message for people.

/// A place in a user's source file.
public struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
  /// The file, as `#fileID` gives it (`Module/File.swift`), or as written in program text.
  public var file: String
  /// The line, counted from 1.
  public var line: Int

  /// Creates a location.
  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }

  /// `File.swift:12`, without the module, which the reader knows.
  public var description: String {
    "\(file.split(separator: "/").last.map(String.init) ?? file):\(line)"
  }

  /// Whether it is a line of the library, where one of its functions calls another.
  var isInLibrary: Bool { file.hasPrefix("BloxTrace/") || file.hasPrefix("BloxNN/") }
}

/// What went wrong, where, and what to do about it.
///
/// Everything a user can type, load or pass is answered by this type and never by a trap. ``code`` is stable and
/// meant for programs; ``message`` is meant for people and may be reworded.
public struct BloxError: Error, Hashable, Sendable {
  /// The stable name of a kind of error.
  public enum Code: String, Hashable, Sendable, CaseIterable {
    // Tensors and operations.
    case shapeMismatch, dtypeMismatch, invalidShape, invalidAxis, invalidArgument, invalidDType
    case unsupported
    // Tracing and transformations.
    case concretization, leakedTracer, donatedTensor, structureMismatch
    case staleCapture, traceCount
    case gradientOfNonScalar, gradientOfInteger, notDifferentiable
    case unboundAxis, duplicateAxis, axisSizeMismatch, mappedResult, inAxesMismatch
    // blox: graphs, parameters, random state.
    case emptyName, duplicateChild, nodeOccupied, rootNode
    case paramNotFound, paramsLocked, lockedMismatch, nothingToSet, missingRng
    case rngNotSeeded, seedRequired, scalarInput, dropoutRate
    // Programs as text and as values.
    case syntax, verification
    // The outside world.
    case file, usage, runtime
    case nonFinite
  }

  /// The kind of error.
  public let code: Code
  /// What was wrong, where, and what to do.
  public var message: String
  /// The path of the module that was running, such as `net/mlp/hidden`, when known.
  public var modulePath: String?
  /// The user's source line, when known.
  public var location: SourceLocation?

  /// Creates an error.
  public init(
    _ code: Code, _ message: String, modulePath: String? = nil, location: SourceLocation? = nil
  ) {
    self.code = code
    self.message = message
    self.modulePath = modulePath
    self.location = location
  }

  /// The same error with the module path and location filled in where they are not known yet. A line of the library
  /// makes way for one outside of it.
  public func at(modulePath: String?, location: SourceLocation?) -> BloxError {
    var copy = self
    if copy.modulePath == nil, let modulePath, !modulePath.isEmpty { copy.modulePath = modulePath }
    if copy.location?.isInLibrary ?? true { copy.location = location ?? copy.location }
    return copy
  }
}

extension BloxError: CustomStringConvertible {
  /// The message, followed by the module path and the source line when they are known.
  public var description: String {
    var text = message
    if let modulePath { text += " [in \(modulePath)]" }
    // A syntax error's message starts with its place.
    if let location, code != .syntax { text += " [at \(location)]" }
    return text
  }
}
