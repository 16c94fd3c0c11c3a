// What may stand between the brackets of `x[…]`.

import BloxIR

/// One part of an index, as in NumPy: an integer, a range, a tensor of integers or of `bool`, a new axis, or an ellipsis.
///
/// ```swift
/// let x = try Tensor.arange(24).reshape([2, 3, 4])
/// let row = try x[0, 1]                        // i32[4]
/// let part = try x[0..., 1..<3, -1]            // i32[2,2]
/// let column = try x[.ellipsis, nil, 0]        // i32[2,3,1]
/// let backwards = try x[.stride(by: -1)]       // the first axis in opposite order
/// ```
public protocol TensorIndexing {
  /// The part of the index.
  var tensorIndex: TensorIndex { get }
}

/// One part of an index; see ``TensorIndexing``.
public enum TensorIndex: TensorIndexing, Sendable {
  /// The element at a place along an axis, which disappears; negative places count from the end.
  case at(Int)
  /// Every `by`-th element from one place up to another, which is not included; negative places count from the end, and
  /// places outside count as the nearest end. With a negative step it goes from the end to the start.
  case range(from: Int?, to: Int?, by: Int)
  /// An axis of size 1.
  case newAxis
  /// All axes that the rest of the index does not speak of.
  case ellipsis
  /// Elements at the places that a tensor of integers holds, or where a tensor of `bool` is true.
  case tensor(Tensor)

  /// This as a part of an index.
  public var tensorIndex: TensorIndex { self }
}

extension Optional where Wrapped == any TensorIndexing {
  /// All axes that the rest of the index does not speak of.
  public static var ellipsis: Self { .some(TensorIndex.ellipsis) }
  /// An axis of size 1; the same as `nil`.
  public static var newAxis: Self { nil }
  /// Every `by`-th element of a range: NumPy's `start:stop:step`.
  public static func stride(from: Int? = nil, to: Int? = nil, by: Int) -> Self {
    .some(TensorIndex.range(from: from, to: to, by: by))
  }
}

extension Int: TensorIndexing {
  /// This as a part of an index.
  public var tensorIndex: TensorIndex { .at(self) }
}

extension Range<Int>: TensorIndexing {
  /// This as a part of an index.
  public var tensorIndex: TensorIndex { .range(from: lowerBound, to: upperBound, by: 1) }
}

extension ClosedRange<Int>: TensorIndexing {
  /// This as a part of an index.
  public var tensorIndex: TensorIndex { .range(from: lowerBound, to: upperBound == .max ? nil : upperBound + 1, by: 1) }
}

extension PartialRangeFrom<Int>: TensorIndexing {
  /// This as a part of an index.
  public var tensorIndex: TensorIndex { .range(from: lowerBound, to: nil, by: 1) }
}

extension PartialRangeUpTo<Int>: TensorIndexing {
  /// This as a part of an index.
  public var tensorIndex: TensorIndex { .range(from: nil, to: upperBound, by: 1) }
}

extension PartialRangeThrough<Int>: TensorIndexing {
  /// This as a part of an index.
  public var tensorIndex: TensorIndex { .range(from: nil, to: upperBound == .max ? nil : upperBound + 1, by: 1) }
}

extension Tensor: TensorIndexing {
  /// This as a part of an index.
  public var tensorIndex: TensorIndex { .tensor(self) }
}

/// What happens to places outside a tensor when tensors of integers say them.
public enum OutOfBounds: Sendable {
  /// Reading takes the nearest element; writing writes to it.
  case clip
  /// Reading gives NaN for floating-point numbers, the least signed, largest unsigned number, or `true`; writing does
  /// nothing.
  case fillOrDrop
  /// They count modulo the size of the axis.
  case wrap
}

/// An index that has been checked against a shape.
///
/// Ranges become windows of their axes; integers beside tensors become tensors without axes, as in NumPy.
struct ResolvedIndex {
  /// A window of an axis: `count` elements from `start`, `step` apart.
  struct Window: Equatable {
    var start: Int
    var count: Int
    var step: Int
  }

