// What a window sees at each of its positions.

import BloxIR

/// The elements under a window at each of its positions, as features (`jax.lax.conv_general_dilated_patches`): a dot product
/// with them is a convolution.
///
/// Of `[batch, spatial…, features]` it makes `[batch, positions…, features * elements of the window]`, where the elements
/// of one feature are neighbours, in row-major order of the window. It is a convolution with a kernel of zeros and ones,
/// and so is its gradient; next to an infinite element or NaN the others of the feature are NaN.
///
/// ```swift
/// let patches = try convolutionPatches(images, window: [3, 3], padding: .same)  // [n, h, w, c] -> [n, h, w, 9 * c]
/// ```
///
/// - Parameters:
///   - inputs: `[batch, spatial…, features]`, or as `layout` says.
///   - window: Its size in each spatial dimension.
///   - strides: Steps of the window.
///   - padding: Zeros around the inputs: `.valid`, `.same`, `.sameLower` or amounts.
///   - inputDilation: From one input to the next: zeros are put between them.
///   - kernelDilation: From one element of the window to the next.
///   - layout: Channels last by default; the kernel's part does not matter.
///   - preferred: The dtype of the result.
/// - Throws: ``BloxError/Code/shapeMismatch``, ``BloxError/Code/invalidArgument``, ``BloxError/Code/dtypeMismatch``.
public func convolutionPatches(
  _ inputs: Tensor, window: [Int], strides: PerDimension = 1, padding: Padding = .valid,
  inputDilation: PerDimension = 1, kernelDilation: PerDimension = 1, layout: ConvolutionLayout? = nil,
  preferred: DType? = nil, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let layout = layout ?? .channelsLast(spatialDimensions: Swift.max(inputs.rank - 2, 0))
    guard inputs.rank >= 2, layout.input.spatial.count == inputs.rank - 2, window.count == inputs.rank - 2 else {
      throw BloxError(
        .shapeMismatch,
        "convolutionPatches: \(inputs.type) has \(Swift.max(inputs.rank - 2, 0)) spatial dimensions; the window has"
          + " \(window.count), the layout \(layout.input.spatial.count)")
    }
    var count = 1
    for size in window {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else {
        throw BloxError(.invalidArgument, "convolutionPatches: the window \(window) is not of valid sizes")
      }
      count = product
    }
    let features = inputs.shape[layout.input.feature]
    // [window elements, 1, window…], once for each feature, in the order that the layout has for a kernel.
    let places = Array(window.indices)
    let one = try Tensor.eye(count, dtype: inputs.dtype).reshape([count, 1] + window)
    let all = try one.tile([features, 1] + places.map { _ in 1 })
    var order = Array(repeating: 0, count: window.count + 2)
    order[layout.kernel.batch] = 0
    order[layout.kernel.feature] = 1
    for (place, dimension) in zip(places, layout.kernel.spatial) { order[dimension] = place + 2 }
    return try conv(
      inputs, all.transpose(order), strides: strides, padding: padding, inputDilation: inputDilation,
      kernelDilation: kernelDilation, layout: layout, featureGroups: features, preferred: preferred)
  }
}
