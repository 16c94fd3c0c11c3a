/// An error about a file that tests read: where it is wrong, and how.
public struct TestSupportError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The file.
  public var file: String
  /// The place in the file: a line and column, a byte, or the name of a tensor or case.
  public var place: String
  /// What is wrong there.
  public var message: String

  /// Makes an error.
  public init(file: String, place: String, message: String) {
    self.file = file
    self.place = place
    self.message = message
  }

  /// `file: place: message`.
  public var description: String { "\(file): \(place): \(message)" }
}
