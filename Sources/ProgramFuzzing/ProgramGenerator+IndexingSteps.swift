// Steps that read and write at computed places, many of them outside.

import BloxIR

extension ProgramGenerator {
  mutating func reverse() throws {
    guard let x = any({ $0.rank > 0 }) else { return }
    try emit(.indexing(.reverse(axes: type(x).shape.indices.filter { _ in random.next() & 1 == 0 })), [x])
  }

  mutating func dynamicSlice() throws {
    guard let x = any({ _ in true }) else { return }
    let sizes = type(x).shape.map { $0 == 0 ? 0 : pick(0...$0) }
    let dtype = pickIndexDType()
    var starts: [Operand] = []
    for _ in sizes { starts.append(try value(TensorType(dtype, []), literals: dtype == .i32)) }
    if chance(2) {
      try emit(.indexing(.dynamicSlice(sizes: sizes)), [x] + starts)
    } else {
      let update = try value(type(x).with(shape: sizes), literals: false)
      try emit(.indexing(.dynamicUpdateSlice), [x, update] + starts)
    }
  }

  mutating func gather() throws {
    guard let (operands, dims) = try pickWindows() else { return }
    var all = operands
    if dims.mode == .fillOrDrop { all.append(try value(type(operands[0]).with(shape: []))) }
    try emit(.indexing(.gather(dims)), all)
  }

  mutating func scatter() throws {
    guard let (operands, dims) = try pickWindows() else { return }
    let fill = dims.mode == .fillOrDrop ? [type(operands[0]).with(shape: [])] : []
    let updates = try Op.indexing(.gather(dims)).resultTypes(for: operands.map { type($0) } + fill)[0]
    let op = Op.indexing(.scatter(pick(Op.ScatterKind.allCases), dims.scatter))
    guard (try? op.resultTypes(for: operands.map { type($0) } + [updates])) != nil else { return }
    try emit(op, operands + [value(updates, literals: false)])
  }

  private mutating func pickIndexDType() -> DType {
    let integers = options.dtypes.filter(\.isInteger)
    return integers.isEmpty || chance(2) ? .i32 : pick(integers)
  }

  /// An operand and indices with dimension numbers that go with them.
  private mutating func pickWindows() throws -> ([Operand], Op.GatherDimensions)? {
    guard let x = any({ $0.elementCount <= 5000 }) else { return nil }
    let shape = type(x).shape
    // Roles of the operand's dimensions: batch, mapped and gone, mapped, not mapped.
    let roles = shape.map { size in size == 0 ? 3 : pick([0, 1, 1, 2, 2, 3]) }
    let (batch, gone) = (shape.indices.filter { roles[$0] == 0 }, shape.indices.filter { roles[$0] == 1 })
    let mapped = shape.indices.filter { roles[$0] == 1 || roles[$0] == 2 }.shuffled(using: &random)
    let sizes = shape.indices.map { roles[$0] < 2 ? 1 : roles[$0] == 2 ? pick(0...shape[$0]) : shape[$0] }
    let free = (0..<pick(0...2)).map { _ in pick(0...3) }
    let order = (batch.map { shape[$0] } + free).enumerated().shuffled(using: &random)
    let vectors = TensorType(pickIndexDType(), order.map(\.element) + [mapped.count])
    let window = shape.indices.filter { roles[$0] >= 2 }
    let rank = order.count + window.count
    let offsets = Array(Array(0..<rank).shuffled(using: &random).prefix(window.count)).sorted()
    let dims = Op.GatherDimensions(
      offsetDims: offsets, collapsedDims: gone, operandBatchDims: batch,
      indicesBatchDims: batch.indices.map { part in order.firstIndex { $0.offset == part }! }, indexMap: mapped,
      sliceSizes: sizes, mode: pick(Op.IndexMode.allCases))
    let count = order.reduce(1) { $0 * $1.element } * window.reduce(1) { $0 * sizes[$1] }
    guard count <= options.maximumElements, vectors.elementCount <= options.maximumElements else { return nil }
    return ([x, try value(vectors, literals: false)], dims)
  }
}
