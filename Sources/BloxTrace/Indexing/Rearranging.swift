// Functions that reorder, repeat and cut tensors along axes, as NumPy names them.

import BloxIR

extension Tensor {
  /// The elements in opposite order along axes, all by default (`jnp.flip`).
  public func flip(_ axes: [Int]? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let axes =
        try axes.map { try $0.map { try Tensor.normalizedAxis($0, rank: rank, for: "flip") } } ?? Array(0..<rank)
      return try Tensor.apply(.indexing(.reverse(axes: axes)), self)
    }
  }

  /// The elements moved along an axis by `shift` places, those that leave at the end entering at the start
  /// (`jnp.roll`); without an axis, the flattened tensor's.
  public func roll(_ shift: Int, axis: Int? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      guard let axis else { return try reshape([-1]).roll(shift, axis: 0).reshape(shape) }
      let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: "roll")
      let size = shape[normalized]
      guard size > 0 else { return self }
      let places = (shift % size + size) % size
      guard places > 0 else { return self }
      let cut = size - places
      return try concatenate(
        [slice(cut..<size, axis: normalized), slice(0..<cut, axis: normalized)], axis: normalized)
    }
  }

  /// Each element so many times in a row along an axis (`jnp.repeat`); without an axis, the flattened tensor's.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative count.
  public func repeated(_ count: Int, axis: Int? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      guard count >= 0 else {
        throw BloxError(.invalidArgument, "repeated: the count \(count) of \(type) must not be negative")
      }
      guard let axis else { return try reshape([-1]).repeated(count, axis: 0) }
      let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: "repeated")
      var (wide, result) = (shape, shape)
      wide.insert(count, at: normalized + 1)
      let (size, overflow) = shape[normalized].multipliedReportingOverflow(by: count)
      guard !overflow else { throw BloxError(.invalidShape, "repeated: \(count) times \(type) overflows") }
      result[normalized] = size
      return try expandDims(normalized + 1).broadcast(to: wide).reshape(result)
    }
  }

  /// The tensor so many times along each axis (`jnp.tile`); axes are added in front as needed.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative count.
  public func tile(_ counts: [Int], file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      guard counts.allSatisfy({ $0 >= 0 }) else {
        throw BloxError(.invalidArgument, "tile: the counts \(counts) of \(type) must not be negative")
      }
      let length = Swift.max(rank, counts.count)
      let sizes = Array(repeating: 1, count: length - rank) + shape
      let repetitions = Array(repeating: 1, count: length - counts.count) + counts
      var result: [Int] = []
      for (size, count) in zip(sizes, repetitions) {
        let (product, overflow) = size.multipliedReportingOverflow(by: count)
        guard !overflow else { throw BloxError(.invalidShape, "tile: \(counts) times \(type) overflows") }
        result.append(product)
      }
      // Each axis behind the one that counts its repetitions.
      let wide = zip(repetitions, sizes).flatMap { [$0, $1] }
      return try reshape(sizes.flatMap { [1, $0] }).broadcast(to: wide).reshape(result)
    }
  }

  /// Parts of one size along an axis (`jnp.split`).
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when the axis does not divide evenly.
  public func split(_ count: Int, axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> [Tensor] {
    try located(file, line) {
      let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: "split")
      guard count > 0, shape[normalized] % count == 0 else {
        throw BloxError(
          .invalidArgument, "split: axis \(normalized) of \(type) does not divide into \(count) parts of one size")
      }
      // An axis without elements divides into any number of parts.
      guard count <= Swift.max(shape[normalized], 1 << 20) else {
        throw BloxError(.invalidArgument, "split: \(count) parts of \(type) are too many")
      }
      let size = shape[normalized] / count
      return try (0..<count).map { try slice($0 * size..<($0 + 1) * size, axis: normalized) }
    }
  }

  /// Parts along an axis, cut before each of the given places (`jnp.split` with a list).
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` unless the places ascend and lie on the axis.
  public func split(at places: [Int], axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> [Tensor] {
    try located(file, line) {
      let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: "split")
      let ends = [0] + places + [shape[normalized]]
      guard zip(ends, ends.dropFirst()).allSatisfy({ $0 <= $1 }) else {
        throw BloxError(
          .invalidArgument,
          "split: the places \(places) must ascend between 0 and \(shape[normalized]), the size of axis \(normalized)")
      }
      return try zip(ends, ends.dropFirst()).map { try slice($0..<$1, axis: normalized) }
    }
  }

  /// The parts along an axis, which disappears (`jnp.unstack`).
  public func unstack(axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> [Tensor] {
    try located(file, line) {
      let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: "unstack")
      return try split(Swift.max(shape[normalized], 1), axis: normalized).prefix(shape[normalized])
        .map { try $0.squeeze([normalized]) }
    }
  }

  /// One axis moved to another place, the others in order (`jnp.moveaxis`).
  public func moveAxis(_ source: Int, to destination: Int, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let from = try Tensor.normalizedAxis(source, rank: rank, for: "moveAxis")
      let to = try Tensor.normalizedAxis(destination, rank: rank, for: "moveAxis")
      var order = Array(0..<rank)
      order.insert(order.remove(at: from), at: to)
      return try transpose(order)
    }
  }

  // MARK: Triangles and diagonals

  /// The last two axes with zeros above a diagonal (`jnp.tril`); `diagonal` 1 is the one above the main diagonal.
  public func tril(_ diagonal: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try triangle("tril", keepsLower: true, diagonal) }
  }

  /// The last two axes with zeros below a diagonal (`jnp.triu`).
  public func triu(_ diagonal: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try triangle("triu", keepsLower: false, diagonal) }
  }

  private func triangle(_ name: String, keepsLower: Bool, _ diagonal: Int) throws -> Tensor {
    guard rank >= 2 else { throw BloxError(.shapeMismatch, "\(name): needs at least two axes; got \(type)") }
    let matrix = Array(shape.suffix(2))
    // Diagonals further out than the matrix reaches are all the same, and far ones would overflow an i32.
    let offset = Swift.min(Swift.max(diagonal, -matrix[0] - 1), matrix[1] + 1)
    let rows = try Tensor.iota(matrix, axis: 0) + offset
    let columns = try Tensor.iota(matrix, axis: 1)
    let kept = keepsLower ? try columns .<= rows : try columns .>= rows
    return try select(try kept.broadcast(to: shape), self, Tensor.zeros(like: self))
  }

  /// A matrix with a vector on a diagonal, or a matrix's diagonal (`jnp.diag`).
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` for other ranks.
  public func diag(_ diagonal: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      switch rank {
      case 1:
        let (size, overflow) = count.addingReportingOverflow(diagonal == .min ? .max : abs(diagonal))
        guard !overflow else { throw BloxError(.invalidShape, "diag: the diagonal \(diagonal) of \(type) overflows") }
        let places = try Tensor.arange(count)
        let zeros = try Tensor.zeros([size, size], dtype: dtype)
        return try zeros.at[places + Swift.max(-diagonal, 0), places + Swift.max(diagonal, 0)].set(self)
      case 2: return try self.diagonal(diagonal)
      default: throw BloxError(.shapeMismatch, "diag: needs a vector or a matrix; got \(type)")
      }
    }
  }

  /// The elements of the first two axes with equal places, `offset` apart, as a last axis (`jnp.diagonal`).
  public func diagonal(_ offset: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      guard rank >= 2 else { throw BloxError(.shapeMismatch, "diagonal: needs at least two axes; got \(type)") }
      let limit = Swift.max(shape[0], shape[1])
      let offset = Swift.min(Swift.max(offset, -limit), limit)
      let (row, column) = (Swift.max(-offset, 0), Swift.max(offset, 0))
      let length = Swift.max(0, Swift.min(shape[0] - row, shape[1] - column))
      let last = rank == 2 ? [] : Array(2..<rank)
      let places = try Tensor.arange(length)
      let elements: Tensor
      if length == 0 {
        elements = try Tensor.zeros([0] + shape.dropFirst(2), dtype: dtype)
      } else {
        elements = try self[places + row, places + column]
      }
      return try elements.transpose(last.map { $0 - 1 } + [0])
    }
  }

  /// The matrices of two axes turned by so many quarter turns, from the first axis towards the second (`jnp.rot90`).
  public func rot90(_ turns: Int = 1, axes: (Int, Int) = (0, 1), file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      let first = try Tensor.normalizedAxis(axes.0, rank: rank, for: "rot90")
      let second = try Tensor.normalizedAxis(axes.1, rank: rank, for: "rot90")
      guard first != second else {
        throw BloxError(.invalidAxis, "rot90: the axes \(axes.0) and \(axes.1) of \(type) must differ")
      }
      switch (turns % 4 + 4) % 4 {
      case 1: return try flip([second]).swapAxes(first, second)
      case 2: return try flip([first, second])
      case 3: return try swapAxes(first, second).flip([second])
      default: return self
      }
    }
  }

  // MARK: Places of elements

  /// The places of elements that are not zero along each axis, in row-major order: `size` of them, and `fill` where there
  /// are fewer (`jnp.nonzero` with a size, which a program needs to know beforehand).
  public func nonzero(size: Int, fill: Int = 0, file: String = #fileID, line: Int = #line) throws -> [Tensor] {
    try located(file, line) {
      guard size >= 0 else { throw BloxError(.invalidArgument, "nonzero: the size \(size) must not be negative") }
      let isNonzero = dtype == .bool ? self : try self .!= 0
      let flat = try isNonzero.reshape([-1])
      let element = flat.count
      // How many come before each element: where it goes, if it is not zero.
      let ones = try flat.cast(to: .i32)
      let before = try ones.cumsum(axis: 0) - ones
      let numbers = try Tensor.arange(element)
      let slots = try select(flat, before, Tensor(shape: [], scalars: [size], dtype: .i32).broadcast(to: [element]))
      let chosen = try Tensor.full([size], -1, dtype: .i32).at[slots].set(numbers)
      var inner = element
      return try shape.map { length in
        inner = length == 0 ? 0 : inner / length
        let divisor = try Tensor(shape: [], scalars: [Swift.max(inner, 1)], dtype: .i32)
        let place = try floorDivide(chosen, divisor) % Swift.max(length, 1)
        return try select(chosen .< 0, Tensor(shape: [], scalars: [fill], dtype: .i32).broadcast(to: [size]), place)
      }
    }
  }
}

