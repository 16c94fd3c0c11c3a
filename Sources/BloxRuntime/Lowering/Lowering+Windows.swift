// Lowering of ops on windows.
//
// Neighbouring dimensions whose windows do nothing are one, and the last of them are channels, along which the kernels'
// vectors run:
//
//     [batch, height, width, channels], windows on height and width   ->   batch, height, width | channels
//     [batch, length], windows on length                              ->   batch, length | 1
import BloxIR
import CBloxKernels

extension Lowering {
  /// Bytes of work worth a part.
  private static let partBytes = 256 << 10

  mutating func lowerWindow(_ instruction: Instruction, _ op: Op.WindowOp) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    let target = slot(instruction.results[0])
    guard result.elementCount > 0 else { return }
    switch op {
    case .reduce(let kind, let window):
      if window.hasOneTap { return try lowerOneTap(instruction, kind, window) }
      let operand = type(instruction.operands[0])
      guard blox_pool_folds(kernelISA, kind.kernel, operand.dtype.kernel) else {
        throw unsupported("no kernel reduces \(operand.dtype)")
      }
      let pool = try WindowPlan(window, over: operand, windows: result.shape)
      try appendRows(
        .reduce(kind.kernel, identity: kind.identity(operand.dtype).memoryBits), pool, operand,
        source: slot(instruction.operands[0]), operand: -1, to: target)
    case .selectAndGatherAdd(let selection, let window):
      let operand = type(instruction.operands[1])
      let pool = try WindowPlan(window, over: operand, windows: result.shape)
      try expectSelectable(pool, operand.dtype)
      try appendRows(
        .gather(smallest: selection == .min), pool, operand, source: slot(instruction.operands[0]),
        operand: slot(instruction.operands[1]), to: target)
    case .selectAndScatterAdd(let selection, let window):
      let source = type(instruction.operands[0])
      guard source.elementCount > 0 else {
        return fill(target, Literal(0, as: result.dtype), count: result.elementCount)
      }
      let pool = try WindowPlan(window, over: result, windows: source.shape)
      try expectSelectable(pool, result.dtype)
      try appendBoxes(
        .scatter(smallest: selection == .min), pool, result, source: slot(instruction.operands[0]),
        operand: slot(instruction.operands[1]), to: target)
    }
  }

  private func expectSelectable(_ plan: WindowPlan, _ dtype: DType) throws(BloxError) {
    guard blox_pool_selects(kernelISA, dtype.kernel) else { throw unsupported("no kernel selects \(dtype)") }
    guard plan.tapLimit <= Int(Int32.max) else {
      throw unsupported("windows over more than 2^31 elements have no kernel that selects")
    }
  }

  // MARK: Parts

  /// Rows of windows, in parts that read and write enough.
  private mutating func appendRows(
    _ kind: PoolStep.Kind, _ plan: WindowPlan, _ operand: TensorType, source: Int32, operand other: Int32,
    to target: Int32
  ) throws(BloxError) {
    let rows = plan.dimensions.dropLast().reduce(1) { $0 * $1.windows }
    let row = plan.dimensions[plan.dimensions.count - 1]
    // Neighbouring windows overlap, so a row costs what its taps read.
    let taps = plan.dimensions.reduce(1.0) { $0 * Double(min($1.geometry.size, $1.elements)) }
    let rowBytes = Double(row.windows * plan.channels * operand.dtype.byteCount) * (1 + taps)
    let perPart = Swift.max(1, Swift.min(rows, Int(Double(Lowering.partBytes) / rowBytes)), (rows + 1023) / 1024)
    append(
      .pool(
        memory.keep(
          PoolStep(
            kind: kind, pool: keep(plan, operand.dtype), source: source, operand: other, target: target,
            counts: (rows, 1), perPart: (perPart, 1)))))
  }

  /// Boxes of elements in the first two dimensions. A part looks at all windows over its elements, so that boxes with
  /// many windows on their borders are dear.
  private mutating func appendBoxes(
    _ kind: PoolStep.Kind, _ plan: WindowPlan, _ result: TensorType, source: Int32, operand: Int32, to target: Int32
  ) throws(BloxError) {
    let first = plan.dimensions[0]
    let second = plan.dimensions.count > 1 ? plan.dimensions[1] : nil
    let width = result.dtype.byteCount
    let innerBytes = (second.map { $0.elementStep } ?? first.elementStep) * width
    let inner = second?.elements ?? 1
    let innerLength = second.map { $0.part(bytes: innerBytes, wanted: Lowering.partBytes) } ?? 1
    let outerBytes = inner * innerBytes
    let outerLength =
      innerLength < inner ? 1 : first.part(bytes: Swift.max(1, outerBytes), wanted: Lowering.partBytes)
    // At most 1024 parts in each dimension.
    append(
      .pool(
        memory.keep(
          PoolStep(
            kind: kind, pool: keep(plan, result.dtype), source: source, operand: operand, target: target,
            counts: (first.elements, inner),
            perPart: (
              Swift.max(outerLength, (first.elements + 1023) / 1024), Swift.max(innerLength, (inner + 1023) / 1024)
            )))))
  }

  private func keep(_ plan: WindowPlan, _ dtype: DType) -> UnsafePointer<blox_pool> {
    memory.keep(
      blox_pool(
        isa: kernelISA, dtype: dtype.kernel, rank: Int32(plan.dimensions.count), channels: Int64(plan.channels),
        dimensions: memory.keep(plan.dimensions.map(\.kernel))))
  }

  // MARK: One tap

  /// Windows of one tap copy their element: the identity everywhere, then the windows that have one, which in each
  /// dimension are equally far apart.
  private mutating func lowerOneTap(
    _ instruction: Instruction, _ kind: Op.Reduction, _ window: Op.Window
  ) throws(BloxError) {
    let operand = type(instruction.operands[0])
    let result = program.type(of: instruction.results[0])
    let target = slot(instruction.results[0])
    let (from, to) = (denseStrides(operand.shape), denseStrides(result.shape))
    var (sourceOffset, targetOffset) = (0, 0)
    var dims: [StridedDimension] = []
    for (dim, dimension) in window.dimensions.enumerated() {
      let size = operand.shape[dim]
      guard let first = (0..<result.shape[dim]).first(where: { !dimension.elements(under: $0, of: size).isEmpty })
      else { dims.append(StridedDimension(size: 0, strides: [1, 1])); continue }
      let common = greatestCommonDivisor(dimension.stride, dimension.baseDilation)
      let (step, advance) = (dimension.baseDilation / common, dimension.stride / common)
      let element = dimension.elements(under: first, of: operand.shape[dim])[0]
      let count = 1 + Swift.min((result.shape[dim] - 1 - first) / step, (operand.shape[dim] - 1 - element) / advance)
      sourceOffset += element * from[dim]
      targetOffset += first * to[dim]
      dims.append(StridedDimension(size: count, strides: [step * to[dim], advance * from[dim]]))
    }
    if dims.reduce(1, { $0 * $1.size }) < result.elementCount {
      fill(target, kind.identity(result.dtype), count: result.elementCount)
    }
    copy(
      from: try slot(instruction.operands[0]), offset: sourceOffset, to: target, offset: targetOffset,
      width: result.dtype.byteCount, dims)
  }
}

