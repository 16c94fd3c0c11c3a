// The questions that Docs/OPS.md answers, each put to the rule itself for one instruction.

import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing

extension OpTable.Instance {
  /// Whether the op's operands have the types of programs that it carries.
  private var carriesPrograms: Bool {
    switch op.name {
    case "call", "fusion", "custom_jvp", "custom_vjp", "custom_linear": true
    case "scan", "while", "cond", "checkpoint": true
    case _: false
    }
  }

  /// This instance with each dtype for the operands of one dtype, where the type rule accepts it.
  var variants: [OpTable.Instance] {
    var found = [self]
    if carriesPrograms { return found }
    if operands.isEmpty { return withoutOperands }
    for replaced in DType.allCases where operands.contains(where: { $0.dtype == replaced }) {
      for dtype in DType.allCases where dtype != replaced {
        let types = operands.map { $0.dtype == replaced ? $0.with(dtype: dtype) : $0 }
        // The one op of which the dtype made must be as wide as the one read.
        var op = op
        if case .bitcastConvert = op { op = .bitcastConvert(dtype) }
        guard let results = try? op.resultTypes(for: types, axes: axes) else { continue }
        found.append(OpTable.Instance(op: op, operands: types, results: results, axes: axes))
      }
    }
    return found
  }

  /// An op without operands says itself of which dtype it makes.
  private var withoutOperands: [OpTable.Instance] {
    DType.allCases.compactMap { dtype in
      var op = op
      if case .iota(let type, let axis) = op { op = .iota(type.with(dtype: dtype), axis: axis) }
      if case .constant(let constant) = op {
        op = .constant(DenseConstant(Literal(dtype: dtype, bits: 0), shape: constant.type.shape))
      }
      guard let results = try? op.resultTypes(for: [], axes: axes) else { return nil }
      return OpTable.Instance(op: op, operands: [], results: results, axes: axes)
    }
  }

  /// The dtypes that operands may have, or results where there are no operands.
  var acceptedDTypes: Set<DType> {
    if carriesPrograms { return Set(DType.allCases) }
    return Set(variants.flatMap { $0.operands.isEmpty ? $0.results : $0.operands }.map(\.dtype))
  }

  func tangent() -> Findings.Answer {
    if operands.isEmpty { return .byDesign("There are no operands, so nothing changes with an input.") }
    // The rule is the same for all floats; an instance with one is as good as any.
    guard let instance = variants.first(where: { $0.operands.contains { $0.dtype.isFloating } }) else {
      return .inapplicable("Only floats have tangents, and the operands are none.")
    }
    do {
      guard let program = try instance.program else { return .none }
      let active = program.parameters.map(\.type.dtype.isFloating)
      let jvp = try program.jvp(active: active, axes: instance.axes)
      return .yes(jvp.hasTangent.contains(true) ? "yes" : "zero")
    } catch let error as BloxError where error.code == .notDifferentiable {
      return .byDesign(reason(error))
    } catch {
      return .gap("\(error)")
    }
  }

  func transpose() -> Findings.Answer {
    guard let instance = variants.first(where: { $0.operands.contains { $0.dtype.isFloating } }) else {
      return .inapplicable("Only floats have cotangents, and the operands are none.")
    }
    var linear: [Int] = []
    for index in instance.operands.indices where instance.operands[index].dtype.isFloating {
      if (try? instance.transposed(inOperand: index)) != nil { linear.append(index) }
    }
    if instance.operands.count > 1, (try? instance.transposedInAll()) != nil { return .yes("yes") }
    if linear.isEmpty {
      return .byDesign(
        "Not linear: no tangent rule emits it with a tangent as operand, so that transposition does not meet it.")
    }
    if instance.operands.count == 1 || instance.operands.count > 4 { return .yes("yes") }
    return .yes("operand " + linear.map(String.init).joined(separator: " or "))
  }

  /// The transpose of the instruction as a map of one operand, the others being residuals.
  private func transposed(inOperand index: Int) throws -> Program {
    var builder = ProgramBuilder(name: "op.linear", axes: axes)
    var values: [Operand?] = operands.map { _ in nil }
    for (other, type) in operands.enumerated() where other != index { values[other] = .value(builder.parameter(type)) }
    values[index] = .value(builder.parameter(operands[index]))
    let results = try builder.emit(op, values.compactMap { $0 })
    let linear = builder.finish(results: results.map { ProgramResult(.value($0)) })
    return try linear.transposed(residualCount: operands.count - 1, axes: axes)
  }

  /// The transpose of the instruction as a map of all its operands.
  private func transposedInAll() throws -> Program? {
    guard operands.allSatisfy(\.dtype.isFloating) else { throw BloxError(.notDifferentiable, "not all are floats") }
    return try program?.transposed(residualCount: 0, axes: axes)
  }

  func lanes() -> Findings.Answer {
    do {
      guard let program = try program else { return .none }
      for mapped in [program.parameters.map { _ in true }]
        + program.parameters.indices.map({ index in
          program.parameters.indices.map { $0 == index }
        })
      {
        let inAxes: [Int?] = mapped.map { $0 ? 0 : nil }
        _ = try batched(program, size: 3, axisName: nil, inAxes: inAxes, axes: axes)
      }
      return .yes("yes")
    } catch let error as BloxError where error.code == .unsupported {
      return .byDesign(reason(error))
    } catch {
      return .gap("\(error)")
    }
  }

  func kernel() -> Findings.Answer {
    answer {
      guard let program = try program else { return }
      _ = try Executable(planned: planBuffers(program.inliningCalls()))
    }
  }

  func reference() -> Findings.Answer {
    answer {
      let ones = operands.map { DenseConstant(Literal(1, as: $0.dtype), shape: $0.shape) }
      _ = try ReferenceInterpreter.evaluate(op, operands: ones)
    }
  }

  private func answer(_ body: () throws -> Void) -> Findings.Answer {
    do {
      try body()
      return .yes("yes")
    } catch let error as BloxError where error.code == .unboundAxis {
      return .byDesign("It asks about lanes, which `vmap` turns into dimensions before a program is run.")
    } catch let error as BloxError where error.code == .notDifferentiable {
      return .byDesign(reason(error))
    } catch {
      return .gap("\(error)")
    }
  }

  private func reason(_ error: BloxError) -> String {
    error.message.hasSuffix(".") ? error.message : error.message + "."
  }
}
