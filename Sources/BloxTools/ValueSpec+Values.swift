// From what was written to the tensors of a program's parameters.

import BloxIR
import BloxNN
import BloxTrace

extension ValueSpec {
  /// The tensor.
  ///
  /// - Parameters:
  ///   - wanted: The type that it must have; `nil` when any will do, which must then be written.
  ///   - seed: The seed of random numbers. Input `index` draws from `fold_in(key(seed), index)`, as JAX has it.
  ///   - index: The position of the input.
  package func value(for wanted: TensorType?, seed: UInt64, index: Int) throws -> DenseConstant {
    if let type, let wanted, type != wanted {
      throw BloxError(.usage, "'\(abbreviated)' is of type \(type); \(wanted) is needed")
    }
    switch source {
    case .file(let path, let name): return try load(path, name, as: wanted ?? type)
    case .elements, .random, .iota:
      let isKey = { (word: String) in word.hasPrefix("key(") }
      var implied: TensorType?
      if case .elements(let words) = source, words.count == 1, isKey(words[0]) { implied = TensorType(.key) }
      guard let type = type ?? wanted ?? implied else {
        throw BloxError(.usage, "'\(text)' needs a type before it, as in 3xf32=\(text)")
      }
      guard type.byteCount <= ValueSpec.byteLimit else {
        throw BloxError(.usage, "'\(abbreviated)': \(type) is too large to be written down; load it from a file")
      }
      return try value(of: type, seed: seed, index: index)
    }
  }

  /// The largest tensor that is made of a written value, in bytes.
  private static let byteLimit = 1 << 32

  private func value(of type: TensorType, seed: UInt64, index: Int) throws -> DenseConstant {
    switch source {
    case .elements(let words):
      guard words.count == 1 || words.count == type.elementCount else {
        throw BloxError(
          .usage, "'\(abbreviated)' gives \(words.count) elements; \(type) has \(type.elementCount), or 1 for all")
      }
      let literals = try words.map { word in
        guard let literal = ValueSpec.literal(word, as: type.dtype) else {
          throw BloxError(.usage, "'\(word)' in '\(abbreviated)' is no \(type.dtype)\(ValueSpec.hint(type.dtype))")
        }
        return literal
      }
      return literals.count == 1
        ? DenseConstant(literals[0], shape: type.shape) : DenseConstant(type: type, elements: literals)
    case .iota: return try iota(type)
    case .random(let distribution): return try random(distribution, type, seed: seed, index: index)
    case .file: preconditionFailure("loaded by value(for:seed:index:)")
    }
  }

  private static func hint(_ dtype: DType) -> String {
    switch dtype.kind {
    case .boolean: "; write true or false"
    case .key: "; write key(42)"
    case .signed, .unsigned: "; it holds whole numbers from \(Literal.lowest(dtype)) to \(Literal.highest(dtype))"
    case .floating: ""
    }
  }

  /// The text, cut where it is long, for messages.
  private var abbreviated: String { text.count > 60 ? text.prefix(57) + "..." : text }

  private func iota(_ type: TensorType) throws -> DenseConstant {
    guard type.dtype.isNumeric else { throw BloxError(.usage, "iota makes numbers, not \(type)") }
    return try Tensor.arange(type.elementCount, dtype: type.dtype).reshape(type.shape).constant()
  }

  // MARK: Random numbers

  private func random(
    _ distribution: Distribution, _ type: TensorType, seed: UInt64, index: Int
  ) throws -> DenseConstant {
    let key = try Key(seed).foldIn(index)
    switch (distribution, type.dtype.kind) {
    case (.standard, .floating), (.normal, .floating): return try floats(type) { try key.normal($0, dtype: $1) }
    case (.uniform, .floating): return try floats(type) { try key.uniform($0, dtype: $1) }
    case (.range(let low, let high), .floating):
      guard [low, high, high - low].allSatisfy({ Literal($0, as: type.dtype).doubleValue.isFinite }) else {
        throw BloxError(.usage, "'\(text)': \(type.dtype) does not hold the bounds and their difference")
      }
      return try floats(type) { try key.uniform($0, low: low, high: high, dtype: $1) }
    case (.standard, .boolean): return try key.bernoulli(0.5, type.shape).constant()
    case (.standard, .key): return try key.split(type.shape).tensor.constant()
    case (.standard, .signed): return try integers(type, key, -9, 9)
    case (.standard, .unsigned): return try integers(type, key, 0, 9)
    case (.range(let low, let high), .signed), (.range(let low, let high), .unsigned):
      return try integers(type, key, low, high)
    case (.normal, _), (.uniform, _), (.range, _):
      throw BloxError(.usage, "'\(text)' cannot be drawn for \(type); plain 'random' suits every type")
    }
  }

  private func floats(_ type: TensorType, _ draw: ([Int], DType) throws -> Tensor) throws -> DenseConstant {
    try draw(type.shape, type.dtype).constant()
  }

  /// Whole numbers from `low` to `high`, both included: `low + bits mod (high - low + 1)`.
  private func integers(_ type: TensorType, _ key: Key, _ low: Double, _ high: Double) throws -> DenseConstant {
    let lowest = Literal(low, as: type.dtype)
    guard lowest.doubleValue == low, Literal(high, as: type.dtype).doubleValue == high, high - low < 4_294_967_295
    else {
      throw BloxError(.usage, "'\(text)': the bounds are no whole numbers of \(type.dtype) less than 2^32 apart")
    }
    let words = try key.bits(type.shape).scalars(as: UInt32.self)
    let span = UInt64(high - low) + 1
    return DenseConstant(
      type: type,
      elements: words.map { Literal(dtype: type.dtype, bits: lowest.signedBits &+ UInt64($0) % span) })
  }

