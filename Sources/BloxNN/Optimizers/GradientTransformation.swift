// What optimizers are: pure functions of gradients, state and parameters.

import BloxTrace

/// A pure transformation of gradients into updates: `(gradients, state, params) -> (updates, state)`.
///
/// Optimizers, clipping, weight decay and averaging are all of this kind, so that they combine with ``chain(_:)``. The
/// values are optax's for the same inputs.
///
/// ```swift
/// let optimizer = chain(ClipByGlobalNorm(1), AdamW(learningRate: 1e-3))
/// var state = try optimizer.initialize(trainable)
/// (updates, state) = try optimizer.update(gradients, state, trainable)
/// trainable = try applyUpdates(trainable, updates)
/// ```
///
/// Parameters are any tree of floating-point tensors, such as the first half of ``Params/split()``. State is a tree
/// as well, so that it goes through `jit`, can be donated, and saved.
public protocol GradientTransformation: Sendable {
  /// The state before the first step.
  ///
  /// - Throws: ``BloxError/Code/gradientOfInteger`` when a tensor is no floating-point one.
  func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree>

  /// The updates, to be added to the parameters, and the next state.
  ///
  /// - Throws: ``BloxError/Code/structureMismatch`` when gradients, parameters and state do not fit one another.
  func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>)
}

extension GradientTransformation {
  /// What is remembered between steps for parameters of a type.
  public typealias State<Tree: TensorTree> = OptimizerState<Tree>
}

/// What an optimizer remembers between steps: a number of steps, trees in the shape of the parameters, and the states of
/// the transformations that it is made of.
public struct OptimizerState<Tree: TensorTree>: TensorTree {
  /// The number of steps taken, `i32[]`, where the optimizer counts them.
  public var count: Tensor?
  /// The names of the trees, such as `mean`.
  public let names: [String]
  private var trees: [Tree]
  /// The states of what the optimizer is made of.
  public var parts: [OptimizerState<Tree>]

  /// Makes a state.
  ///
  /// - Parameters:
  ///   - count: The number of steps, for an optimizer that counts them.
  ///   - trees: What is remembered for each parameter.
  ///   - parts: The states of other transformations.
  public init(
    count: Tensor? = nil, _ trees: KeyValuePairs<String, Tree> = [:], parts: [OptimizerState<Tree>] = []
  ) {
    self.count = count
    names = trees.map(\.key)
    self.trees = trees.map(\.value)
    self.parts = parts
  }

  /// The tree of a name.
  ///
  /// - Throws: ``BloxError/Code/structureMismatch`` when there is none.
  public subscript(name: String) -> Tree {
    get throws {
      guard let index = names.firstIndex(of: name) else { throw missing("no '\(name)'") }
      return trees[index]
    }
  }

  /// The number of steps, which must be there.
  func steps() throws -> Tensor {
    guard let count else { throw missing("no count") }
    return count
  }

  /// The states of a number of parts.
  func parts(_ number: Int) throws -> [OptimizerState<Tree>] {
    guard parts.count == number else { throw missing("\(parts.count) parts where \(number) are needed") }
    return parts
  }

  private func missing(_ what: String) -> BloxError {
    BloxError(
      .structureMismatch,
      "the state has \(what): it belongs to another optimizer; make it with initialize(params) of the one that uses it")
  }

  /// Visits the count, the trees and the parts.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&count, "count")
    for index in trees.indices { try visitor.visit(&trees[index], .name(names[index])) }
    for index in parts.indices { try visitor.visit(&parts[index], .index(index)) }
  }

  /// The names of the trees and the number of parts.
  public var staticPart: StaticPart { StaticPart(names + ["\(parts.count)"]) }
}

extension OptimizerState: Sendable where Tree: Sendable {}

/// Adds updates to parameters.
///
/// - Throws: ``BloxError/Code/structureMismatch`` when the structures differ.
public func applyUpdates<Tree: TensorTree>(_ params: Tree, _ updates: Tree) throws -> Tree {
  // An update in a wider type, from a schedule or gradients of another precision, must not widen the parameter.
  try treeMap(params, updates) { try ($0 + $1).cast(to: $0.dtype) }
}

/// A number for each parameter, all the same.
func full<Tree: TensorTree>(like params: Tree, _ value: Double = 0) throws -> Tree {
  try treeMap(params) { path, tensor in
    guard tensor.dtype.isFloating else {
      throw BloxError(
        .gradientOfInteger,
        "an optimizer needs floating-point parameters; '\(path)' is \(tensor.type): pass the trainable half,"
          + " params.split().0")
    }
    return try Tensor.full(tensor.shape, value, dtype: tensor.dtype)
  }
}

/// `(1 - decay) * value + decay * average`, one step of a running mean.
func runningMean(_ average: Tensor, _ value: Tensor, decay: Double) throws -> Tensor {
  try (1 - decay) * value + decay * average
}

/// What a running mean that started at zero is divided by after some steps: `1 - decay^count`, `f32[]`.
func startCorrection(_ decay: Double, after count: Tensor) throws -> Tensor {
  try 1 - pow(decay, count.cast(to: .f32))
}
