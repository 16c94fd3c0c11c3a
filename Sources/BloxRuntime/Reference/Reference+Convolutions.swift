// Convolutions.

import BloxIR

extension ReferenceInterpreter {
  /// For each element of the result, the sum over the input features of its group and the taps that lie inside the
  /// input; see ``Op/Convolution``. Numbers are converted and accumulated as those of `dotGeneral` are.
  static func convolution(
    _ input: DenseConstant, _ kernel: DenseConstant, to type: TensorType, _ convolution: Op.Convolution
  ) -> DenseConstant {
    let (input, kernel) = (convert(input, to: type.dtype), convert(kernel, to: type.dtype))
    let geometry = ConvolutionGeometry(
      convolution, input: input.type.shape, kernel: kernel.type.shape, output: type.shape)
    switch type.dtype {
    case .bf16, .f16, .f32, .f64:
      let (x, k) = (input.doubles, kernel.doubles)
      return DenseConstant(
        type: type,
        rounding: geometry.map { pairs in pairs.reduce(0.0) { $0 + x[$1.input] * k[$1.kernel] } })
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64:
      let (x, k) = (input.words, kernel.words)
      return DenseConstant(
        type: type,
        words: geometry.map { pairs in pairs.reduce(UInt64(0)) { $0 &+ x[$1.input] &* k[$1.kernel] } })
    case .bool, .key: preconditionFailure("the type rule admits numbers only")
    }
  }
}

/// Which elements of input and kernel meet for an element of the output.
private struct ConvolutionGeometry {
  let convolution: Op.Convolution
  let input, kernel, output: [Int]

  init(_ convolution: Op.Convolution, input: [Int], kernel: [Int], output: [Int]) {
    self.convolution = convolution
    self.input = input
    self.kernel = kernel
    self.output = output
  }

  /// One value per element of the output, in row-major order, from the offsets of the elements to be multiplied.
  func map<T>(_ body: ([(input: Int, kernel: Int)]) -> T) -> [T] {
    let strides = denseStrides(output)
    return (0..<output.reduce(1, *)).map { element in
      body(pairs(at: output.indices.map { element / strides[$0] % output[$0] }))
    }
  }

  private func pairs(at index: [Int]) -> [(input: Int, kernel: Int)] {
    let (inputStrides, kernelStrides) = (denseStrides(input), denseStrides(kernel))
    let outputFeature = index[convolution.output.feature]
    let features = kernel[convolution.kernel.feature]
    // The group follows from the output feature, and says where the features or the images begin.
    let groups = convolution.featureGroups * convolution.batchGroups
    let group = outputFeature / max(1, output[convolution.output.feature] / groups)
    let firstFeature = convolution.featureGroups > 1 ? group * features : 0
    let firstImage = convolution.batchGroups > 1 ? group * output[convolution.output.batch] : 0
    var places = [
      (
        input: (firstImage + index[convolution.output.batch]) * inputStrides[convolution.input.batch],
        kernel: outputFeature * kernelStrides[convolution.kernel.batch]
      )
    ]
    for dim in convolution.strides.indices {
      let taps = taps(dim, position: index[convolution.output.spatial[dim]])
      let (x, k) = (inputStrides[convolution.input.spatial[dim]], kernelStrides[convolution.kernel.spatial[dim]])
      places = places.flatMap { place in taps.map { (place.input + $0.index * x, place.kernel + $0.tap * k) } }
    }
    let (x, k) = (inputStrides[convolution.input.feature], kernelStrides[convolution.kernel.feature])
    return places.flatMap { place in
      (0..<features).map { (place.input + (firstFeature + $0) * x, place.kernel + $0 * k) }
    }
  }

  /// The taps of a position along a dimension that meet an element of the input, and its index.
  private func taps(_ dim: Int, position: Int) -> [(tap: Int, index: Int)] {
    let size = input[convolution.input.spatial[dim]]
    let taps = kernel[convolution.kernel.spatial[dim]]
    let window = convolution.window(dim, taps: taps)
    return (0..<taps).compactMap { tap in
      window.element(window: position, tap: tap, of: size).map { (tap, $0) }
    }
  }
}