  /// What an axis of the result comes from.
  enum ResultAxis: Equatable {
    case kept(axis: Int)
    case new
    /// The axes of the index tensors, all in this place.
    case tensors
  }

  /// Per axis of the operand, its window; of size 1 for axes that integers or tensors index.
  var windows: [Window]
  /// The index tensors with their axes, in order.
  var tensors: [(axis: Int, places: Tensor)] = []
  /// The axes that single integers index, when there are no tensors.
  var dropped: [Int] = []
  var layout: [ResultAxis] = []

  init(_ parts: [(any TensorIndexing)?], of shape: [Int], outside: OutOfBounds?) throws {
    var items = parts.map { $0?.tensorIndex ?? .newAxis }
    windows = shape.map { Window(start: 0, count: $0, step: 1) }
    let hasTensors = items.contains { if case .tensor = $0 { true } else { false } }
    items = try ResolvedIndex.expanded(items, rank: shape.count, shape)
    var axis = 0
    for item in items {
      switch item {
      case .newAxis: layout.append(.new)
      case .range(let from, let to, let by):
        windows[axis] = try ResolvedIndex.window(from, to, by, size: shape[axis])
        layout.append(.kept(axis: axis))
        axis += 1
      case .at(let place):
        let position = try ResolvedIndex.position(place, axis: axis, shape)
        if hasTensors {
          addTensor(try Tensor(shape: [], scalars: [position], dtype: .i32), axis)
        } else {
          windows[axis] = Window(start: position, count: 1, step: 1)
          dropped.append(axis)
        }
        axis += 1
      case .tensor(let places):
        addTensor(try places.places(size: shape[axis], outside), axis)
        axis += 1
      case .ellipsis: break
      }
    }
    // Tensors apart from each other put their axes first.
    let places = layout.indices.filter { layout[$0] == .tensors }
    if let first = places.first, let last = places.last, last - first != places.count - 1 {
      layout = [.tensors] + layout.filter { $0 != .tensors }
    } else if let first = places.first {
      layout = layout.enumerated().filter { $0.element != .tensors || $0.offset == first }.map(\.element)
    }
  }

  private mutating func addTensor(_ places: Tensor, _ axis: Int) {
    tensors.append((axis, places))
    layout.append(.tensors)
  }

  /// With ranges for the ellipsis and for axes at the end that nothing is said of, and integers for masks.
  private static func expanded(_ items: [TensorIndex], rank: Int, _ shape: [Int]) throws -> [TensorIndex] {
    var result: [TensorIndex] = []
    var used = 0
    // Masks behind an ellipsis go with axes counted from the end.
    let total = items.reduce(0) { $0 + $1.axisCount }
    var isBehindEllipsis = false
    for item in items {
      if item.isEllipsis { isBehindEllipsis = true }
      guard case .tensor(let mask) = item, mask.dtype == .bool else {
        result.append(item)
        used += item.axisCount
        continue
      }
      guard mask.rank > 0, used + mask.rank <= rank || items.contains(where: { $0.isEllipsis }) else {
        throw BloxError(.invalidArgument, "index: the mask \(mask.type) has no axes of \(shape) to go with")
      }
      if total <= rank {
        let sizes = Array(shape.dropFirst(isBehindEllipsis ? used + rank - total : used).prefix(mask.rank))
        guard mask.shape == sizes else {
          throw BloxError(
            .shapeMismatch, "index: the mask \(mask.type) goes with axes of the sizes \(sizes) of \(shape)")
        }
      }
      result += try mask.placesOfTrue().map { .tensor($0) }
      used += item.axisCount
    }
    let count = result.count { $0.isEllipsis }
    guard count <= 1 else {
      throw BloxError(.invalidArgument, "index: an index has one ellipsis at most; got \(count)")
    }
    guard used <= rank else {
      throw BloxError(.invalidArgument, "index: \(used) indices for the \(rank) axes of \(shape)")
    }
    let rest = Array(repeating: TensorIndex.range(from: nil, to: nil, by: 1), count: rank - used)
    if let place = result.firstIndex(where: \.isEllipsis) {
      result.replaceSubrange(place...place, with: rest)
    } else {
      result += rest
    }
    return result
  }

