// Each kind of bad input: an error with the operands' types, the path of the module, and the line of the call.

import Testing

@testable import BloxTrace

@Suite("Bad input")
struct BadInputTests {
  /// A call, made by line 12 of Model.swift in the module net/mlp.
  struct Failure: Sendable, CustomTestStringConvertible {
    let code: BloxError.Code
    let message: String
    let call: @Sendable (_ matrix: Tensor, _ file: String, _ line: Int) throws -> Void
    var testDescription: String { message }

    init(
      _ code: BloxError.Code, _ message: String, _ call: @escaping @Sendable (Tensor, String, Int) throws -> Any
    ) {
      (self.code, self.message) = (code, message)
      self.call = { _ = try call($0, $1, $2) }
    }
  }

  static func shapes() -> [Failure] {
    var all: [Failure] = []
    func add(
      _ code: BloxError.Code, _ message: String, _ call: @escaping @Sendable (Tensor, String, Int) throws -> Any
    ) { all.append(Failure(code, message, call)) }
    // Wrong rank.
    add(.invalidAxis, "transpose: [0] is no permutation of 2 dimensions; got f32[2,3]") {
      try $0.transpose([0], file: $1, line: $2)
    }
    add(.shapeMismatch, "conv: needs inputs and a kernel of one rank, at least 2; got f32[2,3], f32[1,2,3]") {
      try conv($0, $0.expandDims(0), file: $1, line: $2)
    }
    // Wrong shape.
    add(.shapeMismatch, "broadcast: f32[2,3] cannot be broadcast to the shape [3]") {
      try $0.broadcast(to: [3], file: $1, line: $2)
    }
    add(.shapeMismatch, "update: f32[2,3] does not broadcast to the shape [3] of the indexed elements") {
      try $0.at[0, file: $1, line: $2].set($0)
    }
    add(.shapeMismatch, "stack: needs at least one tensor, and all of one shape; got f32[2,3], f32[3,2]") {
      try stack([$0, $0.transpose()], file: $1, line: $2)
    }
    // Wrong dtype.
    add(.dtypeMismatch, "oneHot: needs integer classes; got f32[2,3]") { try oneHot($0, 3, file: $1, line: $2) }
    add(.dtypeMismatch, "index: places must be integers or bool; got f32[2,3]") {
      try $0.take($0, axis: 0, file: $1, line: $2)
    }
    // Axes, and axes given twice.
    add(.invalidAxis, "reduce_sum: axis 2 is out of range for a tensor of rank 2") {
      try $0.sum([2], file: $1, line: $2)
    }
    add(.invalidAxis, "reduce_max: axis -3 is out of range for a tensor of rank 2") {
      try softmax($0, axis: -3, file: $1, line: $2)
    }
    add(.invalidAxis, "mean: an axis is given twice in [1, -1]") { try $0.mean([1, -1], file: $1, line: $2) }
    return all
  }

