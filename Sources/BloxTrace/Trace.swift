// A running trace: the program being made of a function, and what of the outside it has met.

import BloxIR
import BloxPasses
import BloxRuntime
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The recording of one function's operations. Traces nest: a transformation used inside a traced function opens
/// another trace whose parent is the one around it.
///
/// Everything done while a trace runs is staged into it, also operations without traced operands (JAX's
/// omnistaging), so that a compiled function computes what its text says each time it runs.
final class Trace: Sendable {
  /// The innermost running trace of this task.
  @TaskLocal static var current: Trace?

  /// A value from outside that the trace reads: a tensor of an enclosing trace, or a concrete one.
  struct Capture: Sendable {
    let tensor: Tensor
    let value: Value
  }

  private struct State {
    var builder: ProgramBuilder
    var captures: [Capture] = []
    /// Where a captured concrete tensor has its value already, by buffer identity.
    var captured: [ObjectIdentifier: Value] = [:]
    var isFinished = false
  }

  /// What is traced, for messages: "jit of train_step" or "grad".
  let name: String
  let parent: Trace?
  /// The named axes in scope.
  let axes: [String: Int]
  /// Whether concrete tensors met become constants of the program (``jit``) rather than inputs bound at its call.
  let bakesConstants: Bool
  /// Whether concrete scalars met become inputs rather than literals, so that programs made anew for each call, with
  /// other scalars, are the same and compiled once.
  let capturesScalars: Bool
  private let thread = UInt(bitPattern: pthread_self().hashValue)
  private let state: Mutex<State>

  init(
    name: String, parent: Trace?, axes: [String: Int], bakesConstants: Bool, capturesScalars: Bool = false
  ) {
    self.capturesScalars = capturesScalars
    self.name = name
    self.parent = parent
    self.axes = axes
    self.bakesConstants = bakesConstants
    state = Mutex(State(builder: ProgramBuilder(name: name, axes: axes)))
  }

  /// Adds an input.
  func parameter(_ parameter: Parameter) -> Tensor {
    let value = state.locked { $0.builder.parameter(parameter) }
    return Tensor(.traced(Tracer(trace: self, operand: .value(value), type: parameter.type)))
  }

