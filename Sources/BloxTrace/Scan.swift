// Loops of known length.

import BloxIR
import BloxPasses

/// Runs a body over the leading axis of tensors, with values carried from one iteration to the next.
///
/// ```swift
/// let (last, states) = try scan(h0, inputs) { h, x in
///   let h = try tanh(x.matmul(w) + h.matmul(u))
///   return (h, h)
/// }
/// ```
///
/// The body is traced once, whatever the length, and compiled once. It may read any tensor around it. Its derivative is
/// another loop, which keeps what it needs of each iteration.
///
/// - Parameters:
///   - initial: What the first iteration is given.
///   - xs: Trees whose tensors have a leading axis of the loop's length; an iteration is given a slice of each.
///   - length: The number of iterations; needed only when `xs` has no tensors.
///   - reverse: Whether iterations go from the last slice to the first. Outputs are stacked where the slices were.
///   - unroll: How many iterations are compiled as one.
///   - body: Given the carry and a slice of `xs`, returns the next carry, of the same structure and types, and an
///     output, which is stacked along a new leading axis.
/// - Returns: The last carry and the stacked outputs.
/// - Throws: ``BloxError/Code/structureMismatch`` when the body returns another carry than it is given, with the parts
///   that differ; ``BloxError/Code/shapeMismatch`` for leading axes that differ; ``BloxError/Code/invalidArgument``; or
///   what the body throws.
public func scan<Carry: TensorTree, Input: TensorTree, Output: TensorTree>(
  _ initial: Carry, _ xs: Input, length: Int? = nil, reverse: Bool = false, unroll: Int = 1, file: String = #fileID,
  line: Int = #line, _ body: (Carry, Input) throws -> (Carry, Output)
) throws -> (Carry, Output) {
  let location = SourceLocation(file: file, line: line)
  let options = ScanOptions(isReversed: reverse, unroll: unroll, location: location)
  let (carry, inputs) = (try initial.tensors(), try xs.tensors())
  let count = try scanLength(xs, length, location)
  guard unroll >= 1 else {
    throw BloxError(.invalidArgument, "scan: unroll must be at least 1; got \(unroll)", location: location)
  }
  if count > 0, runsControlFlowInSwift {
    return try runIterations(initial, xs, count: count, isReversed: reverse, location, body)
  }
  let types = carry.map(\.type) + inputs.map(\.type.unstacked)
  let shape = OutputShape<(Carry, Output)>()
  let traced = try ControlBody("the body of scan", types, shape) { tensors in
    var rest = tensors[...]
    let result = try body(try initial.taking(from: &rest), try xs.taking(from: &rest))
    try expectCarry(initial, result.0, "scan", location)
    return result
  }
  let results = try runScan(traced, carry, inputs, length: count, options)
  return try shape.rebuild(traced.traced.prototype, results)
}

/// Runs a body a number of times and stacks its outputs; see ``scan(_:_:length:reverse:unroll:file:line:_:)``.
public func scan<Carry: TensorTree, Output: TensorTree>(
  _ initial: Carry, length: Int, reverse: Bool = false, unroll: Int = 1, file: String = #fileID, line: Int = #line,
  _ body: (Carry) throws -> (Carry, Output)
) throws -> (Carry, Output) {
  let nothing: [Tensor] = []
  return try scan(initial, nothing, length: length, reverse: reverse, unroll: unroll, file: file, line: line) {
    carry, _ in try body(carry)
  }
}

/// Runs a body over the leading axis of tensors for the last carry alone: a
/// ``scan(_:_:length:reverse:unroll:file:line:_:)`` without outputs.
///
/// ```swift
/// let total = try fold(Tensor(0.0), xs) { sum, x in try sum + square(x) }
/// ```
public func fold<Carry: TensorTree, Input: TensorTree>(
  _ initial: Carry, _ xs: Input, length: Int? = nil, reverse: Bool = false, unroll: Int = 1, file: String = #fileID,
  line: Int = #line, _ body: (Carry, Input) throws -> Carry
) throws -> Carry {
  let nothing: [Tensor] = []
  return try scan(initial, xs, length: length, reverse: reverse, unroll: unroll, file: file, line: line) {
    (carry: Carry, x: Input) in (try body(carry, x), nothing)
  }.0
}

/// Runs a body for each index of a range, with a state carried from one to the next.
///
/// ```swift
/// let sum = try forLoop(0..<5, Tensor(0.0)) { i, s in try s + i.cast(to: .f32) }
/// ```
///
/// Unlike a Swift loop it is traced once. It has derivatives in both modes.
///
/// - Parameters:
///   - range: The indices, within those of `i32`.
///   - initial: The state that the first iteration is given.
///   - unroll: How many iterations are compiled as one.
///   - body: Given the index, `i32[]`, and the state, returns the next state.
/// - Throws: As ``scan(_:_:length:reverse:unroll:file:line:_:)``.
public func forLoop<State: TensorTree>(
  _ range: Range<Int>, _ initial: State, unroll: Int = 1, file: String = #fileID, line: Int = #line,
  _ body: (Tensor, State) throws -> State
) throws -> State {
  guard let lower = Int32(exactly: range.lowerBound), Int32(exactly: range.upperBound) != nil else {
    throw BloxError(
      .invalidArgument, "forLoop: the range \(range) is beyond the indices of i32",
      location: SourceLocation(file: file, line: line))
  }
  let start = ForState(index: Tensor(Int(lower)), state: initial)
  let end = try fold(start, [Tensor](), length: range.count, unroll: unroll, file: file, line: line) {
    (state: ForState<State>, _: [Tensor]) in
    ForState(index: try state.index + 1, state: try body(state.index, state.state))
  }
  return end.state
}

