// Vectorising functions: trace for one lane, batch the program, run or splice.

import BloxIR
import BloxPasses

/// Where an argument or a result has its lanes: along an axis, or nowhere (`nil`).
///
/// Negative axes count from the end.
public enum Axis: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral {
  /// The lanes lie along an axis.
  case at(Int)
  /// Every lane sees the same value.
  case unmapped

  /// An axis.
  public init(integerLiteral axis: Int) { self = .at(axis) }
  /// No axis.
  public init(nilLiteral: ()) { self = .unmapped }
}

/// Vectorises a function over an axis of its arguments.
///
/// The function is written for one lane; the result computes all lanes at once, without a loop.
///
/// ```swift
/// let perExample = vmap(inAxes: [nil, 0], grad(loss))   // params replicated, one example per lane
/// ```
///
/// - Parameters:
///   - inAxes: For each argument, the axis of its tensors that holds the lanes, or `nil` to give each lane the whole
///     argument. All 0 by default.
///   - outAxes: For each part of the output, the axis where the lanes go, or `nil` for a part that is the same in all
///     lanes. Whether it is the same is decided by what it was computed from, never by comparing values.
///   - axisName: A name that ``axisIndex(_:)`` and collectives refer to.
///   - axisSize: The number of lanes, needed when no argument is mapped.
///   - function: The function of one lane.
/// - Throws: When called: ``BloxError/Code/axisSizeMismatch``, ``BloxError/Code/inAxesMismatch``,
///   ``BloxError/Code/invalidAxis``, ``BloxError/Code/mappedResult``, or what the function throws.
public func vmap<Output, each Input: TensorTree>(
  inAxes: [Axis]? = nil, outAxes: [Axis]? = nil, axisName: String? = nil, axisSize: Int? = nil,
  _ function: TensorFunction<Output, repeat each Input>
) -> TensorFunction<Output, repeat each Input> {
  TensorFunction(name: "vmap of \(function.name)", shape: function.shape) { (input: repeat each Input) in
    let arguments = try TensorFunction<Output, repeat each Input>.flatten(repeat each input)
    var mapping = try LaneMapping(
      arguments, inAxes: inAxes, outAxes: outAxes, partCount: function.shape.partCount, axisName: axisName,
      axisSize: axisSize)
    mapping.functionName = function.name
    let traced = try function.trace(repeat each input, arguments: arguments, options: mapping.traceOptions)
    let results = try evaluate(try mapping.batch(traced), arguments.tensors + traced.captures)
    return try function.shape.rebuild(traced.prototype, results)
  }
}

/// Vectorises a closure that returns one tree; see ``vmap(inAxes:outAxes:axisName:axisSize:_:)``.
public func vmap<Output: TensorTree, each Input: TensorTree>(
  inAxes: [Axis]? = nil, outAxes: [Axis]? = nil, axisName: String? = nil, axisSize: Int? = nil,
  _ function: @escaping (repeat each Input) throws -> Output
) -> TensorFunction<Output, repeat each Input> {
  vmap(inAxes: inAxes, outAxes: outAxes, axisName: axisName, axisSize: axisSize, TensorFunction(function))
}

/// Vectorises a closure that returns two trees; see ``vmap(inAxes:outAxes:axisName:axisSize:_:)``.
public func vmap<A: TensorTree, B: TensorTree, each Input: TensorTree>(
  inAxes: [Axis]? = nil, outAxes: [Axis]? = nil, axisName: String? = nil, axisSize: Int? = nil,
  _ function: @escaping (repeat each Input) throws -> (A, B)
) -> TensorFunction<(A, B), repeat each Input> {
  vmap(inAxes: inAxes, outAxes: outAxes, axisName: axisName, axisSize: axisSize, TensorFunction(function))
}

