// What a compiled function captured and what has become of it.
//
// The function is traced again and the programs are compared. Programs say that something differs, not which property
// it came from, so stored properties of modules are remembered with each trace. Which modules a closure captured
// cannot be asked in Swift: all modules made by the task that traces are looked at, and only there, because another
// task may be changing its own.

import BloxIR
import BloxRuntime
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A captured value that has changed since a function was compiled.
public struct StaleCapture: Hashable, Sendable {
  /// The property with its module's path (`net/adder.value`), or the place in the program.
  public let subject: String
  /// What it was.
  public let old: String
  /// What it is.
  public let new: String
  /// Where the function was called when it was traced.
  public let traced: SourceLocation?
}

extension StaleCapture: CustomStringConvertible {
  /// As in `net/adder.value was 10.0 when traced at Demo.swift:14, is 100.0 now`.
  public var description: String {
    "\(subject) was \(old) when traced\(traced.map { " at \($0)" } ?? ""), is \(new) now"
  }
}

/// An object whose stored properties traced functions may read: a module.
package protocol TracedObject: AnyObject {
  /// Its path.
  var tracedPath: String { get }
  /// Its stored properties and their values as text.
  func tracedProperties() -> [(name: String, value: String)]
}

/// The living modules of the process, each with the task or thread that made it.
package enum TracedObjects {
  private struct Entry: @unchecked Sendable {
    // Sendable: the reference is followed by the owner alone.
    weak var object: (any TracedObject)?
    let owner: Int
    let order: Int
  }

  private struct State {
    var entries: [ObjectIdentifier: Entry] = [:]
    var made = 0
  }

  private static let state = Mutex(State())

  /// Remembers an object until it is forgotten.
  package static func add(_ object: any TracedObject) {
    let (identity, entry) = (ObjectIdentifier(object), Unshared(object))
    let owner = currentOwner
    state.locked { state in
      state.made += 1
      state.entries[identity] = Entry(object: entry.object, owner: owner, order: state.made)
    }
  }

  /// Forgets an object that ends.
  package static func remove(_ identity: ObjectIdentifier) {
    state.locked { _ = $0.entries.removeValue(forKey: identity) }
  }

  /// The properties of the objects that this task made.
  static func snapshot() -> [PropertySnapshot] {
    let owner = currentOwner
    let mine = state.locked { state in
      state.entries.values.filter { $0.owner == owner }.sorted { $0.order < $1.order }
    }
    return mine.compactMap { $0.object.map(PropertySnapshot.init) }
  }

  /// A number for the running task, or for the thread outside tasks.
  private static var currentOwner: Int {
    withUnsafeCurrentTask { task in task.map(\.hashValue) } ?? pthread_self().hashValue
  }

  private struct Unshared: @unchecked Sendable {
    // Sendable: it only carries the reference into the table.
    weak var object: (any TracedObject)?
    init(_ object: any TracedObject) { self.object = object }
  }
}

/// The stored properties of a module when a function was traced.
struct PropertySnapshot {
  private weak var object: (any TracedObject)?
  private let path: String
  private let properties: [(name: String, value: String)]

  init(_ object: any TracedObject) {
    self.object = object
    path = object.tracedPath
    properties = object.tracedProperties()
  }

  /// The properties that have changed.
  func changes(traced: SourceLocation?) -> [StaleCapture] {
    guard let object else { return [] }
    let now = Dictionary(object.tracedProperties().map { ($0.name, $0.value) }) { first, _ in first }
    let before = Set(properties.map(\.name))
    let changed = properties.compactMap { name, value -> StaleCapture? in
      let current = now[name] ?? "nil"
      return current == value
        ? nil : StaleCapture(subject: "\(path).\(name)", old: value, new: current, traced: traced)
    }
    let appeared = object.tracedProperties().filter { !before.contains($0.name) }.map { name, value in
      StaleCapture(subject: "\(path).\(name)", old: "nil", new: value, traced: traced)
    }
    return changed + appeared
  }
}

extension Program {
  /// The first difference of a program traced now from this one; `nil` when they are equal.
  func firstChange(in now: Program, traced: SourceLocation?) -> StaleCapture? {
    guard self != now else { return nil }
    for (old, new) in zip(instructions, now.instructions) where old != new {
      let (subject, before, after) = old.change(to: new)
      return StaleCapture(subject: subject, old: before, new: after, traced: traced)
    }
    let (before, after) = (instructions.count, now.instructions.count)
    let place = before == after ? "a result" : "the program"
    return StaleCapture(
      subject: place, old: before == after ? "another" : "\(before) instructions",
      new: before == after ? "changed" : "\(after)", traced: traced)
  }
}

extension Instruction {
  /// What differs from this instruction in another one.
  fileprivate func change(to new: Instruction) -> (subject: String, old: String, new: String) {
    let scope = note.scope.isEmpty ? "" : " in \(note.scope)"
    let place = note.location.map { " at \($0)" } ?? ""
    if case .constant(let a) = op, case .constant(let b) = new.op {
      let types = a.type == b.type ? ("of other elements", "changed") : ("\(a.type)", "\(b.type)")
      return ("a captured tensor\(scope)\(place)", types.0, types.1)
    }
    guard op == new.op else {
      let isSame = op.name == new.op.name
      return ("the operation\(scope)\(place)", op.name, isSame ? "\(op.name) with other attributes" : new.op.name)
    }
    for (a, b) in zip(operands, new.operands) where a != b {
      if case .splat(let old, _) = a, case .splat(let current, _) = b, old != current {
        return ("an operand of \(op.name)\(scope)\(place)", "\(old)", "\(current)")
      }
    }
    return ("what \(op.name)\(scope)\(place) reads", "another value", "changed")
  }
}
