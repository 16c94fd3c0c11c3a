// Batching rules of collectives.
//
// Over another axis than the one being batched a collective stays, with its dimension numbers below the lanes. Over
// the batched axis it becomes work on the lanes' dimension. Of several axes the batched one is taken out and the rest
// stays: the lanes of axes [a…, n, b…] are numbered by (a, n, b), so a dimension made of all lanes is [a, n, b] in
// row-major order, and one made by the rest is [a, b].
//
// With groups the lanes are first put in the order of the groups and split into [members, groups]. From there the
// groups are like any other dimension, and the members are all lanes there are.

import BloxIR

extension Op.Collective {
  /// Whether the result differs between the lanes of an axis, given whether the operand does.
  func isMapped(overAxis name: String?, operand: Bool) -> Bool {
    guard let name, axes.contains(name) else { return operand }
    switch exchange {
    case .sum, .max, .min, .allGather: return operand && groups != nil
    case .reduceScatter, .allToAll, .permute: return true
    }
  }
}

extension Op.Collective.Exchange {
  /// The exchange of tensors with one more dimension in front.
  fileprivate var belowLanes: Op.Collective.Exchange {
    switch self {
    case .sum, .max, .min, .permute: self
    case .allGather(let axis, let size): .allGather(axis: axis + 1, size: size)
    case .reduceScatter(let axis, let size): .reduceScatter(axis: axis + 1, size: size)
    case .allToAll(let split, let concat, let size): .allToAll(split: split + 1, concat: concat + 1, size: size)
    }
  }
}

extension Batcher {
  mutating func batchCollective(_ collective: Op.Collective, _ x: BatchedOperand) throws(BloxError) -> BatchedOperand {
    guard let axisName, let position = collective.axes.firstIndex(of: axisName) else {
      var other = collective
      if x.isMapped { other.exchange = collective.exchange.belowLanes }
      return BatchedOperand(operand: try builder.emitOne(.collective(other), [x.operand]), isMapped: x.isMapped)
    }
    try expectFits(collective, x, axisName)
    if case .permute(let sources, let targets) = collective.exchange {
      let moves = zip(sources, targets).map { LaneMove(source: $0, target: $1) }
      return .mapped(try builder.movingLanes(moves, of: try perLane(x)))
    }
    if let groups = collective.groups { return try batchGrouped(collective.exchange, x, groups) }
    let others = collective.axes.enumerated().filter { $0.offset != position }
    let rest = OtherAxes(
      names: others.map(\.element),
      major: others.filter { $0.offset < position }.reduce(1) { $0 * (axes[$1.element] ?? 1) },
      minor: others.filter { $0.offset > position }.reduce(1) { $0 * (axes[$1.element] ?? 1) })
    return try exchange(collective.exchange, x, members: size, rest)
  }

  /// A program made elsewhere, such as from text, may be given to another number of lanes than it was made for.
  private func expectFits(_ collective: Op.Collective, _ x: BatchedOperand, _ axisName: String) throws(BloxError) {
    var type = builder.type(of: x.operand)
    if x.isMapped { type.shape.removeFirst() }
    _ = try Op.collective(collective).resultTypes(for: [type], axes: axes.merging([axisName: size]) { $1 })
  }

  /// The axes of a collective that stay, with the number of lanes before and behind the batched axis.
  private struct OtherAxes {
    var names: [String] = []
    var major = 1
    var minor = 1
  }

