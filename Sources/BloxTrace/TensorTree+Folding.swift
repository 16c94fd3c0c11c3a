// Trees taken apart into lists of tensors, put together again, and folded.

import BloxIR

extension TensorTree {
  /// A copy with other tensors, one for each, in the order of ``TensorTree/tensors()`` (`jax.tree.unflatten`). Their types
  /// may be others.
  ///
  /// - Throws: ``BloxError/Code/structureMismatch`` when there are more or fewer tensors than the tree has.
  public func replacingTensors(with tensors: [Tensor]) throws -> Self {
    let count = try self.tensors().count
    guard tensors.count == count else {
      throw BloxError(
        .structureMismatch, "\(Self.self) has \(count) tensors and cannot be made of \(tensors.count)")
    }
    var rest = tensors[...]
    return try replacingTensors { rest.removeFirst() }
  }
}

/// Combines the tensors of a tree one after the other (`jax.tree.reduce`).
///
/// ```swift
/// let norm = try sqrt(treeReduce(gradients, Tensor(0.0)) { try $0 + square($1).sum() })
/// let count = try treeReduce(params, 0) { $0 + $1.count }
/// ```
public func treeReduce<Tree: TensorTree, Result>(
  _ tree: Tree, _ initial: Result, _ combine: (Result, Tensor) throws -> Result
) throws -> Result {
  try tree.tensors().reduce(initial, combine)
}

/// One tree of several of one structure, each of its tensors made of theirs in order.
///
/// ```swift
/// let stacked = try treeMap(layers) { try stack($0) }  // weights of all layers with a leading axis, as `scan` takes them
/// ```
///
/// - Throws: ``BloxError/Code/structureMismatch`` when the structures differ, ``BloxError/Code/invalidArgument`` when there
///   is no tree.
public func treeMap<Tree: TensorTree>(_ trees: [Tree], _ transform: ([Tensor]) throws -> Tensor) throws -> Tree {
  guard let first = trees.first else {
    throw BloxError(.invalidArgument, "treeMap: needs at least one \(Tree.self)")
  }
  for tree in trees.dropFirst() { try expectSameStructure(first, tree) }
  let leaves = try trees.map { try $0.tensors() }
  var index = 0
  return try first.replacingTensors {
    defer { index += 1 }
    return try transform(leaves.map { $0[index] })
  }
}
