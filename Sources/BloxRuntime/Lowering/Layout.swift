// Strides: how an index becomes a position in memory.

/// Strides in elements of a dense row-major array.
func denseStrides(_ shape: [Int]) -> [Int] {
  var strides = Array(repeating: 1, count: shape.count)
  for dim in stride(from: shape.count - 2, through: 0, by: -1) { strides[dim] = strides[dim + 1] * shape[dim + 1] }
  return strides
}

/// A dimension with its strides in one or more arrays.
struct StridedDimension: Equatable {
  var size: Int
  var strides: [Int]
}

/// The same iteration with as few dimensions as possible: size 1 disappears, neighbours that are one run in every
/// array merge.
func collapse(_ dims: [StridedDimension]) -> [StridedDimension] {
  var result: [StridedDimension] = []
  for dim in dims where dim.size != 1 {
    if let last = result.last, zip(last.strides, dim.strides).allSatisfy({ $0 == $1 * dim.size }) {
      result[result.count - 1] = StridedDimension(size: last.size * dim.size, strides: dim.strides)
    } else {
      result.append(dim)
    }
  }
  return result
}

/// A window on a dense buffer: element `i` of the view is `buffer[offset + i * strides]`.
struct View {
  var shape: [Int]
  var strides: [Int]
  var offset = 0

  /// A whole buffer.
  init(dense shape: [Int]) {
    self.shape = shape
    strides = denseStrides(shape)
  }

  var elementCount: Int { shape.reduce(1, *) }

  var collapsed: [StridedDimension] {
    collapse(zip(shape, strides).map { StridedDimension(size: $0, strides: [$1]) })
  }

  /// Whether the elements lie one after the other from `offset` on.
  var isDense: Bool {
    let dims = collapsed
    return dims.isEmpty || (dims.count == 1 && dims[0].strides == [1]) || elementCount == 0
  }

  /// The length of the dense row that the view consists of again and again; `nil` when it does not.
  var repeatedRow: Int? {
    let dims = collapsed
    return dims.count == 2 && dims[0].strides == [0] && dims[1].strides == [1] ? dims[1].size : nil
  }

  func broadcast(to result: [Int], dims: [Int]) -> View {
    var view = View(dense: result)
    view.offset = offset
    view.strides = Array(repeating: 0, count: result.count)
    for (source, target) in dims.enumerated() where shape[source] != 1 { view.strides[target] = strides[source] }
    return view
  }

  func transposed(_ permutation: [Int]) -> View {
    var view = self
    view.shape = permutation.map { shape[$0] }
    view.strides = permutation.map { strides[$0] }
    return view
  }

  func sliced(starts: [Int], shape result: [Int], steps: [Int]) -> View {
    var view = self
    view.shape = result
    for dim in shape.indices {
      view.offset += starts[dim] * strides[dim]
      // Where there is one element, a step of any size, even one beyond memory, leads nowhere.
      if result[dim] > 1 { view.strides[dim] *= steps[dim] }
    }
    return view
  }

  /// The view under another shape, or `nil` when that needs a copy. Each new dimension must divide a run of
  /// mergeable old ones.
  func reshaped(_ result: [Int]) -> View? {
    var view = View(dense: result)
    view.offset = offset
    if elementCount == 0 { return view }
    let runs = collapsed
    var dim = result.count - 1
    for run in runs.reversed() {
      var (left, stride) = (run.size, run.strides[0])
      while left > 1 {
        guard dim >= 0, left % result[dim] == 0 else { return nil }
        view.strides[dim] = stride
        stride *= result[dim]
        left /= result[dim]
        dim -= 1
      }
    }
    // What is left over has size 1.
    return view
  }
}