  private mutating func batchGrouped(
    _ kind: Op.Collective.Exchange, _ x: BatchedOperand, _ groups: [[Int]]
  ) throws(BloxError) -> BatchedOperand {
    let members = groups[0].count
    if !x.isMapped {
      switch kind {
      case .sum, .max, .min, .allGather: return try exchange(kind, x, members: members, OtherAxes())
      case .reduceScatter, .allToAll, .permute: break
      }
    }
    // [lanes, d…] -> [members, groups, d…]
    let order = groups.flatMap { $0 }
    let moves = order.enumerated().map { LaneMove(source: $1, target: $0) }
    let ordered = try builder.movingLanes(moves, of: try perLane(x))
    let split = try builder.splitting(ordered, dim: 0, into: [groups.count, members])
    let first = try builder.moving(split, from: 1, to: 0)
    let done = try exchange(kind.belowLanes, .mapped(first), members: members, OtherAxes())
    // [members, groups, …] or, where all members have the same, [groups, …] -> [lanes, …]
    var back: Operand
    if done.isMapped {
      back = try builder.moving(done.operand, from: 0, to: 1)
    } else {
      var shape = builder.type(of: done.operand).shape
      let dims = shape.indices.map { $0 == 0 ? 0 : $0 + 1 }
      shape.insert(members, at: 1)
      back = try builder.emitOne(.broadcastInDim(shape: shape, dims: dims), [done.operand])
    }
    back = try builder.merging(back, dim: 0, count: 2)
    let returns = moves.map { LaneMove(source: $0.target, target: $0.source) }
    return .mapped(try builder.movingLanes(returns, of: back))
  }

  /// The exchange among `members` lanes, which are dimension 0 of a mapped operand, and the rest of the axes.
  private mutating func exchange(
    _ kind: Op.Collective.Exchange, _ x: BatchedOperand, members: Int, _ rest: OtherAxes
  ) throws(BloxError) -> BatchedOperand {
    switch kind {
    case .sum: return .shared(try staying(.sum, try laneSum(x, members), rest))
    case .max, .min:
      guard x.isMapped else { return .shared(try staying(kind, x.operand, rest)) }
      let reduction: Op.Reduction = kind == .max ? .max : .min
      return .shared(try staying(kind, try builder.emitOne(.reduce(reduction, axes: [0]), [x.operand]), rest))
    case .allGather(let axis, _):
      // [n, …, d, …] -> […, n, d, …] -> […, a, b, n, d, …] -> […, a, n, b, d, …]
      var y = try builder.moving(try perLane(x, members), from: 0, to: axis)
      y = try staying(.allGather(axis: axis, size: rest.major * rest.minor), y, rest)
      y = try builder.splitting(y, dim: axis, into: [rest.major, rest.minor, members])
      y = try builder.moving(y, from: axis + 2, to: axis + 1)
      return .shared(try builder.merging(y, dim: axis, count: 4))
    case .reduceScatter(let axis, _):
      // […, a n b k, …] -> [n, …, a b k, …]
      let y = try takingOut(members, from: try laneSum(x, members), dim: axis, rest)
      return .mapped(
        try staying(.reduceScatter(axis: axis + 1, size: rest.major * rest.minor), y, rest))
    case .allToAll(let split, let concat, _):
      return .mapped(try exchangeParts(try perLane(x, members), split, concat, members, rest))
    case .permute: preconditionFailure("handled by batchCollective(_:_:)")
    }
  }

  /// [n', …, a n b k, …] -> [n, …, n' d, …]: the lane that a part is for becomes its lane, the lane it comes from a
  /// part of the dimension to join along. The rest exchanges in a dimension of its own, which is put in front of n'.
  private mutating func exchangeParts(
    _ x: Operand, _ split: Int, _ concat: Int, _ members: Int, _ rest: OtherAxes
  ) throws(BloxError) -> Operand {
    var y = try takingOut(members, from: x, dim: split + 1, rest)
    // [n, n', …, d, …] -> [n, …, 1, n', d, …]
    y = try builder.moving(y, from: 1, to: concat + 1)
    y = try builder.splitting(y, dim: concat + 1, into: [1, members])
    let shifted = split >= concat ? split + 3 : split + 1
    y = try staying(.allToAll(split: shifted, concat: concat + 1, size: rest.major * rest.minor), y, rest)
    y = try builder.splitting(y, dim: concat + 1, into: [rest.major, rest.minor])
    y = try builder.moving(y, from: concat + 3, to: concat + 2)
    return try builder.merging(y, dim: concat + 1, count: 4)
  }

  /// Splits a dimension of a part for each lane and moves the members' part of it to the front.
  private mutating func takingOut(
    _ members: Int, from x: Operand, dim: Int, _ rest: OtherAxes
  ) throws(BloxError) -> Operand {
    let inner = builder.type(of: x).shape[dim] / (members * rest.major)
    var y = try builder.splitting(x, dim: dim, into: [rest.major, members, inner])
    y = try builder.moving(y, from: dim + 1, to: 0)
    return try builder.merging(y, dim: dim + 1, count: 2)
  }