  static func sizes() -> [Failure] {
    var all: [Failure] = []
    func add(
      _ code: BloxError.Code, _ message: String, _ call: @escaping @Sendable (Tensor, String, Int) throws -> Any
    ) { all.append(Failure(code, message, call)) }
    // Windows out of range.
    add(.invalidArgument, "slice: the window 1..<4 is outside dimension 1 of size 3; got f32[2,3]") {
      try $0.slice(1..<4, axis: 1, file: $1, line: $2)
    }
    add(
      .invalidArgument,
      "dynamic_slice: a window of size 4 does not fit dimension 1 of size 3; got f32[2,3], i32[], i32[]"
    ) { try $0.dynamicSlice(Tensor(0), size: 4, axis: 1, file: $1, line: $2) }
    add(.invalidArgument, "reduceWindow: the stride 0 in dimension 1 must be at least 1") {
      try $0.reduceWindow(.max, window: [1, 2], strides: [1, 0], file: $1, line: $2)
    }
    add(.invalidArgument, "index: 2 is out of range for axis 0 of size 2 of [2, 3]") { try $0[2, file: $1, line: $2] }
    add(.invalidArgument, "top_k: k must be between 0 and 3, the size of axis 1; it is 4; got f32[2,3]") {
      try $0.topK(4, file: $1, line: $2)
    }
    // Negative sizes.
    add(.invalidShape, "Tensor.full: the shape f32[2,-1] has a negative dimension") {
      try Tensor.zeros([2, -1], file: $1, line: $2) + $0
    }
    add(.invalidShape, "iota: the shape i32[-1] has a negative dimension") {
      try Tensor.arange(-1, file: $1, line: $2) + $0
    }
    add(.invalidArgument, "tile: the counts [-1] of f32[2,3] must not be negative") {
      try $0.tile([-1], file: $1, line: $2)
    }
    add(.invalidShape, "random_bits: the shape u32[-2] has a negative dimension") {
      try Key(0).normal([-2], file: $1, line: $2) + $0
    }
    // Shapes whose number of elements overflows.
    add(
      .invalidShape,
      "Tensor.full: a tensor of type f32[\(Int.max),2] does not fit in memory; at most 2^47 bytes are allowed"
    ) { try Tensor.ones([.max, 2], file: $1, line: $2) + $0 }
    add(
      .invalidShape,
      "iota: a tensor of type i32[\(Int.max),\(Int.max)] does not fit in memory; at most 2^47 bytes are allowed"
    ) { try Tensor.eye(.max, file: $1, line: $2) + $0 }
    add(.invalidShape, "repeated: \(Int.max) times f32[2,3] overflows") {
      try $0.repeated(.max, axis: 0, file: $1, line: $2)
    }
    add(.invalidShape, "pad: the padding in dimension 0 overflows; got f32[2,3], f32[]") {
      try $0.pad(low: [.max, 0], high: [.max, 0], file: $1, line: $2)
    }
    let huge = "pad: a tensor of type f32[\(Int.max),3] does not fit in memory; at most 2^47 bytes are allowed"
    add(.invalidShape, huge) { try $0.pad([(.max, .max), (0, 0)], mode: .edge, file: $1, line: $2) }
    add(.invalidShape, huge) { try $0.pad([(0, .max - 2), (0, 0)], mode: .wrap, file: $1, line: $2) }
    add(.invalidArgument, "split: \(Int.max) parts of f32[0,3] are too many") {
      try $0.slice(0..<0).split(.max, file: $1, line: $2)
    }
    return all
  }

  static func transformations() -> [Failure] {
    var all: [Failure] = []
    func add(
      _ code: BloxError.Code, _ message: String, _ call: @escaping @Sendable (Tensor, String, Int) throws -> Any
    ) { all.append(Failure(code, message, call)) }
    add(
      .gradientOfNonScalar,
      "gradient only defined for scalar-output functions; the output has type f32[2,3]: reduce it first, for example"
        + " with mean() or sum(), or use a Jacobian"
    ) { x, file, line in try grad { (x: Tensor) in try x * 2 }(x, file: file, line: line) }
    add(
      .gradientOfInteger,
      "cannot differentiate with respect to the input 'arg0' of type i32[2,3]: derivatives exist for floating-point"
        + " inputs only; split parameters into trainable and other ones (params.split()), or pass the input as another"
        + " argument"
    ) { x, file, line in try grad { (x: Tensor) in try x.mean() }(x.cast(to: .i32), file: file, line: line) }
    add(
      .unboundAxis, "found an unbound axis name: rows (none is bound here); bind it with vmap(axisName: \"rows\")"
    ) { try psum($0, "rows", file: $1, line: $2) }
    add(
      .mappedResult,
      "vmap has a mapped result (axis name i), 'out', but its outAxes is nil. It is computed from the lanes by arg0 ->"
        + " mul in net/mlp. Give it an axis in outAxes, or make it independent of the lane (restore a folded seed, for"
        + " example)"
    ) { x, file, line in
      try vmap(outAxes: [nil], axisName: "i") { (x: Tensor) in try x * 2 }(x, file: file, line: line)
    }
    return all
  }

  @Test(
    "wrong ranks, shapes, dtypes, axes, windows, sizes, gradients and lanes",
    arguments: shapes() + sizes() + transformations())
  func describes(failure: Failure) throws {
    let matrix = try Tensor([[1, 2, 3], [4, 5, 6]])
    func check(_ run: () throws -> Void, _ path: String) throws {
      let error = try thrown { try run() }
      #expect(error.code == failure.code)
      #expect(error.description == "\(failure.message) [in net/mlp] [at Model.swift:12]", "\(path)")
    }
    try check({ try ModuleScope.with("net/mlp") { try failure.call(matrix, "App/Model.swift", 12) } }, "eager")
    // Traced, the innermost line is still the user's.
    try check(
      {
        _ = try jit { (x: Tensor) in
          try ModuleScope.with("net/mlp") { try failure.call(x, "App/Model.swift", 12) }
          return x
        }(matrix)
      }, "traced")
  }
}
