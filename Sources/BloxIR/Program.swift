// Programs: typed SSA, flat and functional.
//
// Invariant: values are numbered densely in order of definition, parameters first. Every pass builds its result
// through `ProgramBuilder`, which keeps that order, so two programs that differ in names of values only are equal.

/// A value of a program: a parameter or an instruction's result.
public struct Value: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The position in the program's order of definition.
  public let index: Int

  package init(_ index: Int) { self.index = index }

  /// Earlier definitions come first.
  public static func < (a: Value, b: Value) -> Bool { a.index < b.index }
  /// The name in program text, such as `%3`.
  public var description: String { "%\(index)" }
}

/// What an instruction reads: a value, or one literal in every element.
public enum Operand: Hashable, Sendable {
  /// A value defined earlier.
  case value(Value)
  /// A literal repeated to the shape that the op demands.
  case splat(Literal, shape: [Int])

  /// The value, if it is one.
  public var value: Value? {
    switch self {
    case .value(let value): value
    case .splat: nil
    }
  }

  /// The literal, if it is a splat.
  public var literal: Literal? {
    switch self {
    case .value: nil
    case .splat(let literal, _): literal
    }
  }
}

/// What a parameter or result is called: its path in a parameter tree, or an argument's name.
public enum ValueLabel: Hashable, Sendable {
  /// A model parameter, such as `net/linear/kernel`.
  case path(String)
  /// An argument or result, such as `inputs`.
  case argument(String)

  /// The path or name without its kind.
  public var text: String {
    switch self {
    case .path(let text), .argument(let text): text
    }
  }
}

/// An input of a program.
public struct Parameter: Hashable, Sendable {
  /// The type.
  public var type: TensorType
  /// The name shown in text and in messages.
  public var label: ValueLabel?
  /// Whether it is a trainable model parameter.
  public var isTrainable: Bool
  /// Whether the caller gives up the memory, so that results may reuse it.
  public var isDonated: Bool

  /// Creates a parameter.
  public init(_ type: TensorType, label: ValueLabel? = nil, isTrainable: Bool = false, isDonated: Bool = false) {
    self.type = type
    self.label = label
    self.isTrainable = isTrainable
    self.isDonated = isDonated
  }
}

/// An output of a program.
public struct ProgramResult: Hashable, Sendable {
  /// What is returned.
  public var operand: Operand
  /// The name shown in text and in messages.
  public var label: ValueLabel?

  /// Creates a result.
  public init(_ operand: Operand, label: ValueLabel? = nil) {
    self.operand = operand
    self.label = label
  }
}

/// Where an instruction came from. Printed as a comment; no part of a program's identity.
public struct SourceNote: Sendable {
  /// The module path, such as `net/mlp/hidden`; empty outside modules.
  public var scope: String
  /// The user's source line, when known.
  public var location: SourceLocation?
  /// Whether the instruction was made by transposing: it belongs to the backward pass of what the note names.
  public var isBackward = false

  /// Creates a note.
  public init(scope: String = "", location: SourceLocation? = nil) {
    self.scope = scope
    self.location = location
  }
}

/// Where a value lives while a planned program runs.
public enum BufferLocation: Hashable, Sendable {
  /// Bytes of the arena from an offset.
  case arena(offset: Int)
  /// The memory of a result.
  case result(Int)
  /// The memory of a parameter: in place when it is donated, an alias when the value is the same elements.
  case parameter(Int)
  /// Memory that belongs to the executable: a constant.
  case constant
  /// The bytes of the first operand from an offset: a run of its elements that a slice takes, or another name for one.
  case operand(offset: Int)
}

/// One step of a program.
public struct Instruction: Sendable {
  /// The operation with its attributes.
  public var op: Op
  /// What it reads.
  public var operands: [Operand]
  /// What it defines.
  public var results: [Value]
  /// Where each result lives; empty before buffer planning.
  public var buffers: [BufferLocation]
  /// Where it came from.
  public var note: SourceNote

  package init(
    op: Op, operands: [Operand], results: [Value], buffers: [BufferLocation] = [], note: SourceNote = SourceNote()
  ) {
    self.op = op
    self.operands = operands
    self.results = results
    self.buffers = buffers
    self.note = note
  }

  /// Whether the plan found the result in the first operand's memory, so that there is nothing to do.
  package var isPartOfOperand: Bool {
    if case .operand? = buffers.first { true } else { false }
  }
}

extension Instruction: Hashable {
  /// Equality of everything but the note.
  public static func == (a: Instruction, b: Instruction) -> Bool {
    a.op == b.op && a.operands == b.operands && a.results == b.results && a.buffers == b.buffers
  }

  /// Hashes everything but the note.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(op)
    hasher.combine(operands)
    hasher.combine(results)
  }
}

/// The memory a planned program needs, in bytes.
public struct MemorySummary: Hashable, Sendable {
  /// The arena for intermediate values.
  public var arenaBytes: Int
  /// The memory of results that is neither an input's nor shared.
  public var resultBytes: Int
  /// The memory of results that reuses donated inputs.
  public var aliasedBytes: Int

  /// Creates a summary.
  public init(arenaBytes: Int, resultBytes: Int, aliasedBytes: Int) {
    self.arenaBytes = arenaBytes
    self.resultBytes = resultBytes
    self.aliasedBytes = aliasedBytes
  }

  /// What a call needs beyond its arguments, at its peak.
  public var peakBytes: Int { arenaBytes + resultBytes }
}

/// A typed SSA program.
///
/// Make one with ``ProgramBuilder``, by parsing text, or by tracing a function. Programs are values: passes take one
/// and return another. Equality ignores the program's name and source notes.
public struct Program: Sendable {
  /// The name, without the `@`.
  public var name: String
  /// The inputs; parameter `i` is value `%i`.
  public var parameters: [Parameter]
  /// The instructions in order of execution.
  public var instructions: [Instruction]
  /// The outputs.
  public var results: [ProgramResult]
  /// The type of each value, by index.
  package private(set) var types: [TensorType]
  /// The memory needed, once buffers are planned.
  public var memory: MemorySummary?

  package init(
    name: String, parameters: [Parameter], instructions: [Instruction], results: [ProgramResult], types: [TensorType],
    memory: MemorySummary? = nil
  ) {
    self.name = name
    self.parameters = parameters
    self.instructions = instructions
    self.results = results
    self.types = types
    self.memory = memory
  }

  /// The type of a value. O(1).
  public func type(of value: Value) -> TensorType { types[value.index] }

  /// The type of an operand. O(1).
  public func type(of operand: Operand) -> TensorType {
    switch operand {
    case .value(let value): types[value.index]
    case .splat(let literal, let shape): TensorType(literal.dtype, shape)
    }
  }

  /// The types of the outputs.
  public var resultTypes: [TensorType] { results.map { type(of: $0.operand) } }
  /// The value of parameter `index`.
  public func parameterValue(_ index: Int) -> Value { Value(index) }
}

extension Program: Hashable {
  /// Equality of everything but the name and the notes.
  public static func == (a: Program, b: Program) -> Bool {
    a.parameters == b.parameters && a.instructions == b.instructions && a.results == b.results
      && a.types == b.types && a.memory == b.memory
  }

  /// Hashes everything but the name and the notes.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(parameters)
    hasher.combine(instructions)
    hasher.combine(results)
    hasher.combine(types)
  }
}
