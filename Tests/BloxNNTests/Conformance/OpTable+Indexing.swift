// Reference vectors of indexing as functions of this library.

import BloxIR
import BloxTrace
import TestSupport

private func outside(_ testCase: ConformanceCase, default standard: OutOfBounds) -> OutOfBounds {
  switch testCase.attrs["mode"]?.string {
  case "clip": .clip
  case "wrap": .wrap
  case "fill", "drop", "fill_or_drop": .fillOrDrop
  case _: standard
  }
}

/// Cases of the group `ops_indexing`.
func bindIndexing(_ testCase: ConformanceCase) -> CaseBinding {
  let attrs = testCase.attrs
  func run(_ function: @escaping ([Tensor]) throws -> Tensor) -> CaseBinding { .run { [try function($0)] } }
  if attrs["dimension_numbers"] != nil { return bindRaw(testCase) }
  switch testCase.op {
  case "take":
    let axis = attrs["axis"]?.int
    return run { try $0[0].take($0[1], axis: axis, outside: outside(testCase, default: .fillOrDrop)) }
  case "index":
    let mode = attrs["mode"]?.string.map { _ in outside(testCase, default: .clip) }
    return run { try $0[0].at[$0[1]].get(outside: mode) }
  case "scatter_set", "scatter_add":
    let isSet = testCase.op == "scatter_set"
    let outside = outside(testCase, default: .fillOrDrop)
    return run { x in
      if x.count < 3 { return try x[0].at[x[1]].add(1, outside: outside) }
      return try isSet ? x[0].at[x[1]].set(x[2], outside: outside) : x[0].at[x[1]].add(x[2], outside: outside)
    }
  case "take_along_axis":
    let axis = attrs["axis"]?.int ?? 0
    return run { try $0[0].takeAlongAxis($0[1], axis: axis) }
  case "index_static", "index_array", "vmap_index": return bindSubscript(testCase)
  case "at_update": return bindUpdate(testCase)
  case "one_hot":
    let (count, axis) = (attrs["num_classes"]?.int ?? 0, attrs["axis"]?.int ?? -1)
    return run { x in
      let dtype = try DType(stored: attrs["dtype"]?.string ?? "float32")
      return try oneHot(x[0], count, dtype: dtype).moveAxis(-1, to: axis)
    }
  case "segment_sum": return run { try segmentSum($0[0], $0[1], count: attrs["num_segments"]?.int ?? 0) }
  case "segment_max": return run { try segmentMax($0[0], $0[1], count: attrs["num_segments"]?.int ?? 0) }
  case "bincount": return run { try bincount($0[0], count: attrs["length"]?.int ?? 0) }
  case "searchsorted": return run { try searchSorted($0[0], $0[1], after: attrs["side"]?.string == "right") }
  case "digitize": return run { try digitize($0[0], $0[1]) }
  case "nonzero_size", "where_nonzero":
    return .run { try $0[0].nonzero(size: attrs["size"]?.int ?? 0, fill: attrs["fill_value"]?.int ?? 0) }
  case "unique_size":
    return .run { [try $0[0].unique(size: attrs["size"]?.int ?? 0, fill: attrs["fill_value"]?.double)] }
  case "interp": return run { try interp($0[0], $0[1], $0[2]) }
  case _: return notInSlice(testCase)
  }
}

