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
  static func apply(_ op: Op, _ operands: [TensorOperand]) throws(BloxError) -> [Tensor] {
    if case .constant(let constant) = op {
      return [try Tensor(constant: constant)]
    }
    var builder = ProgramBuilder(name: op.name)
    var arguments: [Storage] = []
    var programOperands: [Operand] = []
    var scalars: [Int: Value] = [:]
    for (index, operand) in operands.enumerated() {
      switch operand {
      case .tensor(let tensor):
        arguments.append(try tensor.concreteStorage(for: op.name))
        programOperands.append(.value(builder.parameter(tensor.type)))
      case .splat(let literal, let shape):
        // A scalar is an argument, so that one executable serves all its values.
        arguments.append(try Storage(literal))
        let scalar = builder.parameter(TensorType(literal.dtype))
        scalars[index] = scalar
        programOperands.append(.splat(literal, shape: shape))
      }
    }
    for (index, scalar) in scalars.sorted(by: { $0.key < $1.key }) {
      guard case .splat(_, let shape) = programOperands[index] else { continue }
      programOperands[index] =
        shape.isEmpty
        ? .value(scalar)
        : try builder.emitOne(.broadcastInDim(shape: shape, dims: []), [.value(scalar)])
    }
    let results = try builder.emit(op, programOperands)
    let program = builder.finish(results: results.map { ProgramResult(.value($0)) })
    return try run(program, arguments)
  }

  /// Runs a program on concrete arguments, compiling it if its like has not been seen before.
  static func run(_ program: Program, _ arguments: [Storage]) throws(BloxError) -> [Tensor] {
    let executable = try ExecutableCache.shared.executable(for: program)
    return zip(program.resultTypes, try executable.run(arguments, checks: Diagnostics.Box.current.value.checks)).map {
      Tensor(type: $0, storage: $1)
    }
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
