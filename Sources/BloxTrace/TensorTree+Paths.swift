// Trees with the paths of their tensors.

import BloxIR

extension TensorTree {
  /// The tensors in order with their paths: the path of a model parameter (`net/linear/kernel`), or property names,
  /// keys and positions (`line.weight`, `layers[0]`).
  public func namedTensors() throws -> [(path: String, tensor: Tensor)] {
    let labels = try leafLabels(root: "")
    return zip(labels, try tensors()).map { ($0.label.text, $1) }
  }
}

/// Applies a function to each tensor of a tree and its path; see ``TensorTree/namedTensors()`` for paths.
///
/// ```swift
/// let frozen = try treeMap(grads) { path, g in path.hasSuffix("/bias") ? try Tensor.zeros(like: g) : g }
/// ```
public func treeMap<Tree: TensorTree>(
  _ tree: Tree, _ transform: (_ path: String, Tensor) throws -> Tensor
) throws -> Tree {
  var leaves = try tree.namedTensors()[...]
  return try tree.replacingTensors {
    let (path, tensor) = leaves.removeFirst()
    return try transform(path, tensor)
  }
}
