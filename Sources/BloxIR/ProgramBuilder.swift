// Building programs: values are numbered and typed as instructions are added.

/// Builds a ``Program`` instruction by instruction; result types follow from ``Op/resultTypes(for:axes:)``.
///
/// ```swift
/// var b = ProgramBuilder(name: "adder")
/// let x = b.parameter(TensorType(.f32, [3]), label: .argument("x"))
/// let y = try b.emit(.binary(.add), [.value(x), .splat(Literal(10, as: .f32), shape: [3])])
/// let program = b.finish(results: [ProgramResult(.value(y[0]))])
/// ```
public struct ProgramBuilder: Sendable {
  /// The program's name.
  public var name: String
  /// Sizes of the named axes in scope, which `axis_index` may mention.
  public var axes: [String: Int]
  /// The note given to instructions added from now on.
  public var note = SourceNote()
  /// The parameters so far.
  public private(set) var parameters: [Parameter] = []
  /// The instructions so far.
  public private(set) var instructions: [Instruction] = []
  private var types: [TensorType] = []
  /// Parameters added after instructions; see `lateParameter`.
  var lateParameters: [(Parameter, Value)] = []

  /// Creates an empty program.
  public init(name: String, axes: [String: Int] = [:]) {
    self.name = name
    self.axes = axes
  }

  /// Adds a parameter. All parameters come before the first instruction.
  public mutating func parameter(_ parameter: Parameter) -> Value {
    precondition(instructions.isEmpty, "parameters come before instructions")
    parameters.append(parameter)
    types.append(parameter.type)
    return Value(types.count - 1)
  }

  /// Adds a parameter of a type.
  public mutating func parameter(_ type: TensorType, label: ValueLabel? = nil) -> Value {
    parameter(Parameter(type, label: label))
  }

  /// The type of a value or splat.
  public func type(of operand: Operand) -> TensorType {
    switch operand {
    case .value(let value): types[value.index]
    case .splat(let literal, let shape): TensorType(literal.dtype, shape)
    }
  }

  /// Adds an instruction and returns its results. A splat where the op does not take one becomes a broadcast constant.
  ///
  /// Throws the error of the op's type rule, which names the op and the operand types.
  @discardableResult
  public mutating func emit(_ op: Op, _ operands: [Operand]) throws(BloxError) -> [Value] {
    let resultTypes = try op.resultTypes(for: operands.map { type(of: $0) }, axes: axes)
    var operands = operands
    for (index, operand) in operands.enumerated() {
      if case .splat(let literal, let shape) = operand, !op.takesSplat(at: index, of: operands) {
        operands[index] = .value(appendSplat(literal, shape))
      }
    }
    return append(op, operands, resultTypes)
  }

  /// The value of a splat. One element is stored, whatever the shape: it may be that of a tensor that never exists.
  private mutating func appendSplat(_ literal: Literal, _ shape: [Int]) -> Value {
    let scalar = DenseConstant(literal, shape: [])
    let value = append(.constant(scalar), [], [scalar.type])[0]
    guard !shape.isEmpty else { return value }
    return append(
      .broadcastInDim(shape: shape, dims: []), [.value(value)], [TensorType(literal.dtype, shape)])[0]
  }

  /// Adds an instruction with one result and returns it as an operand.
  public mutating func emitOne(_ op: Op, _ operands: [Operand]) throws(BloxError) -> Operand {
    .value(try emit(op, operands)[0])
  }

  /// Adds a copy of an instruction of another program with new operands; results keep their types and note.
  package mutating func copy(
    _ instruction: Instruction, operands: [Operand], note: SourceNote? = nil
  ) throws(BloxError) -> [Value] {
    let saved = self.note
    self.note = note ?? instruction.note
    defer { self.note = saved }
    return try emit(instruction.op, operands)
  }

  /// The types of the values so far, by index.
  var valueTypes: [TensorType] { types }

  /// Adds a value that no instruction defines.
  mutating func newValue(_ type: TensorType) -> Value {
    types.append(type)
    return Value(types.count - 1)
  }

  private mutating func append(_ op: Op, _ operands: [Operand], _ resultTypes: [TensorType]) -> [Value] {
    let first = types.count
    types.append(contentsOf: resultTypes)
    let results = resultTypes.indices.map { Value(first + $0) }
    instructions.append(Instruction(op: op, operands: operands, results: results, note: note))
    return results
  }

  /// The finished program.
  public func finish(results: [ProgramResult]) -> Program {
    if !lateParameters.isEmpty { return finishWithLateParameters(results: results) }
    return Program(name: name, parameters: parameters, instructions: instructions, results: results, types: types)
  }
}