/// Subscripts by the text of the case: the vectors say them in Python.
private func bindSubscript(_ testCase: ConformanceCase) -> CaseBinding {
  func run(_ function: @escaping ([Tensor]) throws -> Tensor) -> CaseBinding { .run { [try function($0)] } }
  switch testCase.py {
  case "x0[1]": return run { try $0[0][1] }
  case "x0[-1]": return run { try $0[0][-1] }
  case "x0[1:3]": return run { try $0[0][1..<3] }
  case "x0[:, ::2]": return run { try $0[0][0..., .stride(by: 2)] }
  case "x0[::-1]": return run { try $0[0][.stride(by: -1)] }
  case "x0[..., 0]": return run { try $0[0][.ellipsis, 0] }
  case "x0[None, 1:, None, 2]": return run { try $0[0][nil, 1..., .newAxis, 2] }
  case "x0[3:0:-2, 1]": return run { try $0[0][.stride(from: 3, to: 0, by: -2), 1] }
  case "x0[1, 2, 0]": return run { try $0[0][1, 2, 0] }
  case "x0[:, 1:1]": return run { try $0[0][0..., 1..<1] }
  case "x0[x1]": return run { try $0[0][$0[1]] }
  case "x0[x1, x2]": return run { try $0[0][$0[1], $0[2]] }
  case "x0[:, x1]": return run { try $0[0][0..., $0[1]] }
  case "x0[x1, :, x2]": return run { try $0[0][$0[1], 0..., $0[2]] }
  case "x0[x1[:, None], x2]": return run { try $0[0][$0[1][0..., nil], $0[2]] }
  case "x0[..., x1]": return run { try $0[0][.ellipsis, $0[1]] }
  case "x0.at[x1].set(x2)": return run { try $0[0].at[$0[1]].set($0[2]) }
  case "x0.at[x1].add(1.)": return run { try $0[0].at[$0[1]].add(1) }
  case "jnp.take_along_axis(x0, x1, axis=0)": return run { try $0[0].takeAlongAxis($0[1], axis: 0) }
  case _: return notInSlice(testCase)
  }
}

private func bindUpdate(_ testCase: ConformanceCase) -> CaseBinding {
  func run(_ function: @escaping ([Tensor]) throws -> Tensor) -> CaseBinding { .run { [try function($0)] } }
  switch testCase.py {
  case "x0.at[1].set(x1)": return run { try $0[0].at[1].set($0[1]) }
  case "x0.at[x1].set(x2)": return run { try $0[0].at[$0[1]].set($0[2]) }
  case "x0.at[x1].add(x2)": return run { try $0[0].at[$0[1]].add($0[2]) }
  case "x0.at[x1].max(x2)": return run { try $0[0].at[$0[1]].max($0[2]) }
  case "x0.at[x1].min(x2)": return run { try $0[0].at[$0[1]].min($0[2]) }
  case "x0.at[x1].multiply(x2)": return run { try $0[0].at[$0[1]].multiply($0[2]) }
  case "x0.at[:, 1].add(2.)": return run { try $0[0].at[0..., 1].add(2) }
  case "x0.at[1:3, ::2].set(0.)": return run { try $0[0].at[1..<3, .stride(by: 2)].set(0) }
  case "x0.at[x1, x2].add(x3)": return run { try $0[0].at[$0[1], $0[2]].add($0[3]) }
  case "x0.at[x1].apply(jnp.sin)": return run { try $0[0].at[$0[1]].apply { try sin($0) } }
  case _: return notInSlice(testCase)
  }
}

/// Gathers and scatters in dimension numbers.
private func bindRaw(_ testCase: ConformanceCase) -> CaseBinding {
  let numbers = testCase.attrs["dimension_numbers"]?.object ?? [:]
  func ints(_ key: String) -> [Int] { numbers[key]?.ints ?? [] }
  let mode: Op.IndexMode = outside(testCase, default: .clip) == .clip ? .clip : .fillOrDrop
  guard let kind = Op.ScatterKind(rawValue: String(testCase.op.dropFirst("scatter_".count))) ?? rawKind(testCase.op)
  else {
    let dims = Op.GatherDimensions(
      offsetDims: ints("offset_dims"), collapsedDims: ints("collapsed_slice_dims"),
      operandBatchDims: ints("operand_batching_dims"), indicesBatchDims: ints("start_indices_batching_dims"),
      indexMap: ints("start_index_map"), sliceSizes: testCase.attrs["slice_sizes"]?.ints ?? [], mode: mode)
    return .run { [try $0[0].gather($0[1], dims)] }
  }
  let dims = Op.ScatterDimensions(
    windowDims: ints("update_window_dims"), insertedDims: ints("inserted_window_dims"),
    indexMap: ints("scatter_dims_to_operand_dims"), mode: mode, isUnique: kind == .mul)
  return .run { [try $0[0].scatter(kind, $0[1], $0[2], dims)] }
}