  /// The sum over lanes; of a shared operand, its multiple.
  private mutating func laneSum(_ x: BatchedOperand, _ members: Int) throws(BloxError) -> Operand {
    if x.isMapped { return try builder.reduceSum(x.operand, axes: [0]) }
    if members == 1 { return x.operand }
    let type = builder.type(of: x.operand)
    return try builder.mul(x.operand, .splat(Literal(members, as: type.dtype), shape: type.shape))
  }

  private mutating func perLane(_ x: BatchedOperand, _ members: Int) throws(BloxError) -> Operand {
    x.isMapped ? x.operand : try builder.repeated(x.operand, members)
  }

  /// The same exchange over the axes that stay.
  private mutating func staying(
    _ exchange: Op.Collective.Exchange, _ x: Operand, _ rest: OtherAxes
  ) throws(BloxError) -> Operand {
    rest.names.isEmpty ? x : try builder.emitOne(.collective(Op.Collective(exchange, axes: rest.names)), [x])
  }
}

/// Where a lane's tensor goes.
private struct LaneMove {
  var source: Int
  var target: Int
}

extension ProgramBuilder {
  /// `x` with a dimension moved; nothing is emitted when it stays.
  fileprivate mutating func moving(_ x: Operand, from: Int, to: Int) throws(BloxError) -> Operand {
    var order = Array(type(of: x).shape.indices)
    order.insert(order.remove(at: from), at: to)
    return try transpose(x, order)
  }

  /// `x` with a dimension made several, in row-major order.
  fileprivate mutating func splitting(_ x: Operand, dim: Int, into sizes: [Int]) throws(BloxError) -> Operand {
    var shape = type(of: x).shape
    shape.replaceSubrange(dim...dim, with: sizes)
    return try reshape(x, to: shape)
  }

  /// `x` with neighbouring dimensions made one.
  fileprivate mutating func merging(_ x: Operand, dim: Int, count: Int) throws(BloxError) -> Operand {
    var shape = type(of: x).shape
    shape.replaceSubrange(dim..<dim + count, with: [shape[dim..<dim + count].reduce(1, *)])
    return try reshape(x, to: shape)
  }

  /// The lanes of `x` at other places, and zeros where none goes. Lanes at equal distances are taken in one slice, so
  /// that rotations, strided groups and identities take few instructions.
  fileprivate mutating func movingLanes(_ moves: [LaneMove], of x: Operand) throws(BloxError) -> Operand {
    let type = type(of: x)
    let moves = moves.sorted { $0.target < $1.target }
    if moves.count == type.shape[0], moves.allSatisfy({ $0.source == $0.target }) { return x }
    var parts: [Operand] = []
    var next = 0
    /// The first lane of the result that no part covers yet.
    var filled = 0
    while next < moves.count {
      let first = moves[next]
      if first.target > filled { parts.append(try zeroLanes(first.target - filled, type)) }
      var end = next + 1
      var step = 1
      if end < moves.count, moves[end].source > first.source { step = moves[end].source - first.source }
      while end < moves.count, moves[end].target == first.target + (end - next),
        moves[end].source == first.source + step * (end - next)
      { end += 1 }
      var slice = Op.Slice(starts: type.shape.map { _ in 0 }, limits: type.shape)
      (slice.starts[0], slice.limits[0]) = (first.source, moves[end - 1].source + 1)
      slice.strides[0] = end - next == 1 ? 1 : step
      parts.append(try emitOne(.slice(slice), [x]))
      filled = moves[end - 1].target + 1
      next = end
    }
    if filled < type.shape[0] { parts.append(try zeroLanes(type.shape[0] - filled, type)) }
    if parts.isEmpty { return x }
    return parts.count == 1 ? parts[0] : try emitOne(.concatenate(axis: 0), parts)
  }

  private mutating func zeroLanes(_ count: Int, _ type: TensorType) throws(BloxError) -> Operand {
    let zero = Operand.splat(Literal(dtype: type.dtype, bits: 0), shape: [])
    return try emitOne(.broadcastInDim(shape: [count] + type.shape.dropFirst(), dims: []), [zero])
  }
}
