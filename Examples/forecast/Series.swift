// The series: made up or read from a file, and divided into a part to train on and a part held out.

import BloxNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A series of numbers whose end is held out.
struct Series {
  let name: String
  let values: [Double]
  /// The number of values to train on.
  let trainingCount: Int
  var heldCount: Int { values.count - trainingCount }
  /// Mean and standard deviation of the values to train on.
  let scaling: (mean: Double, deviation: Double)

  /// Holds out a share.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a series that is too short for a forecast of each part.
  init(name: String, _ values: [Double], heldShare: Double, horizon: Int) throws {
    (self.name, self.values) = (name, values)
    trainingCount = values.count - Int((Double(values.count) * heldShare).rounded())
    guard trainingCount > horizon, values.count - trainingCount >= horizon else {
      throw BloxError(
        .invalidArgument,
        "\(name) has \(values.count) values, \(trainingCount) to train on and \(values.count - trainingCount) held out:"
          + " too few for forecasts of \(horizon)")
    }
    let training = values[..<trainingCount]
    let mean = training.reduce(0, +) / Double(trainingCount)
    let variance = training.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(trainingCount)
    scaling = (mean, variance > 0 ? variance.squareRoot() : 1)
  }

  /// The values with mean 0 and standard deviation 1, as far as those to train on go.
  var scaled: [Float] { values.map { Float(($0 - scaling.mean) / scaling.deviation) } }

  /// The hours of the made-up series.
  private static let hours = 49 * 24

  /// Water levels of a harbour in centimetres, hour by hour over seven weeks: tides whose periods are those of moon and
  /// sun, so that high and low water drift through the day and swell and fade every two weeks; and wind.
  static func waterLevels(seed: Int) throws -> [Double] {
    let tides = [(120.0, 12.4206, 0.0), (42, 12, 1.1), (28, 23.9345, 0.7), (22, 25.8193, 2)]
    let noise = try Key(seed).foldIn(7).normal([hours]).scalars(as: Double.self)
    var wind = 0.0
    return noise.enumerated().map { hour, noise in
      wind = 0.9 * wind + 5 * noise
      return tides.reduce(300 + wind) { level, tide in
        level + tide.0 * cos(2 * Double.pi * Double(hour) / tide.1 + tide.2)
      }
    }
  }

  /// The numbers of a column.
  ///
  /// - Parameter column: The column's name; without, the only one that holds numbers.
  /// - Throws: ``BloxError/Code/file`` with the line of what is no number, ``BloxError/Code/usage`` when no column is
  ///   named and it is not clear which is meant.
  static func read(_ path: String, column: String?) throws -> (name: String, values: [Double]) {
    let table = try CSVTable(contentsOf: path)
    var name = column
    if name == nil {
      let candidates = try table.names.filter { try table.rowCount > 0 && table.type(of: $0) != .text }
      guard candidates.count == 1 else {
        let found = candidates.isEmpty ? "no column" : "the columns \(candidates.joined(separator: ", "))"
        throw BloxError(.usage, "\(path) has \(found) of numbers; say which is meant by --column NAME")
      }
      name = candidates[0]
    }
    let chosen = name ?? ""
    let values = try table.numbers(chosen)
    // Far from what squares of 32-bit numbers can hold.
    if let row = values.firstIndex(where: { !(abs($0) < 1e30) }) {
      throw BloxError(.file, "\(path): column '\(chosen)': the value in row \(row + 1) is not finite, or too large")
    }
    return (chosen, values)
  }
}
