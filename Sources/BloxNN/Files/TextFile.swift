// Reading and writing text files, so that a failure leaves no half-written file.

import BloxIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Text files by path.
package enum TextFile {
  /// The largest file that is read: programs are text, and more than this is a mistake.
  static let byteLimit = 1 << 30

  /// The contents of a file, or of standard input for `-`.
  package static func read(_ path: String) throws(BloxError) -> String {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY)
    guard descriptor >= 0 else { throw failure("cannot read", path) }
    defer { if path != "-" { close(descriptor) } }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0) }
      if count < 0 { throw failure("cannot read", path) }
      if count == 0 { break }
      bytes += buffer[..<count]
      guard bytes.count <= byteLimit else { throw BloxError(.file, "\(path) is larger than 1 GiB") }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw BloxError(.syntax, "\(path == "-" ? "<stdin>" : path) is not a text file in UTF-8")
    }
    return text
  }

  /// Replaces the contents of a file: written beside it first, then moved into place. `-` is standard output.
  package static func write(_ text: String, to path: String) throws(BloxError) {
    if path == "-" { return try writeToStandardOutput(text) }
    try ByteFile.write([Array(text.utf8)], to: path)
  }

  /// Writes to standard output. A reader that has gone has read enough: with SIGPIPE ignored, that is no error.
  private static func writeToStandardOutput(_ text: String) throws(BloxError) {
    var text = text
    guard text.withUTF8({ ByteFile.writeAll(UnsafeRawBufferPointer($0), to: STDOUT_FILENO) }) || errno == EPIPE else {
      throw failure("cannot write", "standard output")
    }
  }

  /// The files of a suffix below a folder, in order of paths; a path that is no folder stands for itself.
  package static func files(below path: String, suffix: String) throws(BloxError) -> [String] {
    guard path != "-", let directory = opendir(path) else { return [path] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    var found: [String] = []
    for name in names.sorted() {
      let child = path.hasSuffix("/") ? path + name : path + "/" + name
      if name.hasSuffix(suffix), !isDirectory(child) {
        found.append(child)
      } else if isDirectory(child) {
        found += try files(below: child, suffix: suffix)
      }
    }
    return found
  }

  /// Links are not followed, since they may lead in circles.
  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Makes a directory unless there is one.
  package static func makeDirectory(_ path: String) throws(BloxError) {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("cannot make the directory", path) }
  }

  private static func failure(_ what: String, _ path: String) -> BloxError { ByteFile.failure(what, path) }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}