/// Coordinates of the points of a grid: one tensor for each vector, which varies along its own axis (`jnp.meshgrid`).
///
/// - Parameter indexing: ``GridIndexing/xy`` lets the first vector vary along axis 1 and the second along axis 0, as in
///   plots; ``GridIndexing/ij`` each along its own axis.
/// - Throws: ``BloxError/Code/shapeMismatch`` when an argument is no vector.
public func meshgrid(_ vectors: [Tensor], indexing: GridIndexing = .xy, file: String = #fileID, line: Int = #line)
  throws -> [Tensor]
{
  try located(file, line) {
    guard vectors.allSatisfy({ $0.rank <= 1 }) else {
      let types = vectors.map(\.type.description).joined(separator: ", ")
      throw BloxError(.shapeMismatch, "meshgrid: needs vectors; got \(types)")
    }
    let lengths = vectors.map(\.count)
    let swaps = indexing == .xy && vectors.count >= 2
    var shape = lengths
    if swaps { shape.swapAt(0, 1) }
    return try vectors.enumerated().map { index, vector in
      var sizes = shape.map { _ in 1 }
      sizes[swaps && index < 2 ? 1 - index : index] = vector.count
      return try vector.reshape(sizes).broadcast(to: shape)
    }
  }
}

/// Which axis the first vector of ``meshgrid(_:indexing:)`` varies along.
public enum GridIndexing: Sendable {
  /// The second axis: x goes to the right.
  case xy
  /// The first axis.
  case ij
}

/// Sums of the elements of each segment: element `i` of `values` belongs to segment `segments[i]`
/// (`jax.ops.segment_sum`). Segments outside are left out.
///
/// - Throws: ``BloxError/Code/shapeMismatch`` unless there is a segment for each element of the first axis.
public func segmentSum(_ values: Tensor, _ segments: Tensor, count: Int, file: String = #fileID, line: Int = #line)
  throws -> Tensor
{
  try located(file, line) {
    try segmented(values, segments, count, .add, start: Literal(0, as: values.dtype), "segmentSum")
  }
}

/// The largest elements of each segment (`jax.ops.segment_max`); the least value of the dtype for empty ones.
public func segmentMax(_ values: Tensor, _ segments: Tensor, count: Int, file: String = #fileID, line: Int = #line)
  throws -> Tensor
{
  try located(file, line) {
    try segmented(values, segments, count, .max, start: values.dtype.lowest, "segmentMax")
  }
}

/// The smallest elements of each segment (`jax.ops.segment_min`); the greatest value of the dtype for empty ones.
public func segmentMin(_ values: Tensor, _ segments: Tensor, count: Int, file: String = #fileID, line: Int = #line)
  throws -> Tensor
{
  try located(file, line) {
    try segmented(values, segments, count, .min, start: values.dtype.highest, "segmentMin")
  }
}

private func segmented(
  _ values: Tensor, _ segments: Tensor, _ count: Int, _ kind: Op.ScatterKind, start: Literal, _ name: String
) throws -> Tensor {
  guard values.rank > 0, segments.rank == 1, segments.count == values.shape[0] else {
    throw BloxError(
      .shapeMismatch,
      "\(name): needs a segment for each element of the first axis; got \(values.type), \(segments.type)")
  }
  guard count >= 0 else { throw BloxError(.invalidArgument, "\(name): the count \(count) must not be negative") }
  guard segments.dtype.isInteger else {
    throw BloxError(.dtypeMismatch, "\(name): segments must be integers; got \(segments.type)")
  }
  let empty = try Tensor(scalar: start).broadcast(to: [count] + values.shape.dropFirst())
  let dims = Op.ScatterDimensions(
    windowDims: Array(1..<values.rank), insertedDims: [0], indexMap: [0], mode: .fillOrDrop)
  return try empty.scatter(kind, segments.expandDims(-1), values, dims)
}

extension DType {
  /// The identity of a maximum: negative infinity, the least integer, or false.
  fileprivate var lowest: Literal {
    switch kind {
    case .floating: Literal(-Double.infinity, as: self)
    case .signed: Literal(dtype: self, bits: 1 << UInt64(bitWidth - 1))
    case .unsigned, .boolean, .key: Literal(dtype: self, bits: 0)
    }
  }

  /// The identity of a minimum: infinity, the greatest integer, or true.
  fileprivate var highest: Literal {
    switch kind {
    case .floating: Literal(Double.infinity, as: self)
    case .signed: Literal(dtype: self, bits: (1 << UInt64(bitWidth - 1)) - 1)
    case .unsigned, .key: Literal(dtype: self, bits: bitWidth == 64 ? .max : (1 << UInt64(bitWidth)) - 1)
    case .boolean: Literal(1, as: .bool)
    }
  }
}