/// Vectorises a closure that returns three trees; see ``vmap(inAxes:outAxes:axisName:axisSize:_:)``.
public func vmap<A: TensorTree, B: TensorTree, C: TensorTree, each Input: TensorTree>(
  inAxes: [Axis]? = nil, outAxes: [Axis]? = nil, axisName: String? = nil, axisSize: Int? = nil,
  _ function: @escaping (repeat each Input) throws -> (A, B, C)
) -> TensorFunction<(A, B, C), repeat each Input> {
  vmap(inAxes: inAxes, outAxes: outAxes, axisName: axisName, axisSize: axisSize, TensorFunction(function))
}

/// The lane's index along a named axis of an enclosing ``vmap``, `i32[]`.
///
/// - Throws: ``BloxError/Code/unboundAxis`` when no enclosing transformation binds the name.
public func axisIndex(_ name: String, file: String = #fileID, line: Int = #line) throws -> Tensor {
  let location = SourceLocation(file: file, line: line)
  guard Trace.current != nil else {
    throw BloxError.unboundAxis(name, bound: []).at(modulePath: ModuleScope.path, location: location)
  }
  return try Tensor.apply(.axisIndex(name), [], location: location)
}

/// Which tensors of a call hold lanes, and where.
private struct LaneMapping {
  let size: Int
  let axisName: String?
  /// Per tensor of the arguments.
  let inAxes: [Int?]
  /// Per part of the output.
  let outAxes: [Axis]
  let laneTypes: [TensorType]
  var functionName = "function"

  init(
    _ arguments: FlatArguments, inAxes: [Axis]?, outAxes: [Axis]?, partCount: Int, axisName: String?, axisSize: Int?
  ) throws {
    let argumentAxes = inAxes ?? arguments.counts.map { _ in 0 }
    guard argumentAxes.count == arguments.counts.count else {
      throw BloxError(
        .inAxesMismatch,
        "vmap: inAxes has \(argumentAxes.count) entries, but the function takes \(arguments.counts.count) arguments")
    }
    guard outAxes == nil || outAxes?.count == partCount || (outAxes?.count == 1) else {
      throw BloxError(
        .inAxesMismatch,
        "vmap: outAxes has \(outAxes?.count ?? 0) entries, but the function returns \(partCount) parts")
    }
    if let axisName, let outer = Trace.current?.axes[axisName] {
      throw BloxError(
        .duplicateAxis,
        "vmap: the axis name \(axisName) is already bound by an enclosing vmap (size \(outer)); use another name")
    }
    var axes: [Int?] = []
    var types: [TensorType] = []
    var sizes: [(index: Int, size: Int)] = []
    let argumentOfTensor = arguments.counts.enumerated().flatMap { repeatElement($0, count: $1) }
    for (index, tensor) in arguments.tensors.enumerated() {
      var type = tensor.type
      guard case .at(let given) = argumentAxes[argumentOfTensor[index]] else {
        axes.append(nil)
        types.append(type)
        continue
      }
      let axis = given < 0 ? given + type.rank : given
      guard axis >= 0, axis < type.rank else {
        throw BloxError(
          .invalidAxis,
          "vmap: the argument '\(try arguments.makeLabels()[index].label.text)' of type \(type) has no axis \(given) to"
            + " map over; use nil in inAxes to give every lane the whole argument")
      }
      sizes.append((index, type.shape[axis]))
      axes.append(axis)
      type.shape.remove(at: axis)
      types.append(type)
    }
    self.size = try Self.commonSize(sizes, axisSize, arguments)
    self.inAxes = axes
    self.outAxes = outAxes ?? Array(repeating: 0, count: partCount)
    self.axisName = axisName
    laneTypes = types
  }

