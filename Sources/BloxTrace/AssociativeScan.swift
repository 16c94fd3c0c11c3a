// Prefix sums of any associative operation, in logarithmic depth.

import BloxIR

/// All prefixes of a sequence combined by an associative operation: element `i` of the result is that of the elements
/// up to `i`.
///
/// ```swift
/// let running = try associativeScan(x) { a, b in try a * b }      // cumulative products
/// ```
///
/// Pairs of neighbours are combined, the prefixes of the pairs are found in the same way, and those of the elements in
/// between follow (Blelloch, "Prefix sums and their applications", 1990): about twice the work of a loop, in
/// `log2 n` steps instead of `n`, each over whole tensors.
///
/// - Parameters:
///   - xs: Trees whose tensors have the sequence along an axis.
///   - axis: That axis; negative axes count from the end.
///   - reverse: Whether prefixes start at the other end.
///   - combine: The operation, elementwise along the axis: it is given parts of the sequence, of equal lengths.
/// - Throws: ``BloxError/Code/shapeMismatch`` for lengths that differ, ``BloxError/Code/structureMismatch`` when
///   `combine` returns other types than it is given, or what it throws.
public func associativeScan<Tree: TensorTree>(
  _ xs: Tree, axis: Int = 0, reverse: Bool = false, file: String = #fileID, line: Int = #line,
  _ combine: (Tree, Tree) throws -> Tree
) throws -> Tree {
  let location = SourceLocation(file: file, line: line)
  let tensors = try xs.tensors()
  let axes = try tensors.map { try Tensor.normalizedAxis(axis, rank: $0.rank, for: "associativeScan") }
  let sizes = zip(tensors, axes).map { $0.shape[$1] }
  guard let count = sizes.first else { return xs }
  guard sizes.allSatisfy({ $0 == count }) else {
    let labels = try xs.leafLabels(root: "xs")
    let list = zip(labels, zip(tensors, sizes)).map { "'\($0.label.text)' of type \($1.0.type) has \($1.1)" }
    throw BloxError(
      .shapeMismatch,
      "associativeScan: the sequence must have one length in all tensors: \(list.joined(separator: ", "))",
      location: location)
  }
  return try withoutActuallyEscaping(combine) { combine in
    try PrefixScan(axes: axes, isReversed: reverse, location: location, combine: combine).prefixes(xs, count: count)
  }
}

/// The recursion. From the other end it is the same with positions counted from there; tensors stay as they are.
private struct PrefixScan<Tree: TensorTree> {
  /// The axis of each tensor.
  let axes: [Int]
  let isReversed: Bool
  let location: SourceLocation
  let combine: (Tree, Tree) throws -> Tree

  private func combined(_ a: Tree, _ b: Tree) throws -> Tree {
    let result = try combine(a, b)
    try expectSameTypes(
      a, result, root: "xs", "associativeScan: combine must return the structure and types that it is given",
      first: "given", second: "returned", location)
    return result
  }

  /// The prefixes of `count` elements.
  func prefixes(_ xs: Tree, count: Int) throws -> Tree {
    if count < 2 { return xs }
    let (evenCount, oddCount) = ((count + 1) / 2, count / 2)
    let pairs = try combined(try every(2, of: xs, from: 0, oddCount), try every(2, of: xs, from: 1, oddCount))
    // Prefixes that end at 1, 3, 5, …; and from them those that end at 2, 4, ….
    let odd = try prefixes(pairs, count: oddCount)
    var even = try every(1, of: xs, from: 0, 1)
    if evenCount > 1 {
      let later = try combined(
        try every(1, of: odd, from: 0, evenCount - 1), try every(2, of: xs, from: 2, evenCount - 1))
      even = try joined(even, later)
    }
    var rest = axes[...]
    return try treeMap(even, odd) { try interleaved($0, $1, axis: rest.removeFirst()) }
  }

  /// `count` elements from a position on, with a step between them.
  private func every(_ step: Int, of tree: Tree, from start: Int, _ count: Int) throws -> Tree {
    var rest = axes[...]
    return try treeMap(tree) { try part(of: $0, start, count, step: step, axis: rest.removeFirst()) }
  }

  private func part(of x: Tensor, _ start: Int, _ count: Int, step: Int = 1, axis: Int) throws -> Tensor {
    let extent = count == 0 ? 0 : (count - 1) * step + 1
    let first = isReversed ? x.shape[axis] - start - extent : start
    var slice = Op.Slice(starts: x.shape.map { _ in 0 }, limits: x.shape)
    slice.starts[axis] = first
    slice.limits[axis] = first + extent
    slice.strides[axis] = step
    return try Tensor.apply(.slice(slice), x)
  }

  private func joined(_ first: Tree, _ second: Tree) throws -> Tree {
    var rest = axes[...]
    return try treeMap(first, second) {
      try concatenate(isReversed ? [$1, $0] : [$0, $1], axis: rest.removeFirst())
    }
  }

  /// Elements of two tensors in turns; the first has as many as the second or one more.
  private func interleaved(_ even: Tensor, _ odd: Tensor, axis: Int) throws -> Tensor {
    let count = odd.shape[axis]
    let paired = try part(of: even, 0, count, axis: axis)
    let pairs = try stack(isReversed ? [odd, paired] : [paired, odd], axis: axis + 1)
    var shape = odd.shape
    shape[axis] = 2 * count
    let both = try pairs.reshape(shape)
    if even.shape[axis] == count { return both }
    let last = try part(of: even, count, 1, axis: axis)
    return try concatenate(isReversed ? [last, both] : [both, last], axis: axis)
  }
}
