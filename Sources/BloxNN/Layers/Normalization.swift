// What the norm layers share: statistics over lanes, and vectors of the size of the features.

import BloxTrace

/// The lanes whose statistics a norm layer averages.
struct StatisticsAxis {
  var name: AxisNames?
  var groups: [[Int]]?

  /// The mean over the lanes, if there are any.
  func mean(_ statistic: Tensor) throws -> Tensor {
    guard let name else { return statistic }
    return try pmean(statistic, name, groups: groups)
  }
}

extension Module {
  /// The size of the last axis.
  ///
  /// - Throws: ``BloxError/Code/scalarInput`` when there is none.
  func featureCount(_ inputs: Tensor) throws -> Int {
    guard let count = inputs.shape.last else {
      throw BloxError(.scalarInput, "\(type(of: self)) '\(path)': input must not be scalar; got \(inputs.type)")
    }
    return count
  }

  /// A vector parameter with an element for each feature of the inputs.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when it exists with another shape.
  func featureVector(
    _ params: Params, _ name: String, for inputs: Tensor, _ initializer: Initializer, isTrainable: Bool = true,
    rng: Rng?
  ) throws -> (Tensor, Params) {
    let count = try featureCount(inputs)
    let (vector, params) = try getParam(
      params, name, shape: [count], initializer: initializer, isTrainable: isTrainable, rng: rng)
    guard vector.shape == [count] else {
      throw BloxError(
        .shapeMismatch,
        "\(type(of: self)) '\(path)': the parameter '\(name)' is \(vector.type), but inputs of type \(inputs.type) need"
          + " [\(count)]")
    }
    return (vector, params)
  }
}