  private static func commonSize(
    _ sizes: [(index: Int, size: Int)], _ given: Int?, _ arguments: FlatArguments
  ) throws -> Int {
    guard let size = given ?? sizes.first?.size else {
      throw BloxError(
        .axisSizeMismatch,
        "vmap: no argument is mapped, so the number of lanes is unknown; map an argument in inAxes or give axisSize")
    }
    if let given, given < 0 {
      throw BloxError(.axisSizeMismatch, "vmap: axisSize \(given) is negative")
    }
    guard sizes.allSatisfy({ $0.size == size }) else {
      let labels = try arguments.makeLabels()
      let list = sizes.map { index, size in
        "'\(labels[index].label.text)' of type \(arguments.tensors[index].type) has \(size)"
      }
      let wanted = given.map { " (axisSize is \($0))" } ?? ""
      throw BloxError(
        .axisSizeMismatch,
        "vmap: mapped arguments must have equal sizes along their mapped axes\(wanted): "
          + list.joined(separator: ", "))
    }
    return size
  }

  var traceOptions: TraceOptions {
    var options = TraceOptions(name: "vmap of \(functionName)")
    options.types = laneTypes
    if let axisName { options.axes[axisName] = size }
    return options
  }

  /// The program of all lanes, with the lanes of each result where `outAxes` wants them.
  func batch<Output>(_ traced: TracedFunction<Output>) throws -> Program {
    let axes = inAxes + traced.captures.map { _ in nil }
    let lanes = try batched(
      traced.program, size: size, axisName: axisName, inAxes: axes, axes: Trace.current?.axes ?? [:])
    var builder = ProgramBuilder(name: traced.program.name, axes: Trace.current?.axes ?? [:])
    let inputs = lanes.program.parameters.map { Operand.value(builder.parameter($0)) }
    let results = try builder.splice(lanes.program, arguments: inputs)
    var placed: [ProgramResult] = []
    for (index, result) in results.enumerated() {
      let label = traced.outputLabels[index].label
      let wanted = outAxes.count == 1 ? outAxes[0] : outAxes[traced.outputParts[index]]
      placed.append(
        ProgramResult(
          try place(result, lanesAt: lanes.outAxes[index], wanted, &builder) {
            mappedResultError(label, traced.program, axes, index)
          }, label: label))
    }
    return builder.finish(results: placed)
  }

  private func place(
    _ result: Operand, lanesAt current: Int?, _ wanted: Axis, _ b: inout ProgramBuilder, error: () -> BloxError
  ) throws -> Operand {
    let shape = b.type(of: result).shape
    switch (current, wanted) {
    case (nil, .unmapped): return result
    case (_?, .unmapped): throw error()
    case (nil, .at(let given)):
      let axis = try normalized(given, rank: shape.count + 1)
      var full = shape
      full.insert(size, at: axis)
      let dims = shape.indices.map { $0 < axis ? $0 : $0 + 1 }
      return try b.emitOne(.broadcastInDim(shape: full, dims: dims), [result])
    case (let current?, .at(let given)):
      let axis = try normalized(given, rank: shape.count)
      var order = Array(shape.indices)
      order.remove(at: current)
      order.insert(current, at: axis)
      return try b.transpose(result, order)
    }
  }

  private func normalized(_ axis: Int, rank: Int) throws -> Int {
    let normalized = axis < 0 ? axis + rank : axis
    guard normalized >= 0, normalized < rank else {
      throw BloxError(.invalidAxis, "vmap: outAxes has \(axis), but that result has rank \(rank)")
    }
    return normalized
  }

  private func mappedResultError(
    _ label: ValueLabel, _ program: Program, _ axes: [Int?], _ index: Int
  ) -> BloxError {
    let name = axisName.map { " (axis name \($0))" } ?? ""
    let chain = mappedChain(program, inAxes: axes, axisName: axisName, resultIndex: index)
    let why = chain.isEmpty ? "" : ". It is computed from the lanes by \(chain.joined(separator: " -> "))"
    return BloxError(
      .mappedResult,
      "vmap has a mapped result\(name), '\(label.text)', but its outAxes is nil\(why). Give it an axis in outAxes, or"
        + " make it independent of the lane (restore a folded seed, for example)")
  }
}
