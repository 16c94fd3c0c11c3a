// Ops on windows: for each window the list of the elements under it, in the order of the taps.

import BloxIR

extension ReferenceInterpreter {
  static func window(_ op: Op.WindowOp, _ x: [DenseConstant], to type: TensorType) -> DenseConstant {
    switch op {
    case .reduce(let kind, let window):
      let elements = elements(under: window, of: x[0].type.shape, windows: type.shape)
      if window.hasOneTap {
        return gather(x[0], at: elements.map(\.first), to: type, otherwise: kind.identity(type.dtype))
      }
      return fold(kind.binary, from: kind.identity(type.dtype), elements, of: x[0], to: type)
    case .selectAndGatherAdd(let selection, let window):
      let elements = elements(under: window, of: x[1].type.shape, windows: type.shape)
      let selected = selection.selected(among: elements, of: x[1])
      return gather(x[0], at: selected, to: type, otherwise: Literal(0, as: type.dtype))
    case .selectAndScatterAdd(let selection, let window):
      let elements = elements(under: window, of: type.shape, windows: x[0].type.shape)
      var received = Array(repeating: [Int](), count: type.elementCount)
      for (index, element) in selection.selected(among: elements, of: x[1]).enumerated() {
        if let element { received[element].append(index) }
      }
      return fold(.add, from: Literal(0, as: type.dtype), received, of: x[0], to: type)
    }
  }

  /// The offsets of the elements under each window.
  private static func elements(under window: Op.Window, of shape: [Int], windows: [Int]) -> [[Int]] {
    let strides = strides(shape)
    var lists: [[Int]] = [[0]]
    for (dim, dimension) in window.dimensions.enumerated() {
      // Taps on padding are as many as anyone says; those on elements are at most as many as the elements.
      let along = (0..<windows[dim]).map { index in
        dimension.elements(under: index, of: shape[dim]).map { $0 * strides[dim] }
      }
      lists = lists.flatMap { outer in along.map { inner in outer.flatMap { a in inner.map { a + $0 } } } }
    }
    return lists
  }

  /// The elements at offsets, and another where there is no offset.
  private static func gather(
    _ x: DenseConstant, at offsets: [Int?], to type: TensorType, otherwise: Literal
  ) -> DenseConstant {
    DenseConstant(type: type, elements: offsets.map { offset in offset.map { x[$0] } ?? otherwise })
  }

  /// For each list the elements that it names, combined one after the other: first the first ones of all lists, then the
  /// second ones, and so on.
  private static func fold(
    _ op: Op.Binary, from start: Literal, _ lists: [[Int]], of x: DenseConstant, to type: TensorType
  ) -> DenseConstant {
    var results = Array(repeating: start, count: lists.count)
    for round in 0..<(lists.map(\.count).max() ?? 0) {
      let longer = lists.indices.filter { lists[$0].count > round }
      let part = TensorType(type.dtype, [longer.count])
      let combined = binary(
        op, DenseConstant(type: part, elements: longer.map { results[$0] }),
        gather(x, at: longer.map { lists[$0][round] }, to: part))
      for (position, index) in longer.enumerated() { results[index] = combined[position] }
    }
    return DenseConstant(type: type, elements: results)
  }
}

extension Op.WindowSelection {
  /// The offset of the selected element of each list; `nil` for empty ones.
  fileprivate func selected(among lists: [[Int]], of x: DenseConstant) -> [Int?] {
    let numbers = x.doubles
    return lists.map { list in
      guard var best = list.first else { return nil }
      for offset in list.dropFirst() {
        let isKept = self == .max ? numbers[best] >= numbers[offset] : numbers[best] <= numbers[offset]
        if !isKept { best = offset }
      }
      return best
    }
  }
}