/// Windows as the kernels take them.
private struct WindowPlan {
  /// A dimension, or several neighbouring ones with windows that do nothing.
  struct Dimension {
    var geometry: WindowDimension
    var windows: Int
    var elements: Int
    /// In elements of memory.
    var windowStep = 1
    var elementStep = 1

    var isTrivial: Bool { geometry == WindowDimension(size: 1) && windows == elements }

    var kernel: blox_pool_dimension {
      let divisor = greatestCommonDivisor(geometry.baseDilation, geometry.windowDilation)
      let common = greatestCommonDivisor(geometry.baseDilation, geometry.stride)
      let period = geometry.baseDilation / divisor
      return blox_pool_dimension(
        windows: Int64(windows), elements: Int64(elements), size: Int64(geometry.size), stride: Int64(geometry.stride),
        base_dilation: Int64(geometry.baseDilation), window_dilation: Int64(geometry.windowDilation),
        low: Int64(geometry.low), window_step: Int64(windowStep), element_step: Int64(elementStep),
        divisor: Int64(divisor), period: Int64(period),
        inverse: Int64(inverse(of: geometry.windowDilation / divisor, modulo: period)),
        phases: Int64(geometry.baseDilation / common), advance: Int64(geometry.stride / common))
    }

    /// How many elements of so many bytes make a part: as many as some windows are long, since windows over the border
    /// of two parts are looked at twice.
    func part(bytes: Int, wanted: Int) -> Int {
      let reach = ((geometry.size - 1) * geometry.windowDilation) / geometry.baseDilation + 1
      let least = isTrivial ? 1 : Swift.max(4 * Swift.min(reach, elements), 1)
      let length = Swift.max(least, wanted / Swift.max(1, bytes), 1)
      // Windows side by side are not cut.
      let unit = Swift.max(1, geometry.stride / geometry.baseDilation)
      return Swift.min(Swift.max(1, elements), unit > elements ? length : (length + unit - 1) / unit * unit)
    }
  }

