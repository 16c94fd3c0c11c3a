// Where the files that tests read are.

import Foundation

/// The files under `Tests/Fixtures`.
///
/// They are found from the place of this source file, not through a bundle: that works the same for
/// every test target, in debug and release builds, and needs no copy of the files in the products.
public enum Fixtures {
  /// The directory `Tests/Fixtures` of the checkout that the tests were built from.
  public static let directory = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

  /// The path of a file in `Tests/Fixtures`.
  ///
  /// - Parameter name: The path from `Tests/Fixtures`, such as `Slice/slice.safetensors`.
  public static func path(_ name: String) -> String {
    directory.appendingPathComponent(name).path
  }

  /// The bytes of the file at `path`.
  public static func bytes(at path: String) throws -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw TestSupportError(file: path, place: "file", message: "cannot be read: \(error)")
    }
  }
}
