// Small files, without Foundation.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Makes a folder and those above it that are missing; whether it is there afterwards.
func makeFolder(_ path: String) -> Bool {
  var prefix = path.hasPrefix("/") ? "/" : ""
  for part in path.split(separator: "/") {
    prefix += (prefix.isEmpty || prefix.hasSuffix("/") ? "" : "/") + part
    if mkdir(prefix, 0o777) != 0 && errno != EEXIST { return false }
  }
  return true
}

/// A name beside a file for what is to replace it: one that no other writer uses, in this process or another.
package func temporaryName(beside path: String) -> String {
  "\(path).\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36)).partial"
}

/// Writes a file whole or not at all: under another name first, which then replaces what was there.
func replaceFile(_ path: String, with text: String) -> Bool {
  let temporary = temporaryName(beside: path)
  guard let file = fopen(temporary, "wx") else { return false }
  let bytes = Array(text.utf8)
  let isWritten = fwrite(bytes, 1, bytes.count, file) == bytes.count
  guard fclose(file) == 0, isWritten, rename(temporary, path) == 0 else {
    unlink(temporary)
    return false
  }
  return true
}
