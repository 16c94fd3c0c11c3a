// Characters as numbers, and the text as windows of them.

import BloxNN

/// The different characters of a text, each with a number.
struct Vocabulary {
  /// The characters in order of their numbers.
  let characters: [Unicode.Scalar]
  private let numbers: [Unicode.Scalar: Int32]

  /// The characters of a text, sorted.
  init(of text: String) {
    self.init(characters: Set(text.unicodeScalars).sorted())
  }

  /// Characters in order of their numbers.
  init(characters: [Unicode.Scalar]) {
    self.characters = characters
    numbers = Dictionary(uniqueKeysWithValues: zip(characters, characters.indices.map { Int32($0) }))
  }

  /// The numbers of a text's characters.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a character that is not in the vocabulary.
  func numbers(of text: String, named name: String) throws -> [Int32] {
    try text.unicodeScalars.map { character in
      guard let number = numbers[character] else {
        throw BloxError(
          .invalidArgument,
          "\(name) has the character '\(character.escaped(asASCII: false))', which the model has not seen in training")
      }
      return number
    }
  }

  /// What a text begins with when nothing is said: a line break, if there is one.
  var defaultPrompt: String { String(characters.first { $0 == "\n" } ?? characters[0]) }

  /// The character of a number.
  func character(_ number: Int32) -> Character { Character(characters[Int(number)]) }
}

/// A text as numbers: most of it to train on, and the end of it held out.
struct Corpus {
  let training: [Int32]
  let held: [Int32]
  /// The characters that are seen at once.
  let context: Int

  /// Holds out the last tenth.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a text that is too short for a window in each part.
  init(_ numbers: [Int32], context: Int, name: String) throws {
    let least = 10 * (context + 1)
    guard numbers.count >= least else {
      throw BloxError(
        .invalidArgument,
        "\(name) has \(numbers.count) characters; a context of \(context) needs at least \(least), of which the last"
          + " tenth is held out")
    }
    let count = numbers.count - numbers.count / 10
    (training, held, self.context) = (Array(numbers[..<count]), Array(numbers[count...]), context)
  }

  /// Windows of the training part at places that a key decides, `i32[count, context + 1]`.
  func windows(_ count: Int, _ key: Key) throws -> Tensor {
    let starts = try key.randint([count], low: 0, high: training.count - context).scalars(as: Int32.self)
    return try windows(of: training, at: starts.map { Int($0) })
  }

  /// Windows that cover the part held out, in groups of one size; at most 64 of them, evenly spread.
  func heldWindows(groupsOf count: Int) throws -> [Tensor] {
    let wanted = max(count, min(64, held.count / context) / count * count)
    let last = held.count - context - 1
    let starts = (0..<wanted).map { wanted == 1 ? 0 : $0 * last / (wanted - 1) }
    return try stride(from: 0, to: wanted, by: count).map { try windows(of: held, at: Array(starts[$0..<$0 + count])) }
  }

  private func windows(of numbers: [Int32], at starts: [Int]) throws -> Tensor {
    try Tensor(
      shape: [starts.count, context + 1], scalars: starts.flatMap { numbers[$0...$0 + context] })
  }
}