/// Applies a function to each slice along the leading axis of a tree's tensors and stacks what it returns.
///
/// Slices are taken one after the other, which takes less memory than `vmap`; `batchSize` slices at a time are a choice
/// between the two.
///
/// - Parameters:
///   - xs: Trees whose tensors have one leading axis.
///   - batchSize: How many slices are vectorised over.
///   - function: The function of one slice.
/// - Throws: As ``scan(_:_:length:reverse:unroll:file:line:_:)``.
public func map<Input: TensorTree, Output: TensorTree>(
  _ xs: Input, batchSize: Int? = nil, file: String = #fileID, line: Int = #line,
  _ function: @escaping (Input) throws -> Output
) throws -> Output {
  let location = SourceLocation(file: file, line: line)
  func mapped<X: TensorTree>(_ xs: X, _ function: (X) throws -> Output) throws -> Output {
    let nothing: [Tensor] = []
    return try scan(nothing, xs, file: file, line: line) { (_, x: X) in (nothing, try function(x)) }.1
  }
  guard let wanted = batchSize else { return try mapped(xs, function) }
  guard wanted >= 1 else {
    throw BloxError(.invalidArgument, "map: batchSize must be at least 1; got \(wanted)", location: location)
  }
  let count = try scanLength(xs, nil, location)
  // A batch of more than there are is one of all.
  let batchSize = min(wanted, max(count, 1))
  let (whole, rest) = (count / batchSize * batchSize, count % batchSize)
  let vectorised = vmap(axisSize: batchSize, function)
  let groups = try treeMap(xs) { x in
    try x.slice(0..<whole).reshape([count / batchSize, batchSize] + x.shape.dropFirst())
  }
  let outputs = try treeMap(try mapped(groups) { try vectorised($0) }) { y in
    try y.reshape([whole] + y.shape.dropFirst(2))
  }
  if rest == 0 { return outputs }
  let last = try vmap(axisSize: rest, function)(try treeMap(xs) { try $0.slice(whole..<count) })
  return try treeMap(outputs, last) { try concatenate([$0, $1]) }
}

/// An index beside a state.
private struct ForState<State: TensorTree>: TensorTree {
  var index: Tensor
  var state: State

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&index, "index")
    try visitor.visit(&state, .transparent)
  }
}

private struct ScanOptions {
  var isReversed: Bool
  var unroll: Int
  var location: SourceLocation
}

/// The number of iterations that leading axes give.
private func scanLength<Input: TensorTree>(_ xs: Input, _ length: Int?, _ location: SourceLocation) throws -> Int {
  let tensors = try xs.tensors()
  func failure(_ code: BloxError.Code, _ message: String) -> BloxError {
    let scope = ModuleScope.path
    return BloxError(code, "scan: " + message, modulePath: scope.isEmpty ? nil : scope, location: location)
  }
  if let index = tensors.firstIndex(where: { $0.rank == 0 }) {
    let label = try xs.leafLabels(root: "xs")[index].label.text
    throw failure(.shapeMismatch, "'\(label)' of type \(tensors[index].type) has no leading axis to loop over")
  }
  guard let count = length ?? tensors.first?.shape[0] else {
    throw failure(.invalidArgument, "the number of iterations is unknown; give tensors in xs, or a length")
  }
  guard count >= 0 else { throw failure(.invalidArgument, "length must be at least 0; got \(count)") }
  guard tensors.allSatisfy({ $0.shape[0] == count }) else {
    let labels = try xs.leafLabels(root: "xs")
    let list = zip(labels, tensors).map { "'\($0.label.text)' of type \($1.type) has \($1.shape[0])" }
    let wanted = length.map { " (length is \($0))" } ?? ""
    throw failure(
      .shapeMismatch, "leading axes must have equal sizes\(wanted): \(list.joined(separator: ", "))")
  }
  return count
}

/// Throws unless a body returns the carry that it is given.
func expectCarry<Carry: TensorTree>(
  _ given: Carry, _ returned: Carry, _ name: String, _ location: SourceLocation
) throws {
  try expectSameTypes(
    given, returned, root: "carry",
    "\(name): the body must return a carry of the structure and types that it is given", first: "given",
    second: "returned", location)
}

/// The last carry and the stacked outputs.
private func runScan<Output>(
  _ body: ControlBody<Output>, _ carry: [Tensor], _ xs: [Tensor], length: Int, _ options: ScanOptions
) throws -> [Tensor] {
  let loop = Op.Scan(
    body: try body.region(capturesFirst: true), constCount: body.captures.count, carryCount: carry.count,
    length: length, isReversed: options.isReversed, unroll: options.unroll)
  let operands = body.captures + carry + xs
  // Derivatives would keep such a carry of every iteration.
  guard let moved = try loop.movingInvariantCarry(axes: body.traced.axes) else {
    return try applyControl(.scan(loop), operands, options.location)
  }
  var results = try applyControl(.scan(moved.scan), moved.order.map { operands[$0] }, options.location)[...]
  return zip(carry, moved.isInvariant).map { $1 ? $0 : results.removeFirst() } + results
}
