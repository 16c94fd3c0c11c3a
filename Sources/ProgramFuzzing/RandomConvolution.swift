// Random convolutions: any layout, groups, strides, padding and dilations.

import BloxIR

/// A convolution and the types of its operands.
package struct RandomConvolution {
  /// The attributes.
  package var convolution: Op.Convolution
  /// The type of the input.
  package var input: TensorType
  /// The type of the kernel.
  package var kernel: TensorType

  /// Draws a convolution of small windows.
  ///
  /// - Parameters:
  ///   - rank: The number of spatial dimensions.
  ///   - features: What the features of a group are drawn from, of input and output.
  ///   - size: The largest spatial size.
  package init(
    _ dtype: DType, rank: Int, features: [Int], size: Int, using random: inout SeededGenerator
  ) {
    func pick<T>(_ values: [T]) -> T { values[Int(random.next() % UInt64(values.count))] }
    func layout() -> Op.Convolution.Layout {
      // Channels last and first are what people use; any order is allowed.
      let order =
        switch random.next() % 4 {
        case 0: [0, 1] + Array(2..<(rank + 2))
        case 1, 2: [0, rank + 1] + Array(1..<(rank + 1))
        case _: Array(0..<(rank + 2)).shuffled(using: &random)
        }
      return Op.Convolution.Layout(batch: order[0], feature: order[1], spatial: Array(order[2...]))
    }
    func draw(_ values: [Int]) -> [Int] { (0..<rank).map { _ in pick(values) } }
    let groups = pick([1, 1, 1, 2, 3])
    let inFeatures = pick([true, false])
    let (taken, given, images) = (pick(features), pick(features), pick([1, 1, 2, 3]))
    let taps = draw([1, 1, 2, 3, 4])
    let inputLayout = layout()
    let kernelLayout = pick([true, false]) ? inputLayout.forKernel : layout()
    convolution = Op.Convolution(
      input: inputLayout, kernel: kernelLayout, output: pick([true, false]) ? inputLayout : layout(),
      strides: draw([1, 1, 1, 2, 3]), low: draw([0, 0, 1, 2, -1]), high: draw([0, 0, 1, 3, -1]),
      inputDilation: draw([1, 1, 1, 2, 3]), kernelDilation: draw([1, 1, 1, 2, 3]),
      featureGroups: inFeatures ? groups : 1, batchGroups: inFeatures ? 1 : groups)
    func shape(_ layout: Op.Convolution.Layout, _ batch: Int, _ feature: Int, _ spatial: [Int]) -> [Int] {
      var shape = Array(repeating: 0, count: rank + 2)
      (shape[layout.batch], shape[layout.feature]) = (batch, feature)
      for (dim, size) in zip(layout.spatial, spatial) { shape[dim] = size }
      return shape
    }
    let spatial = (0..<rank).map { _ in Int(random.next() % UInt64(size + 1)) }
    input = TensorType(
      dtype, shape(inputLayout, inFeatures ? images : images * groups, inFeatures ? taken * groups : taken, spatial))
    kernel = TensorType(dtype, shape(kernelLayout, given * groups, taken, taps))
  }
}

extension Op.Convolution.Layout {
  /// The usual layout of a kernel for inputs of this layout: the features where the input has them.
  fileprivate var forKernel: Op.Convolution.Layout {
    let last = spatial.count + 1
    return feature == last
      ? Op.Convolution.Layout(batch: last, feature: last - 1, spatial: Array(0..<(last - 1)))
      : Op.Convolution.Layout(batch: 0, feature: 1, spatial: Array(2..<(last + 1)))
  }
}

extension ProgramGenerator {
  /// A convolution of new tensors, or of a tensor that has the type that was drawn.
  mutating func convolution() throws {
    let dtype = pickDType { $0.isNumeric }
    let drawn = RandomConvolution(
      dtype, rank: pick([0, 1, 1, 2, 3]), features: [0, 1, 1, 2, 3], size: 5, using: &random)
    let op = Op.convolution(drawn.convolution)
    let types = [drawn.input, drawn.kernel]
    guard types.allSatisfy({ $0.elementCount <= options.maximumElements }),
      let result = try? op.resultTypes(for: types)[0], result.elementCount <= options.maximumElements
    else { return }
    try emit(op, [value(drawn.input, literals: false), value(drawn.kernel, literals: false)])
  }
}
