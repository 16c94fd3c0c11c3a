// Small helpers of printer and parser: names, quoting, notes, suggestions.

enum Spelling {
  /// ` (did you mean 'x'?)` for the nearest known name, or nothing if none is near.
  static func suggestion(for name: String, among known: [String]) -> String {
    guard name.utf8.count <= 32 else { return "" }
    var best: (name: String, distance: Int)?
    for candidate in known {
      let distance = distance(Array(name.utf8), Array(candidate.utf8))
      if distance < best?.distance ?? (max(2, name.utf8.count / 2) + 1), distance < candidate.utf8.count {
        best = (candidate, distance)
      }
    }
    return best.map { " (did you mean '\($0.name)'?)" } ?? ""
  }

  /// The number of insertions, deletions and replacements between two words (Levenshtein), row by row.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let replaced = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, min(row[j], diagonal) + 1)
      }
    }
    return row[b.count]
  }

  /// A string in quotes on one line.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      default:
        if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) {
          result += "\\u{" + String(scalar.value, radix: 16) + "}"
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }

  /// `@name`, in quotes where the name holds more than letters, digits, `_`, `.`, `-` and `$`.
  static func programName(_ name: String) -> String {
    !name.isEmpty && name.utf8.allSatisfy(\.isNameByte) ? "@" + name : "@" + quoted(name)
  }

  /// `1 result`, `2 results`
  static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  /// `[1,2]`
  static func list(_ values: [Int]) -> String { "[" + values.map(String.init).joined(separator: ",") + "]" }
}

extension SourceNote {
  /// Reads the comment behind an instruction: a module path, `File.swift:12`, or both. Prose is no note.
  init(text: String) {
    var words = text.split { $0 == " " || $0 == "\t" || $0 == "\r" }
    self.init()
    guard words.count <= 2 else { return }
    if let last = words.last, let colon = last.lastIndex(of: ":"), colon > last.startIndex,
      let line = Int(last[last.index(after: colon)...]), line >= 0
    {
      location = SourceLocation(file: String(last[..<colon]), line: line)
      words.removeLast()
    }
    if words.count > 1 {
      location = nil
    } else if let word = words.first {
      scope = String(word)
    }
  }

  /// The comment's text; blanks within a path or file name would end it, so they are shown as `_`.
  func text(_ options: PrintOptions) -> String {
    var words = scope.isEmpty || !options.notes ? [] : [SourceNote.word(scope)]
    if options.locations, let location { words.append(SourceNote.word(location.description)) }
    return words.joined(separator: " ")
  }

  private static func word(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.value < 0x20 }) else { return text }
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          scalar.properties.isWhitespace || scalar.value < 0x20 ? "_" : scalar
        }))
  }
}