  private(set) var dimensions: [Dimension] = []
  private(set) var channels = 1

  init(_ window: Op.Window, over operand: TensorType, windows: [Int]) throws(BloxError) {
    for (dim, geometry) in window.dimensions.enumerated() {
      let next = Dimension(
        geometry: geometry.normalized(elements: operand.shape[dim], windows: windows[dim]), windows: windows[dim],
        elements: operand.shape[dim])
      guard next.isTrivial else {
        dimensions.append(next)
        continue
      }
      if let last = dimensions.last, last.isTrivial {
        dimensions[dimensions.count - 1].windows *= next.windows
        dimensions[dimensions.count - 1].elements *= next.elements
      } else if next.elements != 1 {
        dimensions.append(next)
      }
    }
    if let last = dimensions.last, last.isTrivial {
      channels = last.elements
      dimensions.removeLast()
    }
    if dimensions.isEmpty {
      dimensions = [Dimension(geometry: WindowDimension(size: 1), windows: 1, elements: 1)]
    }
    guard dimensions.count <= 32 else {
      throw BloxError(.unsupported, "windows in more than 32 separate dimensions have no kernel")
    }
    var (windowStep, elementStep) = (channels, channels)
    for dim in dimensions.indices.reversed() {
      dimensions[dim].windowStep = windowStep
      dimensions[dim].elementStep = elementStep
      windowStep *= dimensions[dim].windows
      elementStep *= dimensions[dim].elements
    }
  }

  /// No window has more taps on elements, as the kernels number them.
  var tapLimit: Int {
    var limit = 1
    for dimension in dimensions {
      let taps = Swift.min(
        dimension.geometry.size, dimension.elements + (dimension.windows - 1) * dimension.geometry.stride)
      let (product, overflow) = limit.multipliedReportingOverflow(by: taps)
      if overflow { return .max }
      limit = product
    }
    return limit
  }
}

extension WindowDimension {
  /// The same windows with the dilations of what there is one of, and the strides of single windows, set to 1.
  fileprivate func normalized(elements: Int, windows: Int) -> WindowDimension {
    var result = self
    if elements <= 1 { result.baseDilation = 1 }
    if size == 1 { result.windowDilation = 1 }
    if windows <= 1 { result.stride = 1 }
    // What is behind the last element matters for the number of windows only.
    if elements == windows && low == 0 { result.high = 0 }
    return result
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  var (a, b) = (a, b)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}

/// The number whose product with `a` is 1 modulo `m`, which has no divisor in common with it (Euclid's algorithm).
private func inverse(of a: Int, modulo m: Int) -> Int {
  var (r, next) = (m, a % m)
  var (x, nextX) = (0, 1)
  while next != 0 {
    let quotient = r / next
    (r, next) = (next, r - quotient * next)
    (x, nextX) = (nextX, x - quotient * nextX)
  }
  return m == 1 ? 0 : (x % m + m) % m
}
