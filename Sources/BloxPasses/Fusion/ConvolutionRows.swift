// When the output of a convolution is the rows of a matrix product as they lie in memory.

import BloxIR

extension Op.Convolution {
  /// Whether rows of patches are read along the features of the input, which lie side by side or are made to; along its
  /// images where these lie so.
  package func hasFeaturesInner(input shape: [Int]) -> Bool {
    shape[input.batch] <= 1 || shape[(input.batch + 1)...].contains { $0 != 1 }
  }

  /// The dimensions of the output in the order of the matrix: those of a row come first.
  package func outputOrder(featuresInner: Bool) -> [Int] {
    featuresInner
      ? [output.batch] + output.spatial + [output.feature] : output.spatial + [output.batch, output.feature]
  }

  /// Whether the output lies in memory as the matrix does, for shapes of input and output; never if the input is spread,
  /// since then there are several products.
  package func givesRows(input shape: [Int], _ result: [Int]) -> Bool {
    let order = outputOrder(featuresInner: hasFeaturesInner(input: shape)).filter { result[$0] != 1 }
    return inputDilation.allSatisfy { $0 == 1 } && order == order.sorted()
  }
}