private func rawKind(_ op: String) -> Op.ScatterKind? { op == "scatter" ? .set : nil }

/// Rearrangements of the group `ops_shape` beyond the first.
func bindRearrangement(_ testCase: ConformanceCase) -> CaseBinding {
  let attrs = testCase.attrs
  func single(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }
  func int(_ key: String) -> Int { attrs[key]?.int ?? 0 }
  func sizes(in text: String) -> [Int] {
    // The last parenthesis holds the sizes: `lax.dynamic_slice(x0, [x1], (3,))`.
    let inner = text.split(separator: "(").last ?? ""
    return inner.split(whereSeparator: { ",) ".contains($0) }).compactMap { Int($0) }
  }
  switch testCase.op {
  case "dynamic_slice":
    let sizes = sizes(in: testCase.py)
    return .run { [try $0[0].dynamicSlice(Array($0.dropFirst()), sizes: sizes)] }
  case "dynamic_update_slice":
    return .run { [try $0[0].dynamicUpdateSlice($0[1], at: Array($0.dropFirst(2)))] }
  case "dynamic_slice_in_dim":
    return .run { [try $0[0].dynamicSlice($0[1], size: int("slice_size"), axis: int("axis"))] }
  case "dynamic_index_in_dim": return .run { [try $0[0].dynamicIndex($0[1], axis: int("axis"))] }
  case "dynamic_update_index_in_dim":
    return .run { x in
      [try x[0].dynamicUpdateSlice(x[1].reshape([1] + x[0].shape.dropFirst()), at: x[2], axis: int("axis"))]
    }
  case "rev": return single { try $0.flip(attrs["dimensions"]?.ints) }
  case "jnp.pad":
    let widths = attrs["pad_width"]?.array?.compactMap(\.ints).map { (before: $0[0], after: $0[1]) } ?? []
    let modes: [String: PaddingMode] = ["edge": .edge, "reflect": .reflect, "wrap": .wrap, "symmetric": .symmetric]
    guard let mode = modes[attrs["mode"]?.string ?? ""] else { return notInSlice(testCase) }
    return single { try $0.pad(widths, mode: mode) }
  case "arange":
    let numbers = attrs["args"]?.array?.compactMap(\.double) ?? []
    let isFloating = numbers.contains { $0 != $0.rounded() }
    return .run { _ in
      [
        try Tensor.arange(
          from: numbers[0], to: numbers[1], by: numbers.count > 2 ? numbers[2] : 1, dtype: isFloating ? .f32 : .i32)
      ]
    }
  case "linspace":
    let numbers = attrs["args"]?.array?.compactMap(\.double) ?? []
    return .run { _ in [try Tensor.linspace(numbers[0], numbers[1], count: Int(numbers[2]))] }
  case "tril": return single { try $0.tril(int("k")) }
  case "triu": return single { try $0.triu(int("k")) }
  case "diag": return single { try $0.diag(int("k")) }
  case "diagonal": return single { try $0.diagonal(int("offset")) }
  case "trace": return single { try $0.trace() }
  case "tile": return single { try $0.tile(attrs["reps"]?.ints ?? []) }
  case "repeat": return single { try $0.repeated(int("repeats"), axis: int("axis")) }
  case "roll": return single { try $0.roll(int("shift"), axis: int("axis")) }
  case "flip": return single { try $0.flip([int("axis")]) }
  case "moveaxis": return single { try $0.moveAxis(int("source"), to: int("destination")) }
  case "rot90": return single { try $0.rot90(int("k")) }
  case "meshgrid": return .run { try meshgrid($0) }
  case _: return notInSlice(testCase)
  }
}
