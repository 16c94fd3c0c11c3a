// Where every operation on tensors goes: into the running trace, or straight to the runtime.

import BloxIR
import BloxPasses
import BloxRuntime

/// An operand of an operation: a tensor, or a scalar that takes the other operand's type.
enum TensorOperand {
  case tensor(Tensor)
  case splat(Literal, shape: [Int])

  var type: TensorType {
    switch self {
    case .tensor(let tensor): tensor.type
    case .splat(let literal, let shape): TensorType(literal.dtype, shape)
    }
  }
}

extension Tensor {
  /// Applies an operation with one result.
  static func apply(
    _ op: Op, _ operands: [TensorOperand], location: SourceLocation? = nil
  ) throws -> Tensor {
    try applyAll(op, operands, location: location)[0]
  }

  /// Applies an operation with one result to tensors.
  static func apply(_ op: Op, _ tensors: Tensor..., location: SourceLocation? = nil) throws -> Tensor {
    try applyAll(op, tensors.map { .tensor($0) }, location: location)[0]
  }

  /// Applies an operation with any number of results.
  static func applyAll(
    _ op: Op, _ operands: [TensorOperand], location: SourceLocation? = nil
  ) throws -> [Tensor] {
    do {
      guard let trace = Trace.current else { return try Eager.apply(op, operands) }
      var staged: [Operand] = []
      staged.reserveCapacity(operands.count)
      for operand in operands {
        switch operand {
        case .tensor(let tensor): staged.append(try trace.operand(for: tensor))
        case .splat(let literal, let shape): staged.append(.splat(literal, shape: shape))
        }
      }
      return try trace.emit(op, staged, location: location)
    } catch let error {
      throw error.at(modulePath: ModuleScope.path, location: location)
    }
  }
}

/// Runs the body of a function that users call, and puts their line and the module's path on its errors.
func located<Result>(_ file: String, _ line: Int, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as BloxError {
    throw error.at(modulePath: ModuleScope.path, location: SourceLocation(file: file, line: line))
  }
}

/// Operations outside any trace: each is a program of one instruction, compiled once per type.
enum Eager {
  private struct Call: Hashable {
    let op: Op
    let operands: [OperandKind]
  }

  /// What a program depends on of an operand.
  private enum OperandKind: Hashable {
    case tensor(TensorType)
    /// A scalar is an argument, so that one executable serves all its values.
    case splat(TensorType)
  }

  private static let calls = ExecutableCache<Call>(limit: 1024)
  private static let programs = ExecutableCache<Program>(limit: 1024)
  private static let gradients = ExecutableCache<Gradient>(limit: 1024)

  /// What the program of a gradient follows from.
  private struct Gradient: Hashable {
    let program: Program
    let active: [Bool]
  }

  static func apply(_ op: Op, _ operands: [TensorOperand]) throws(BloxError) -> [Tensor] {
    if case .constant(let constant) = op {
      return [try Tensor(constant: constant)]
    }
    var kinds: [OperandKind] = []
    var arguments: [Storage] = []
    kinds.reserveCapacity(operands.count)
    arguments.reserveCapacity(operands.count)
    for operand in operands {
      switch operand {
      case .tensor(let tensor):
        arguments.append(try tensor.concreteStorage(for: op.name))
        kinds.append(.tensor(tensor.type))
      case .splat(let literal, let shape):
        arguments.append(try Storage(literal))
        kinds.append(.splat(TensorType(literal.dtype, shape)))
      }
    }
    let executable = try calls.executable(for: Call(op: op, operands: kinds)) { () throws(BloxError) in
      try program(op, kinds)
    }
    return try run(executable, arguments)
  }

  private static func program(_ op: Op, _ kinds: [OperandKind]) throws(BloxError) -> Program {
    var builder = ProgramBuilder(name: op.name)
    let parameters = kinds.map { kind in
      switch kind {
      case .tensor(let type): builder.parameter(type)
      case .splat(let type): builder.parameter(TensorType(type.dtype))
      }
    }
    var operands: [Operand] = []
    for (kind, parameter) in zip(kinds, parameters) {
      if case .splat(let type) = kind, !type.shape.isEmpty {
        operands.append(try builder.emitOne(.broadcastInDim(shape: type.shape, dims: []), [.value(parameter)]))
      } else {
        operands.append(.value(parameter))
      }
    }
    let results = try builder.emit(op, operands)
    return builder.finish(results: results.map { ProgramResult(.value($0)) })
  }

  /// Runs a program on concrete arguments, compiling it if its like has not been seen before.
  static func run(_ program: Program, _ arguments: [Storage]) throws(BloxError) -> [Tensor] {
    try run(try programs.executable(for: program) { program }, arguments)
  }

  /// Runs the gradient of a program on concrete arguments. A program like one seen before is not differentiated again.
  static func runGradient(
    of program: Program, active: [Bool], _ arguments: [Storage]
  ) throws(BloxError) -> [Tensor] {
    let executable = try gradients.executable(for: Gradient(program: program, active: active)) {
      () throws(BloxError) in try program.gradient(active: active)
    }
    return try run(executable, arguments)
  }

  private static func run(_ executable: Executable, _ arguments: [Storage]) throws(BloxError) -> [Tensor] {
    executable.tensors(try executable.run(arguments, checks: Diagnostics.Box.current.value.checks))
  }
}

extension Executable {
  /// The results of a run as tensors.
  func tensors(_ results: [Storage]) -> [Tensor] {
    var tensors: [Tensor] = []
    tensors.reserveCapacity(results.count)
    for (type, storage) in zip(resultTypes, results) { tensors.append(Tensor(type: type, storage: storage)) }
    return tensors
  }
}

extension Tensor {
  /// The elements; `operation` says in the error who wanted them.
  func concreteStorage(for operation: String) throws(BloxError) -> Storage {
    switch representation {
    case .concrete(let buffer): return try buffer.storage()
    case .traced(let tracer): throw Trace.leakedError(tracer)
    case .abstract(let type):
      throw BloxError(
        .concretization,
        "\(operation): a tensor of type \(type) made by evalShape has no elements and cannot be computed with")
    }
  }

  /// A concrete tensor with a constant's elements; the inverse of ``constant()``.
  public init(constant: DenseConstant) throws(BloxError) {
    self.init(type: constant.type, storage: try Storage(constant.bytes))
  }
}

extension Storage {
  /// The memory of a scalar.
  convenience init(_ literal: Literal) throws(BloxError) {
    try self.init(DenseConstant(literal, shape: []).bytes)
  }
}
