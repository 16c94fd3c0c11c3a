// Orthogonal initial values.

import BloxTrace

extension Initializer {
  /// A matrix with orthonormal columns or rows, whichever are fewer, uniform among all such, times `scale` (Saxe,
  /// McClelland and Ganguli, 2013). More dimensions than two are the rows of the matrix, but for `columnAxis`.
  public static func orthogonal(scale: Double = 1, columnAxis: Int = -1) -> Initializer {
    Initializer("orthogonal(scale: \(scale))") { key, shape, dtype in
      guard shape.count >= 2, columnAxis >= -shape.count, columnAxis < shape.count else {
        throw BloxError(
          .invalidShape,
          "orthogonal: needs at least two dimensions, one of which is column axis \(columnAxis); got \(shape)")
      }
      let axis = (columnAxis + shape.count) % shape.count
      let columns = shape[axis]
      let rows = shape.indices.filter { $0 != axis }.reduce(1) { $0 * shape[$1] }
      let matrix = try key.orthogonal(rows, columns: columns, dtype: dtype)
      let outer = shape.indices.filter { $0 != axis }.map { shape[$0] } + [columns]
      var order = Array(0..<(shape.count - 1))
      order.insert(shape.count - 1, at: axis)
      return try matrix.reshape(outer).transpose(order) * scale
    }
  }

  /// Zeros but for an orthogonal matrix at the centre of the window, for the kernel of a convolution `[window…, in, out]`
  /// with one to three window dimensions and no fewer outputs than inputs (Xiao et al., 2018).
  public static func deltaOrthogonal(scale: Double = 1, columnAxis: Int = -1) -> Initializer {
    Initializer("deltaOrthogonal(scale: \(scale))") { key, shape, dtype in
      guard (3...5).contains(shape.count), shape[shape.count - 1] >= shape[shape.count - 2] else {
        throw BloxError(
          .invalidShape,
          "deltaOrthogonal: needs a kernel [window…, in, out] with one to three window dimensions and no fewer outputs"
            + " than inputs; got \(shape)")
      }
      let outputs = shape[shape.count - 1]
      let inputs = shape[shape.count - 2]
      let square = try orthogonal(scale: scale, columnAxis: columnAxis)(key, [outputs, outputs], dtype)
      let matrix = try square.slice(0..<inputs)
      let window = shape.dropLast(2)
      let before = window.map { ($0 - 1) / 2 }
      let after = zip(window, before).map { $0 - 1 - $1 }
      guard window.allSatisfy({ $0 > 0 }) else { return try Tensor.zeros(shape, dtype: dtype) }
      return try matrix.reshape(window.map { _ in 1 } + [inputs, outputs])
        .pad(low: before + [0, 0], high: after + [0, 0], value: 0)
    }
  }
}
