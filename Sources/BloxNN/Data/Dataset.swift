// Data sets: examples along the first axis of every tensor of a tree.

import BloxIR
import BloxRuntime
import BloxTrace

/// Examples to train or test on: a tree of tensors whose first axes are all the examples.
///
/// ```swift
/// let data = try Dataset(["images": images, "labels": labels])       // f32[60000,28,28] and i32[60000]
/// let (training, test) = try data.split(testFraction: 0.2, shuffledBy: Key(0))
/// var batches = try training.batches(of: 32, shuffledBy: Key(1), epochs: 10)
/// while let batch = try batches.next() { step(batch.examples) }       // f32[32,28,28] and i32[32]
/// ```
///
/// Use your own struct for `Examples` to have names that the compiler checks; see `TensorTree`.
public struct Dataset<Examples: TensorTree & Sendable>: Sendable {
  /// The number of examples.
  public let count: Int
  /// The structure with the types of all examples, and no elements.
  private let prototype: Examples
  /// The elements of each tensor.
  private let columns: [DenseConstant]

  /// A data set of tensors with the same size of the first axis; the tensors must not be traced.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` for a scalar, for tensors of different lengths, or for none at all.
  public init(_ examples: Examples) throws {
    let tensors = try examples.tensors()
    let names = try examples.leafPaths()
    for (name, tensor) in zip(names, tensors) where tensor.rank == 0 {
      throw BloxError(
        .shapeMismatch, "Dataset: '\(name)' is a scalar, \(tensor.type); its first axis must be the examples")
    }
    guard let first = tensors.first else { throw BloxError(.shapeMismatch, "Dataset: there is no tensor") }
    for (name, tensor) in zip(names, tensors) where tensor.shape[0] != first.shape[0] {
      throw BloxError(
        .shapeMismatch,
        "Dataset: '\(names[0])' has \(first.shape[0]) examples, and '\(name)' of type \(tensor.type) has"
          + " \(tensor.shape[0])")
    }
    count = first.shape[0]
    columns = try tensors.map { try $0.constant() }
    prototype = try treeMap(examples) { .abstract($0.type) }
  }

  private init(count: Int, columns: [DenseConstant], prototype: Examples) {
    (self.count, self.columns, self.prototype) = (count, columns, prototype)
  }

  /// The examples at some positions, in their order; a position may occur more than once.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a position that is not in `0 ..< count`.
  public func examples(at positions: [Int]) throws -> Examples {
    if let wrong = positions.first(where: { $0 < 0 || $0 >= count }) {
      throw BloxError(.invalidArgument, "Dataset: there is no example \(wrong); there are \(count)")
    }
    var next = columns.makeIterator()
    return try treeMap(prototype) { tensor in
      guard let column = next.next() else { return tensor }
      return try Self.rows(of: column, positions)
    }
  }

  /// All examples in order.
  public func examples() throws -> Examples { try examples(at: Array(0..<count)) }

  private static func rows(of column: DenseConstant, _ positions: [Int]) throws -> Tensor {
    let type = column.type.with(shape: [positions.count] + column.type.shape.dropFirst())
    try type.validate("Dataset: a batch")
    let storage = try Storage(byteCount: type.byteCount)
    let width = column.type.shape[0] == 0 ? 0 : column.type.byteCount / column.type.shape[0]
    if width > 0 {
      storage.withUnsafeMutableBytes { target in
        column.bytes.withUnsafeBytes { source in
          for (row, position) in positions.enumerated() {
            let bytes = UnsafeRawBufferPointer(rebasing: source[position * width..<(position + 1) * width])
            UnsafeMutableRawBufferPointer(rebasing: target[row * width..<(row + 1) * width]).copyMemory(from: bytes)
          }
        }
      }
    }
    return Tensor(type: type, storage: storage)
  }

  /// The data set with only the examples at some positions.
  ///
  /// - Throws: As ``examples(at:)``.
  public func selecting(_ positions: [Int]) throws -> Dataset { try Dataset(examples(at: positions)) }

  /// Two data sets: one to train with, and one to test on.
  ///
  /// - Parameters:
  ///   - testFraction: The part of the examples to test on, from 0 to 1; their number is rounded to the nearest.
  ///   - key: What decides which; without, the last ones in order.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a fraction outside 0 to 1.
  public func split(testFraction: Double, shuffledBy key: Key? = nil) throws -> (training: Dataset, test: Dataset) {
    guard (0...1).contains(testFraction) else {
      throw BloxError(.invalidArgument, "split: the test fraction \(testFraction) is not from 0 to 1")
    }
    let order = try key.map { try $0.permutation(count) } ?? Array(0..<count)
    let trainingCount = count - Int((Double(count) * testFraction).rounded())
    return (try selecting(Array(order[..<trainingCount])), try selecting(Array(order[trainingCount...])))
  }
}

extension Dataset where Examples == [String: Tensor] {
  /// The named arrays of an `.npz` or `.safetensors` file.
  ///
  /// - Throws: ``BloxError/Code/file``, and as ``init(_:)``.
  public init(contentsOf path: String) throws {
    try self.init(Dictionary(uniqueKeysWithValues: TensorFile.load(path).map { ($0.name, $0.tensor) }))
  }
}
