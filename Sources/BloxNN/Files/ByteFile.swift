// Files as bytes: reading in pieces, and replacing so that a failure leaves the old contents.

import BloxIR
import BloxRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes of files by path.
package enum ByteFile {
  /// Replaces the contents of a file: the pieces are written beside it first, then moved into place.
  ///
  /// A device or a pipe is written to instead; moving a file into its place would destroy it.
  package static func write(_ pieces: [[UInt8]], to path: String) throws(BloxError) {
    try replace(path) { descriptor throws(BloxError) in
      for piece in pieces {
        guard piece.withUnsafeBytes({ writeAll($0, to: descriptor) }) else { throw failure("cannot write", path) }
      }
    }
  }

  /// Replaces the contents of a file by what `body` writes to a descriptor. The new file has the permissions of the
  /// old one; where `path` is a link, what it leads to is replaced.
  static func replace(_ path: String, _ body: (Int32) throws(BloxError) -> Void) throws(BloxError) {
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT != S_IFREG {
      return try overwrite(path, O_TRUNC, calledInMessages: path, body)
    }
    let target = exists ? resolved(path) : path
    let temporary = temporaryName(beside: target)
    do {
      try overwrite(temporary, O_EXCL, calledInMessages: path) { descriptor throws(BloxError) in
        // Some file systems know no permissions, and have none to lose.
        if exists { _ = fchmod(descriptor, status.st_mode & 0o7777) }
        try body(descriptor)
        // Otherwise the name could come to the disk before what it stands for.
        guard fsync(descriptor) == 0 else { throw failure("cannot write", path) }
      }
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, target) == 0 else {
      let error = failure("cannot write", path)
      unlink(temporary)
      throw error
    }
  }

  /// The path without links.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private static func overwrite(
    _ path: String, _ flags: Int32, calledInMessages name: String, _ body: (Int32) throws(BloxError) -> Void
  ) throws(BloxError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | flags, 0o644)
    guard descriptor >= 0 else { throw failure("cannot write", name) }
    do {
      try body(descriptor)
    } catch {
      close(descriptor)
      throw error
    }
    // Some file systems report only here that there was no room.
    guard close(descriptor) == 0 else { throw failure("cannot write", name) }
  }

  /// Whether all was written; `errno` says why not.
  static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = systemWrite(descriptor, rest)
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
    return true
  }

  static func failure(_ what: String, _ path: String) -> BloxError {
    BloxError(.file, "\(what) \(path): \(String(cString: strerror(errno)))")
  }
}

/// A file that is open for reading at any place.
package struct ByteReader: ~Copyable {
  /// The path, for messages.
  let path: String
  /// The size when the file was opened, in bytes.
  let byteCount: Int
  private let descriptor: Int32

  /// Opens a regular file.
  init(_ path: String) throws(BloxError) {
    self.path = path
    descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw ByteFile.failure("cannot read", path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = ByteFile.failure("cannot read", path)
      close(descriptor)
      throw error
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw BloxError(.file, "cannot read \(path): it is no regular file")
    }
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The bytes at an offset.
  func bytes(at offset: Int, count: Int) throws(BloxError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let isComplete = bytes.withUnsafeMutableBytes { fill($0, from: offset) }
    guard isComplete else { throw incomplete() }
    return bytes
  }

  /// The bytes at an offset, as the memory of a tensor.
  func storage(at offset: Int, count: Int) throws(BloxError) -> Storage {
    let storage = try Storage(byteCount: count)
    guard storage.withUnsafeMutableBytes({ fill($0, from: offset) }) else { throw incomplete() }
    return storage
  }

  private func incomplete() -> BloxError {
    BloxError(.file, "cannot read \(path): it became shorter while it was being read")
  }

  private func fill(_ bytes: UnsafeMutableRawBufferPointer, from offset: Int) -> Bool {
    var (rest, offset) = (bytes, offset)
    while !rest.isEmpty {
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = UnsafeMutableRawBufferPointer(rebasing: rest.dropFirst(count))
      offset += count
    }
    return true
  }
}

private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
  write(descriptor, buffer.baseAddress, buffer.count)
}