  private static func position(_ place: Int, axis: Int, _ shape: [Int]) throws -> Int {
    let position = place < 0 ? place + shape[axis] : place
    guard position >= 0, position < shape[axis] else {
      throw BloxError(
        .invalidArgument, "index: \(place) is out of range for axis \(axis) of size \(shape[axis]) of \(shape)")
    }
    return position
  }

  /// Python's rules for `start:stop:step`.
  private static func window(_ from: Int?, _ to: Int?, _ by: Int, size: Int) throws -> Window {
    guard by != 0, by != .min else { throw BloxError(.invalidArgument, "index: the step of a range must not be \(by)") }
    func end(_ place: Int?, _ standard: Int, _ low: Int, _ high: Int) -> Int {
      guard let place else { return standard }
      let position = place < 0 ? Swift.max(place, -size - 1) + size : place
      return Swift.min(Swift.max(position, low), high)
    }
    if by > 0 {
      let (start, stop) = (end(from, 0, 0, size), end(to, size, 0, size))
      return Window(start: start, count: start < stop ? (stop - start - 1) / by + 1 : 0, step: by)
    }
    let (start, stop) = (end(from, size - 1, -1, size - 1), end(to, -1, -1, size - 1))
    return Window(start: start, count: start > stop ? (start - stop - 1) / -by + 1 : 0, step: by)
  }
}

extension TensorIndex {
  fileprivate var isEllipsis: Bool { if case .ellipsis = self { true } else { false } }

  /// How many axes it takes.
  fileprivate var axisCount: Int {
    switch self {
    case .tensor(let tensor): tensor.dtype == .bool ? tensor.rank : 1
    case .at, .range: 1
    case .newAxis, .ellipsis: 0
    }
  }
}

extension Tensor {
  /// Places with negative ones counted from the end of an axis, or all modulo its size.
  func places(size: Int, _ outside: OutOfBounds?) throws -> Tensor {
    guard outside == .wrap, dtype.isInteger, size > 0 else { return try wrappedPlaces(size: size) }
    let wide = dtype.bitWidth < 32 ? try cast(to: .i32) : self
    return try mod(wide, Tensor(shape: [], scalars: [size], dtype: wide.dtype))
  }

  /// Places with negative ones counted from the end of an axis.
  func wrappedPlaces(size: Int) throws -> Tensor {
    guard dtype.isInteger else {
      throw BloxError(.dtypeMismatch, "index: places must be integers or bool; got \(type)")
    }
    guard dtype.kind == .signed else { return self }
    // A narrow dtype may not hold the size.
    let wide = dtype.bitWidth < 32 ? try cast(to: .i32) : self
    guard size <= (wide.dtype == .i32 ? Int(Int32.max) : Int.max) else {
      return try cast(to: .i64).wrappedPlaces(size: size)
    }
    return try select(wide .< 0, wide + size, wide)
  }

  /// The places of true elements of a mask along each of its axes.
  func placesOfTrue() throws -> [Tensor] {
    guard !isTraced else {
      throw BloxError(
        .concretization,
        "index: how many elements of a traced mask \(type) are true is not known; use select, or nonzero(size:)")
    }
    let mask = try scalars(as: Bool.self)
    let positions = mask.indices.filter { mask[$0] }
    var inner = mask.count
    return try shape.map { size in
      inner /= Swift.max(size, 1)
      return try Tensor(
        shape: [positions.count], scalars: positions.map { $0 / Swift.max(inner, 1) % Swift.max(size, 1) }, dtype: .i32)
    }
  }
}
