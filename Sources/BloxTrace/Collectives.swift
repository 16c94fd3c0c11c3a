// Collectives: what lanes of a vmap tell each other, over the name of their axis.

import BloxIR

/// The named axes of a collective: `"batch"`, or several as `["data", "model"]`, outermost first.
public struct AxisNames: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
  /// The names.
  public var names: [String]

  /// Creates a list of names.
  public init(_ names: [String]) { self.names = names }
  /// A single axis.
  public init(stringLiteral name: String) { names = [name] }
  /// Several axes, whose lanes are numbered in row-major order.
  public init(arrayLiteral names: String...) { self.names = names }
}

/// The number of lanes along named axes of the enclosing ``vmap``s, the product for several.
///
/// - Throws: ``BloxError/Code/unboundAxis`` when no enclosing transformation binds a name.
public func axisSize(_ axes: AxisNames, file: String = #fileID, line: Int = #line) throws -> Int {
  let bound = Trace.current?.axes ?? [:]
  var count = 1
  for name in axes.names {
    guard let size = bound[name] else {
      throw BloxError.unboundAxis(name, bound: Array(bound.keys))
        .at(modulePath: ModuleScope.path, location: SourceLocation(file: file, line: line))
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow else {
      throw BloxError(
        .invalidShape, "axisSize: the axes \(axes.names) have too many lanes",
        location: SourceLocation(file: file, line: line))
    }
    count = product
  }
  return count
}

/// The lane's index along several named axes in row-major order, `i32[]`.
///
/// - Throws: ``BloxError/Code/unboundAxis`` when no enclosing transformation binds a name.
public func axisIndex(_ axes: [String], file: String = #fileID, line: Int = #line) throws -> Tensor {
  var index = Tensor(0)
  for name in axes {
    index =
      try index * Tensor(axisSize(AxisNames([name]), file: file, line: line))
      + axisIndex(
        name, file: file, line: line)
  }
  return index
}

/// The sum of each tensor of a tree over the lanes of named axes; each lane gets it. Bools count as `i32`.
///
/// ```swift
/// let normalized = vmap(axisName: "batch") { (x: Tensor) in try x / psum(x, "batch") }
/// ```
///
/// Its derivative sums the lanes' cotangents, as JAX's `psum` does under `vmap`.
///
/// - Parameters:
///   - x: The lane's tensors.
///   - axes: The axes to sum over.
///   - groups: Lanes that sum among themselves only: each lane once, in groups of one size. A single axis only.
/// - Throws: ``BloxError/Code/unboundAxis``; ``BloxError/Code/invalidArgument`` for groups that do not fit the axis.
public func psum<Tree: TensorTree>(
  _ x: Tree, _ axes: AxisNames, groups: [[Int]]? = nil, file: String = #fileID, line: Int = #line
) throws -> Tree {
  try treeMap(x) {
    let number = $0.dtype == .bool ? try $0.cast(to: .i32) : $0
    return try number.collective(.sum, axes, groups, SourceLocation(file: file, line: line))
  }
}

/// The mean of each tensor of a tree over the lanes of named axes; see ``psum(_:_:groups:)``. Integers give `f32`.
///
/// - Throws: ``BloxError/Code/unboundAxis``; ``BloxError/Code/invalidArgument`` for groups that do not fit the axis.
public func pmean<Tree: TensorTree>(
  _ x: Tree, _ axes: AxisNames, groups: [[Int]]? = nil, file: String = #fileID, line: Int = #line
) throws -> Tree {
  let sums = try psum(x, axes, groups: groups, file: file, line: line)
  let count = try laneCount(axes, groups, file: file, line: line)
  return try treeMap(sums) { try $0 / Double(count) }
}

/// The largest of the lanes' elements for each tensor of a tree, NaN if there is one; each lane gets it.
///
/// It has no derivative, as in JAX; see ``psum(_:_:groups:)`` for the parameters.
///
/// - Throws: ``BloxError/Code/unboundAxis``; ``BloxError/Code/invalidArgument`` for groups that do not fit the axis.
public func pmax<Tree: TensorTree>(
  _ x: Tree, _ axes: AxisNames, groups: [[Int]]? = nil, file: String = #fileID, line: Int = #line
) throws -> Tree {
  try treeMap(x) { try $0.collective(.max, axes, groups, SourceLocation(file: file, line: line)) }
}

/// The smallest of the lanes' elements for each tensor of a tree, NaN if there is one; each lane gets it.
///
/// It has no derivative, as in JAX; see ``psum(_:_:groups:)`` for the parameters.
///
/// - Throws: ``BloxError/Code/unboundAxis``; ``BloxError/Code/invalidArgument`` for groups that do not fit the axis.
public func pmin<Tree: TensorTree>(
  _ x: Tree, _ axes: AxisNames, groups: [[Int]]? = nil, file: String = #fileID, line: Int = #line
) throws -> Tree {
  try treeMap(x) { try $0.collective(.min, axes, groups, SourceLocation(file: file, line: line)) }
}

/// The lanes' tensors, stacked along a new axis or, if `tiled`, joined along an existing one; each lane gets them all.
///
/// - Parameters:
///   - x: The lane's tensors.
///   - axes: The named axes to gather from.
///   - axis: Where the lanes go; negative axes count from the end.
///   - tiled: Whether lanes are joined along `axis` rather than stacked.
///   - groups: Lanes that gather among themselves only, in the order in which a group lists them.
/// - Throws: ``BloxError/Code/unboundAxis``, ``BloxError/Code/invalidAxis``; ``BloxError/Code/invalidArgument`` for
///   groups that do not fit the axis.
public func allGather<Tree: TensorTree>(
  _ x: Tree, _ axes: AxisNames, axis: Int = 0, tiled: Bool = false, groups: [[Int]]? = nil, file: String = #fileID,
  line: Int = #line
) throws -> Tree {
  let count = try laneCount(axes, groups, file: file, line: line)
  return try treeMap(x) { x in
    let axis = try Tensor.normalizedAxis(axis, rank: x.rank + (tiled ? 0 : 1), for: "allGather")
    let parts = tiled ? x : try x.expandDims(axis)
    return try parts.collective(
      .allGather(axis: axis, size: count), axes, groups, SourceLocation(file: file, line: line))
  }
}

/// The sum over the lanes of named axes, of which each lane gets its part along an axis: ``psum(_:_:groups:)``
/// followed by taking a part, but without making the whole sum in each lane (a reduce-scatter).
///
/// - Parameters:
///   - x: The lane's tensors. Along `axis` they have as many elements as there are lanes or, if `tiled`, a multiple.
///   - axes: The named axes to sum over.
///   - axis: The axis that is divided among the lanes. It disappears unless `tiled`.
///   - tiled: Whether a lane's part keeps `axis`.
///   - groups: Lanes that sum among themselves only.
/// - Throws: ``BloxError/Code/unboundAxis``, ``BloxError/Code/invalidAxis``, ``BloxError/Code/shapeMismatch`` when
///   the axis does not divide; ``BloxError/Code/invalidArgument`` for groups that do not fit the axis.
public func psumScatter<Tree: TensorTree>(
  _ x: Tree, _ axes: AxisNames, axis: Int = 0, tiled: Bool = false, groups: [[Int]]? = nil, file: String = #fileID,
  line: Int = #line
) throws -> Tree {
  let location = SourceLocation(file: file, line: line)
  let count = try laneCount(axes, groups, file: file, line: line)
  return try treeMap(x) { x in
    let axis = try Tensor.normalizedAxis(axis, rank: x.rank, for: "psumScatter")
    if !tiled { try x.expectSize(count, axis: axis, "psumScatter", location) }
    let part = try x.collective(.reduceScatter(axis: axis, size: count), axes, groups, location)
    return tiled ? part : try part.reshape(part.shape.removing([axis]))
  }
}

/// Sends each lane's tensors to other lanes: lane `source` to lane `target` for each pair. Lanes that receive nothing
/// have zeros.
///
/// ```swift
/// let fromLeft = try ppermute(x, "i", (0..<n).map { ($0, ($0 + 1) % n) })
/// ```
///
/// - Throws: ``BloxError/Code/unboundAxis``; ``BloxError/Code/invalidArgument`` for pairs that name a lane twice as
///   source or as target, or one that does not exist.
public func ppermute<Tree: TensorTree>(
  _ x: Tree, _ axis: String, _ pairs: [(source: Int, target: Int)], file: String = #fileID, line: Int = #line
) throws -> Tree {
  let exchange = Op.Collective.Exchange.permute(sources: pairs.map(\.source), targets: pairs.map(\.target))
  return try treeMap(x) {
    try $0.collective(exchange, AxisNames([axis]), nil, SourceLocation(file: file, line: line))
  }
}

/// The tensors of the lanes in another order: lane `i` gets those of lane `order[i]`.
///
/// - Throws: ``BloxError/Code/unboundAxis``; ``BloxError/Code/invalidArgument`` unless `order` has each lane once.
public func pshuffle<Tree: TensorTree>(
  _ x: Tree, _ axis: String, _ order: [Int], file: String = #fileID, line: Int = #line
) throws -> Tree {
  let count = try axisSize(AxisNames([axis]), file: file, line: line)
  guard order.count == count, order.sorted() == Array(0..<count) else {
    throw BloxError(
      .invalidArgument, "pshuffle: the order \(order) must have each of the \(count) lanes of '\(axis)' once",
      location: SourceLocation(file: file, line: line))
  }
  return try ppermute(x, axis, order.enumerated().map { ($1, $0) }, file: file, line: line)
}

/// Splits each lane's tensors into a part for each lane and hands them over; a lane joins what it gets.
///
/// Part `i` along `splitAxis` goes to lane `i`. The parts that a lane receives are stacked along `concatAxis` in the
/// order of the lanes they come from, and `splitAxis`, whose size is the number of lanes, disappears. If `tiled`,
/// `splitAxis` keeps a part of its size and parts are joined along `concatAxis`.
///
/// - Throws: ``BloxError/Code/unboundAxis``, ``BloxError/Code/invalidAxis``, ``BloxError/Code/shapeMismatch`` when
///   `splitAxis` does not divide; ``BloxError/Code/invalidArgument`` for groups that do not fit the axis.
public func allToAll<Tree: TensorTree>(
  _ x: Tree, _ axes: AxisNames, splitAxis: Int, concatAxis: Int, tiled: Bool = false, groups: [[Int]]? = nil,
  file: String = #fileID, line: Int = #line
) throws -> Tree {
  let location = SourceLocation(file: file, line: line)
  let count = try laneCount(axes, groups, file: file, line: line)
  return try treeMap(x) { x in
    var split = try Tensor.normalizedAxis(splitAxis, rank: x.rank, for: "allToAll")
    var concat = try Tensor.normalizedAxis(concatAxis, rank: x.rank, for: "allToAll")
    var parts = x
    if !tiled {
      try x.expectSize(count, axis: split, "allToAll", location)
      // The new axis counts once the split one is gone.
      if split < concat { concat += 1 }
      if split != concat { parts = try x.expandDims(concat) }
      if concat < split { split += 1 }
    }
    let whole = try parts.collective(.allToAll(split: split, concat: concat, size: count), axes, groups, location)
    return tiled || split == concat ? whole : try whole.reshape(whole.shape.removing([split]))
  }
}

/// How many lanes exchange among themselves.
private func laneCount(_ axes: AxisNames, _ groups: [[Int]]?, file: String, line: Int) throws -> Int {
  let all = try axisSize(axes, file: file, line: line)
  return groups?.first?.count ?? all
}

extension Tensor {
  fileprivate func collective(
    _ exchange: Op.Collective.Exchange, _ axes: AxisNames, _ groups: [[Int]]?, _ location: SourceLocation
  ) throws -> Tensor {
    try Tensor.apply(
      .collective(Op.Collective(exchange, axes: axes.names, groups: groups)), self, location: location)
  }

  fileprivate func expectSize(_ size: Int, axis: Int, _ operation: String, _ location: SourceLocation) throws {
    guard shape[axis] != size else { return }
    throw BloxError(
      .shapeMismatch,
      "\(operation): axis \(axis) of \(type) has size \(shape[axis]), but there are \(size) lanes; pass tiled: true for"
        + " several elements to a lane", modulePath: ModuleScope.path.isEmpty ? nil : ModuleScope.path,
      location: location)
  }
}
