// Which arguments of a function are meant: by position, or by name where names are given.

import BloxIR

/// Some arguments of a function: `[0]`, `["params"]`, or `.arguments(0, "state")`.
public struct ArgumentSelection: Hashable, Sendable, ExpressibleByArrayLiteral {
  /// One argument.
  public enum Element: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    /// The argument at a position, counted from 0.
    case position(Int)
    /// The argument of a name.
    case name(String)

    /// A position.
    public init(integerLiteral position: Int) { self = .position(position) }
    /// A name.
    public init(stringLiteral name: String) { self = .name(name) }
  }

  /// The arguments, in the order given.
  public var elements: [Element]

  /// The arguments listed.
  public init(arrayLiteral elements: Element...) { self.elements = elements }
  /// The arguments at some positions.
  public init(_ positions: some Sequence<Int>) { elements = positions.map { .position($0) } }

  /// No argument.
  public static let none: ArgumentSelection = []
  /// The arguments listed.
  public static func arguments(_ elements: Element...) -> ArgumentSelection {
    var selection = none
    selection.elements = elements
    return selection
  }

  /// The positions; `function` and `purpose` are for the errors.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a position or name that no argument has.
  func positions(function: String, purpose: String, names: [String], count: Int) throws(BloxError) -> Set<Int> {
    var positions: Set<Int> = []
    for element in elements {
      switch element {
      case .position(let position):
        guard (0..<count).contains(position) else {
          throw BloxError(
            .invalidArgument,
            "\(function): \(purpose) names argument \(position), but the function takes \(count), counted from 0")
        }
        positions.insert(position)
      case .name(let name):
        guard let position = names.firstIndex(of: name) else {
          let known =
            names.isEmpty
            ? "its arguments have no names; give them: jit(arguments: [\"\(name)\", …], …)"
            : "its arguments are \(names.map { "'\($0)'" }.joined(separator: ", "))"
          throw BloxError(.invalidArgument, "\(function): \(purpose) names argument '\(name)', but \(known)")
        }
        positions.insert(position)
      }
    }
    return positions
  }
}
