// Reading and writing at computed places.
//
// Gather and scatter are one picture: for each index vector a window of the operand, and for each element of the window
// one element of the result or of the updates.

import BloxIR

extension ReferenceInterpreter {
  static func indexing(_ op: Op.Indexing, _ x: [DenseConstant], to type: TensorType) -> DenseConstant {
    switch op {
    case .reverse(let axes):
      let strides = strides(x[0].type.shape)
      let steps = strides.indices.map { axes.contains($0) ? -strides[$0] : strides[$0] }
      let last = axes.reduce(0) { $0 + (x[0].type.shape[$1] - 1) * strides[$1] }
      return gather(x[0], at: offsets(type.shape, steps: steps, from: last), to: type)
    case .dynamicSlice(let sizes):
      return gather(x[0], at: window(of: x[0].type.shape, sizes, at: x.dropFirst().map(\.firstIndex)), to: type)
    case .dynamicUpdateSlice:
      let sizes = x[1].type.shape
      var bytes = x[0].bytes
      write(x[1], at: window(of: type.shape, sizes, at: x.dropFirst(2).map(\.firstIndex)), in: &bytes)
      return DenseConstant(type: type, bytes: bytes)
    case .gather(let dims): return gatherWindows(x, dims, to: type)
    case .scatter(let kind, let dims): return scatterWindows(kind, x, dims)
    }
  }

  /// The offsets of a window, moved inside.
  private static func window(of shape: [Int], _ sizes: [Int], at starts: [Int]) -> [Int] {
    let strides = strides(shape)
    let base = shape.indices.reduce(0) { $0 + min(max(starts[$1], 0), shape[$1] - sizes[$1]) * strides[$1] }
    return offsets(sizes, steps: strides, from: base)
  }

  private static func write(_ x: DenseConstant, at offsets: [Int], in bytes: inout [UInt8]) {
    let width = x.type.dtype.byteCount
    for (index, offset) in offsets.enumerated() {
      for byte in 0..<width { bytes[offset * width + byte] = x.bytes[index * width + byte] }
    }
  }

  private static func gatherWindows(
    _ x: [DenseConstant], _ dims: Op.GatherDimensions, to type: TensorType
  ) -> DenseConstant {
    let places = WindowPlaces(
      operand: x[0].type.shape, indices: x[1], dims, result: type.shape, drops: dims.mode == .fillOrDrop)
    let width = type.dtype.byteCount
    var bytes = [UInt8](repeating: 0, count: type.byteCount)
    for (base, start) in zip(places.bases, places.resultBases) {
      for (from, to) in zip(places.window, places.resultWindow) {
        for byte in 0..<width {
          bytes[(start + to) * width + byte] =
            base.map { x[0].bytes[($0 + from) * width + byte] } ?? x[2].bytes[byte]
        }
      }
    }
    return DenseConstant(type: type, bytes: bytes)
  }

  private static func scatterWindows(
    _ kind: Op.ScatterKind, _ x: [DenseConstant], _ dims: Op.ScatterDimensions
  ) -> DenseConstant {
    let (operand, updates) = (x[0], x[2])
    let reading = dims.gather(operand: operand.type.shape, updates: updates.type.shape)
    let places = WindowPlaces(
      operand: operand.type.shape, indices: x[1], reading, result: updates.type.shape, drops: dims.mode != .clip)
    let window = TensorType(operand.type.dtype, [places.window.count])
    var result = operand
    for (base, start) in zip(places.bases, places.resultBases) {
      guard let base else { continue }
      let targets = places.window.map { base + $0 }
      let update = gather(updates, at: places.resultWindow.map { start + $0 }, to: window)
      let combined = kind.binary.map { binary($0, gather(result, at: targets, to: window), update) } ?? update
      var bytes = result.bytes
      write(combined, at: targets, in: &bytes)
      result = DenseConstant(type: operand.type, bytes: bytes)
    }
    return result
  }
}

/// Where the windows of a gather or scatter are, as offsets of elements.
private struct WindowPlaces {
  /// Of each window's first element in the operand; `nil` for windows that are left out.
  private(set) var bases: [Int?] = []
  /// Of each window's first element in the result or the updates.
  let resultBases: [Int]
  /// Of a window's elements from its first, in the operand and in the result or the updates.
  let window: [Int]
  let resultWindow: [Int]

  init(operand: [Int], indices: DenseConstant, _ dims: Op.GatherDimensions, result: [Int], drops: Bool) {
    let strides = ReferenceInterpreter.strides(operand)
    let resultStrides = ReferenceInterpreter.strides(result)
    let kept = dims.windowDims(rank: operand.count)
    let batchPlaces = result.indices.filter { !dims.offsetDims.contains($0) }
    let batch = Array(indices.type.shape.dropLast())
    window = ReferenceInterpreter.offsets(kept.map { dims.sliceSizes[$0] }, steps: kept.map { strides[$0] })
    resultWindow = ReferenceInterpreter.offsets(
      kept.map { dims.sliceSizes[$0] }, steps: dims.offsetDims.map { resultStrides[$0] })
    resultBases = ReferenceInterpreter.offsets(batch, steps: batchPlaces.map { resultStrides[$0] })
    let batchSteps = batch.indices.map { dim in
      dims.indicesBatchDims.firstIndex(of: dim).map { strides[dims.operandBatchDims[$0]] } ?? 0
    }
    let parts = ReferenceInterpreter.offsets(batch, steps: batchSteps)
    for (position, part) in parts.enumerated() {
      var base = part
      var isInside = true
      for (component, dim) in dims.indexMap.enumerated() {
        let start = indices.index(position * dims.indexMap.count + component)
        let last = operand[dim] - dims.sliceSizes[dim]
        isInside = isInside && start >= 0 && start <= last
        base += min(max(start, 0), last) * strides[dim]
      }
      bases.append(isInside || !drops ? base : nil)
    }
  }
}

extension Op.ScatterKind {
  /// The op on an element and an update; `nil` where the update takes the element's place.
  package var binary: Op.Binary? {
    switch self {
    case .set: nil
    case .add: .add
    case .mul: .mul
    case .min: .min
    case .max: .max
    }
  }
}

extension DenseConstant {
  /// An integer element; what is beyond `Int` counts as the largest one.
  fileprivate func index(_ position: Int) -> Int {
    let element = self[position]
    return type.dtype.kind == .unsigned ? Int(clamping: element.bits) : Int(element.signedValue)
  }

  fileprivate var firstIndex: Int { index(0) }
}