  /// Stages an operation.
  func emit(_ op: Op, _ operands: [Operand], location: SourceLocation?) throws(BloxError) -> [Tensor] {
    try expectRunning()
    let note = SourceNote(scope: ModuleScope.path, location: location)
    let result = state.locked { state -> Result<[Tensor], BloxError> in
      state.builder.note = note
      do throws(BloxError) {
        let values = try state.builder.emit(op, operands)
        return .success(
          values.map {
            let operand = Operand.value($0)
            return Tensor(.traced(Tracer(trace: self, operand: operand, type: state.builder.type(of: operand))))
          })
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Splices a program's instructions into the trace.
  func splice(_ program: Program, _ arguments: [Operand]) throws(BloxError) -> [Tensor] {
    try expectRunning()
    let result = state.locked { state -> Result<[Tensor], BloxError> in
      do throws(BloxError) {
        let operands = try state.builder.splice(program, arguments: arguments)
        return .success(
          operands.map {
            Tensor(.traced(Tracer(trace: self, operand: $0, type: state.builder.type(of: $0))))
          })
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// What a tensor is in this trace: its own value, an input bound to an enclosing trace's value, a literal, or a
  /// constant.
  func operand(for tensor: Tensor) throws(BloxError) -> Operand {
    switch tensor.representation {
    case .traced(let tracer):
      if tracer.trace === self {
        try expectRunning()
        return tracer.operand
      }
      guard isInside(tracer.trace) else { throw leaked(tracer) }
      if case .splat = tracer.operand { return tracer.operand }
      return .value(capture(tensor, identity: nil))
    case .concrete(let buffer):
      let storage = try buffer.storage()
      if buffer.type.elementCount == 1, buffer.type.dtype != .key, !capturesScalars {
        return .splat(DenseConstant(storage, buffer.type)[0], shape: buffer.type.shape)
      }
      if bakesConstants { return try constant(buffer, storage) }
      return .value(capture(tensor, identity: ObjectIdentifier(buffer)))
    case .abstract(let type):
      throw BloxError(
        .concretization, "a tensor of type \(type) made by evalShape has no elements and cannot be computed with")
    }
  }

  private func constant(_ buffer: TensorBuffer, _ storage: Storage) throws(BloxError) -> Operand {
    let identity = ObjectIdentifier(buffer)
    let result = state.locked { state -> Result<Operand, BloxError> in
      if let value = state.captured[identity] { return .success(.value(value)) }
      do throws(BloxError) {
        let value = try state.builder.emit(.constant(DenseConstant(storage, buffer.type)), [])[0]
        state.captured[identity] = value
        // Keeps the buffer alive, and with it the identity, for as long as the trace runs.
        state.captures.append(Capture(tensor: Tensor(.concrete(buffer)), value: value))
        return .success(.value(value))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func capture(_ tensor: Tensor, identity: ObjectIdentifier?) -> Value {
    state.locked { state in
      if let identity, let value = state.captured[identity] { return value }
      if identity == nil, let known = state.captures.first(where: { $0.tensor.isSameTracer(as: tensor) }) {
        return known.value
      }
      let value = state.builder.lateParameter(Parameter(tensor.type))
      state.captures.append(Capture(tensor: tensor, value: value))
      if let identity { state.captured[identity] = value }
      return value
    }
  }

  /// Ends the trace and returns the program, whose last parameters are the captures, with the captured tensors.
  func finish(results: [(Tensor, ValueLabel?)]) throws(BloxError) -> (program: Program, captures: [Tensor]) {
    var programResults: [ProgramResult] = []
    for (tensor, label) in results {
      programResults.append(ProgramResult(try operand(for: tensor), label: label))
    }
    return state.locked { state in
      state.isFinished = true
      let captures = bakesConstants ? state.captures.filter { $0.tensor.isTraced } : state.captures
      return (state.builder.finish(results: programResults), captures.map(\.tensor))
    }
  }

  /// Ends a trace whose function failed, so that tensors it leaked are recognised.
  func abandon() { state.locked { $0.isFinished = true } }

  private var isFinished: Bool { state.locked { $0.isFinished } }

  /// Whether `other` encloses this trace and still runs.
  private func isInside(_ other: Trace) -> Bool {
    var ancestor = parent
    while let trace = ancestor {
      if trace === other { return !trace.isFinished }
      ancestor = trace.parent
    }
    return false
  }

  /// The labels of the inputs that a value depends on, in order.
  func inputs(of operand: Operand) -> [String] {
    guard case .value(let value) = operand else { return [] }
    return state.locked { state in
      var isNeeded: Set<Value> = [value]
      for instruction in state.builder.instructions.reversed()
      where instruction.results.contains(where: { isNeeded.contains($0) }) {
        for case .value(let read) in instruction.operands { isNeeded.insert(read) }
      }
      return state.builder.parameters.enumerated().compactMap { index, parameter in
        guard isNeeded.contains(where: { $0.index == index }) else { return nil }
        return parameter.label.map { "'\($0.text)'" }
      }
    }
  }

  /// Where a value comes from, for messages: an input's name, or the op with its module and line.
  private func origin(of operand: Operand) -> String {
    guard case .value(let value) = operand else { return "" }
    return state.locked { state in
      for instruction in state.builder.instructions where instruction.results.contains(value) {
        let scope = instruction.note.scope.isEmpty ? "" : " in \(instruction.note.scope)"
        return ", made by \(instruction.op.name)\(scope)\(instruction.note.location.map { " at \($0)" } ?? ""),"
      }
      let index = state.builder.parameters.indices.first { $0 == value.index }
      return index.flatMap { state.builder.parameters[$0].label }.map { ", the argument '\($0.text)'," } ?? ""
    }
  }

  private func expectRunning() throws(BloxError) {
    guard UInt(bitPattern: pthread_self().hashValue) == thread else {
      throw BloxError(
        .leakedTracer,
        "a tensor traced by \(name) was used on another thread; a traced function must do its work where it was called")
    }
  }

  private func leaked(_ tracer: Tracer) -> BloxError {
    Trace.leakedError(tracer)
  }

  /// The error for a traced tensor used outside the function whose trace made it.
  static func leakedError(_ tracer: Tracer) -> BloxError {
    BloxError(
      .leakedTracer,
      "a traced tensor of type \(tracer.type)\(tracer.trace.origin(of: tracer.operand)) was used outside"
        + " \(tracer.trace.name), whose trace made it; return it from the function instead of storing it"
    ).at(modulePath: ModuleScope.path, location: nil)
  }
}

extension Tensor {
  fileprivate func isSameTracer(as other: Tensor) -> Bool {
    guard case .traced(let a) = representation, case .traced(let b) = other.representation else { return false }
    return a.trace === b.trace && a.operand == b.operand
  }
}

extension DenseConstant {
  /// A copy of a tensor's elements.
  init(_ storage: Storage, _ type: TensorType) {
    self.init(type: type, bytes: storage.withUnsafeBytes { Array($0.prefix(type.byteCount)) })
  }
}

/// The path of the module that runs, which instructions and errors carry.
public enum ModuleScope {
  @TaskLocal private static var current = ""

  /// The path, such as `net/mlp/hidden`; empty outside modules.
  public static var path: String { current }

  /// Runs a function under a module's path.
  public static func with<Result>(_ path: String, _ body: () throws -> Result) rethrows -> Result {
    try $current.withValue(path, operation: body)
  }
}