  // MARK: Files

  private func load(_ path: String, _ name: String?, as wanted: TensorType?) throws -> DenseConstant {
    let tensors = try TensorFile.load(path)
    let tensor: Tensor
    if let name {
      guard let found = tensors.first(where: { $0.name == name }) else {
        let names = tensors.map(\.name)
        throw BloxError(
          .usage, "\(path) has no tensor '\(name)'; it has \(names.isEmpty ? "none" : names.joined(separator: ", "))")
      }
      tensor = found.tensor
    } else {
      guard tensors.count == 1 else {
        throw BloxError(.usage, "\(path) has \(tensors.count) tensors; say which one: @\(path):NAME")
      }
      tensor = tensors[0].tensor
    }
    var constant = try tensor.constant()
    // npy and npz files have only the words of keys.
    if let wanted, wanted.dtype == .key, constant.type == TensorType(.u32, wanted.shape + [2]) {
      constant = DenseConstant(type: wanted, bytes: constant.bytes)
    }
    if let wanted, constant.type != wanted {
      throw BloxError(.usage, "'\(text)' is of type \(constant.type); \(wanted) is needed")
    }
    return constant
  }
}

extension Literal {
  /// The bits, sign-extended.
  fileprivate var signedBits: UInt64 { dtype.kind == .signed ? UInt64(bitPattern: signedValue) : bits }
}

/// An input or result that values are given for.
package struct NamedSlot: Sendable {
  let label: String?
  let type: TensorType

  /// The inputs of a program.
  package static func inputs(of program: Program) -> [NamedSlot] {
    program.parameters.map { NamedSlot(label: $0.label?.text, type: $0.type) }
  }

  /// The results of a program.
  package static func results(of program: Program) -> [NamedSlot] {
    zip(program.results, program.resultTypes).map { NamedSlot(label: $0.label?.text, type: $1) }
  }

  /// The label, or the position where there is none.
  static func name(_ slots: [NamedSlot], _ index: Int, _ noun: String) -> String {
    slots[index].label ?? "\(noun) \(index)"
  }
}

package enum Binding {
  /// A spec for each slot, `nil` where none is given. Named specs go to their slots, others fill the rest in order;
  /// the last unnamed one goes to all that are left if it has no type.
  package static func assign(
    _ texts: [String], to slots: [NamedSlot], noun: String
  ) throws(BloxError) -> [ValueSpec?] {
    var specs: [ValueSpec?] = slots.map { _ in nil }
    var unnamed: [ValueSpec] = []
    for text in texts {
      // The longest label that fits, since labels may hold anything. What can be read as a type is one.
      let fitting = slots.indices.compactMap { index in slots[index].label.map { (index, $0) } }
        .filter { text.hasPrefix($0.1 + "=") && TensorType(written: $0.1[...]) == nil }
      if let (index, label) = fitting.max(by: { $0.1.count < $1.1.count }) {
        guard specs[index] == nil else { throw BloxError(.usage, "the \(noun) \(label) is given twice") }
        specs[index] = try ValueSpec(String(text.dropFirst(label.count + 1)))
        continue
      }
      unnamed.append(try unnamedSpec(text, slots, noun))
    }
    var rest = unnamed[...]
    var repeated: ValueSpec?
    for index in slots.indices where specs[index] == nil {
      if let spec = rest.popFirst() {
        specs[index] = spec
        if rest.isEmpty, spec.isGenerator { repeated = spec }
      } else {
        specs[index] = repeated
      }
    }
    if let extra = rest.first {
      throw BloxError(
        .usage,
        "\(texts.count) values are given for \(slots.count) \(noun)\(slots.count == 1 ? "" : "s"):"
          + " '\(extra.text)' is one too many")
    }
    return specs
  }

  private static func unnamedSpec(_ text: String, _ slots: [NamedSlot], _ noun: String) throws(BloxError) -> ValueSpec {
    do throws(BloxError) {
      return try ValueSpec(text)
    } catch {
      guard let equals = text.firstIndex(of: "="), (try? ValueSpec(String(text[text.index(after: equals)...]))) != nil
      else { throw error }
      let names = slots.compactMap(\.label)
      throw BloxError(
        .usage,
        "there is no \(noun) named '\(text[..<equals])'; there \(names.count == 1 ? "is" : "are")"
          + " \(names.isEmpty ? "none with a name" : names.joined(separator: ", "))")
    }
  }

  /// A value for every input of a program.
  package static func arguments(_ texts: [String], for program: Program, seed: UInt64) throws -> [DenseConstant] {
    let slots = NamedSlot.inputs(of: program)
    let specs = try assign(texts, to: slots, noun: "input")
    var missing: [String] = []
    for index in slots.indices where specs[index] == nil {
      missing.append("\(NamedSlot.name(slots, index, "input")): \(slots[index].type)")
    }
    guard missing.isEmpty else {
      throw BloxError(
        .usage,
        "@\(program.name) needs a value for \(missing.joined(separator: ", ")); give --input once for each, or"
          + " 'random' for all that are left")
    }
    return try zip(slots.indices, specs.compactMap { $0 }).map { index, spec in
      do {
        return try spec.value(for: slots[index].type, seed: seed, index: index)
      } catch let error as BloxError where error.code == .usage {
        throw BloxError(.usage, "\(NamedSlot.name(slots, index, "input")): \(error.message)")
      }
    }
  }
}
