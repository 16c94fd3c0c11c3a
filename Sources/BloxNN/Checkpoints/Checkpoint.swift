// Checkpoints of whole training states.

import BloxIR
import BloxTrace

/// Saving and loading of trees of tensors: optimizer states, or your own struct of everything that training needs.
///
/// Each tensor is saved under its path in the tree, with `.` for properties, `[0]` for positions, and the path of a
/// parameter after the name of the container that holds it: `optimizer.momentum/net/mlp/kernel`.
///
/// ```swift
/// struct TrainingState: TensorTree { var params: Params, optimizer: OptimizerState<Params>, … }
/// try Checkpoint.save(state, to: "step1000.safetensors", metadata: ["step": "1000"])
/// state = try Checkpoint.load(state, from: "step1000.safetensors")
/// ```
///
/// The tree that is loaded into says what its structure is, flags and tags of parameters included; a file holds values
/// only. ``Params/save(to:metadata:)`` keeps the flags of parameters as well.
public enum Checkpoint {
  /// Writes the tensors of a tree to a file, which is replaced as a whole when everything has been written.
  ///
  /// - Parameters:
  ///   - path: A path that ends in `.safetensors`, or `.npz` without metadata.
  ///   - metadata: Texts to keep beside the tensors; read them with ``TensorFile/metadata(_:)``.
  /// - Throws: ``BloxError/Code/file`` when the file cannot be written, ``BloxError/Code/invalidArgument`` when two
  ///   tensors of the tree have one path.
  public static func save(_ tree: some TensorTree, to path: String, metadata: [String: String] = [:]) throws {
    try TensorFile.save(Array(zip(names(tree), tree.tensors())).map { ($0, $1) }, to: path, metadata: metadata)
  }

  /// The tree with the values of a file, which must fit: the same paths, shapes and dtypes.
  ///
  /// - Parameters:
  ///   - tree: A tree of the structure that was saved, such as a newly initialised one.
  ///   - casting: Whether numbers of another dtype are converted.
  /// - Throws: ``BloxError/Code/file`` when the file is damaged, ``BloxError/Code/structureMismatch`` listing what is
  ///   missing, unexpected, or of another type.
  public static func load<Tree: TensorTree>(
    _ tree: Tree, from path: String, casting: Bool = false
  ) throws -> Tree {
    let (loaded, report) = try loadPartially(tree, from: path, casting: casting)
    try report.requireComplete()
    return loaded
  }

  /// The tree with those values of a file that fit, and a report of the others.
  ///
  /// - Throws: ``BloxError/Code/file`` when the file is damaged.
  public static func loadPartially<Tree: TensorTree>(
    _ tree: Tree, from path: String, casting: Bool = false
  ) throws -> (Tree, LoadReport) {
    let wanted = zip(try names(tree), try tree.tensors()).map { (name: $0, type: $1.type) }
    let (values, report) = try LoadReport.match(wanted, path, casting: casting)
    var next = values[...]
    let loaded = try treeMap(tree) { tensor in
      let value = next.removeFirst()
      return value ?? tensor
    }
    return (loaded, report)
  }

  private static func names(_ tree: some TensorTree) throws -> [String] {
    let names = try tree.leafPaths()
    // A tree that is one tensor has no path.
    return names == [""] ? ["value"] : names
  }
}
