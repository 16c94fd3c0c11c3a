// What the functions of tensors refuse, in which words, with the user's line and module.

import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("Errors of tensors")
struct TensorErrorTests {
  private let matrix = (try? Tensor([[1, 2, 3], [4, 5, 6]])) ?? Tensor(0)
  private let vector = (try? Tensor([1, 2])) ?? Tensor(0)

  /// A call that must fail, and what its error must be.
  struct Failure: Sendable, CustomTestStringConvertible {
    let code: BloxError.Code
    let message: String
    let call: @Sendable (_ matrix: Tensor, _ vector: Tensor) throws -> Void
    var testDescription: String { message }

    init(
      _ code: BloxError.Code, _ message: String, _ call: @escaping @Sendable (Tensor, Tensor) throws -> Any
    ) {
      (self.code, self.message) = (code, message)
      self.call = { _ = try call($0, $1) }
    }
  }

  static let failures = [
    Failure(.shapeMismatch, "add: the shapes of f32[2,3] and f32[2] do not broadcast") { try $0 + $1 },
    Failure(.shapeMismatch, "compare: the shapes of f32[2,3] and f32[2] do not broadcast") { try $0 .== $1 },
    Failure(.shapeMismatch, "select: the shapes of bool[2] and f32[2,3] do not broadcast") {
      try select($1 .> 0, $0, $0)
    },
    Failure(.shapeMismatch, "broadcast: f32[2,3] cannot be broadcast to the shape [3]") { m, _ in
      try m.broadcast(to: [3])
    },
    Failure(.shapeMismatch, "reshape: f32[2,3] has 6 elements, which do not divide into [4, -1]") { m, _ in
      try m.reshape([4, -1])
    },
    Failure(.shapeMismatch, "reshape: the shape [4] has 4 elements, not 6; got f32[2,3]") { m, _ in
      try m.reshape([4])
    },
    Failure(.shapeMismatch, "squeeze: axis 0 of f32[2,3] has size 2, not 1") { m, _ in try m.squeeze([0]) },
    Failure(.shapeMismatch, "stack: needs at least one tensor, and all of one shape; got f32[2,3], f32[2]") {
      try stack([$0, $1])
    },
    Failure(.shapeMismatch, "matmul: operands must not be scalars; got f32[2,3], f32[]") { m, _ in
      try m.matmul(Tensor(1.0))
    },
    Failure(.shapeMismatch, "item: a tensor of type f32[2,3] has 6 elements; only one can be an item") { m, _ in
      try m.item()
    },
    Failure(.shapeMismatch, "Tensor: 3 elements were given for f32[2], which has 2") { _, _ in
      try Tensor(shape: [2], scalars: [1.0, 2, 3])
    },
    Failure(.shapeMismatch, "Tensor: the rows have different lengths: [1, 2]") { _, _ in try Tensor([[1], [1, 2]]) },
    Failure(.shapeMismatch, "Tensor: the nested rows have different lengths") { _, _ in
      try Tensor([[[1], [2]], [[1]]])
    },
    Failure(.invalidArgument, "quantile: the fraction 1.5 is not between 0 and 1") { m, _ in try m.quantile(1.5) },
    Failure(.invalidArgument, "nanQuantile: the fraction nan is not between 0 and 1") { m, _ in
      try m.nanQuantile(.nan)
    },
    Failure(.invalidArgument, "percentile: -1.0 of f32[2,3] is not between 0 and 100") { m, _ in
      try m.percentile(-1)
    },
    Failure(.shapeMismatch, "quantile: the fractions must be a scalar or vector; got f32[2,3]") { m, _ in
      try m.quantile(m)
    },
    Failure(.invalidAxis, "quantile: an axis is given twice in [0, -2]") { m, _ in try m.median([0, -2]) },
    Failure(.invalidArgument, "diff: the order -1 of f32[2,3] must not be negative") { m, _ in try m.diff(-1) },
    Failure(.invalidAxis, "diff: axis 2 is out of range for a tensor of rank 2") { m, _ in try m.diff(axis: 2) },
    Failure(.invalidArgument, "convolutionPatches: the window [-1] is not of valid sizes") { _, _ in
      try convolutionPatches(Tensor.ones([1, 4, 1]), window: [-1])
    },
    Failure(.invalidArgument, "convolutionPatches: the window [\(Int.max), 2] is not of valid sizes") { _, _ in
      try convolutionPatches(Tensor.ones([1, 4, 4, 1]), window: [.max, 2])
    },
    Failure(
      .shapeMismatch, "convolutionPatches: f32[2,3] has 0 spatial dimensions; the window has 1, the layout 0"
    ) { m, _ in try convolutionPatches(m, window: [1]) },
    Failure(.shapeMismatch, "foldIn: key[3] and i32[2] do not broadcast") { _, _ in
      try Key(Key(1).split(3).tensor).foldIn(Tensor.arange(2))
    },
    Failure(.dtypeMismatch, "oneHot: needs integer classes; got f32[2]") { try oneHot($1, 3) },
    Failure(.dtypeMismatch, "foldIn: needs integer data; got f32[2]") { try Key(0).foldIn($1) },
    Failure(.dtypeMismatch, "Key: needs a tensor of dtype key; got f32[2]; use Key(words:) for words") { try Key($1) },
    Failure(.dtypeMismatch, "key and f32 do not combine: random keys take part in no arithmetic") {
      try Key(0).tensor + $1
    },
    Failure(.invalidAxis, "reduce_sum: axis 2 is out of range for a tensor of rank 2") { m, _ in try m.sum([2]) },
    Failure(.invalidAxis, "reduce_max: an axis is given twice in [0, -2]") { m, _ in try m.max([0, -2]) },
    Failure(.invalidAxis, "argmax: axis -3 is out of range for a tensor of rank 2") { m, _ in try m.argmax(-3) },
    Failure(.invalidAxis, "expandDims: axis 4 is out of range for a tensor of rank 3") { m, _ in try m.expandDims(4) },
    Failure(.invalidAxis, "concatenate: axis 2 is out of range for a tensor of rank 2") { m, _ in
      try concatenate([m], axis: 2)
    },
    Failure(.invalidArgument, "at: index 2 is out of range for axis 0 of f32[2,3]") { m, _ in try m.at(2) },
    Failure(.invalidArgument, "concatenate: needs at least one tensor") { _, _ in try concatenate([]) },
    Failure(.invalidArgument, "permutation: the count -1 is negative") { _, _ in try Key(0).permutation(-1) },
    Failure(.invalidArgument, "truncatedNormal: the bounds 1.0 and 1.0 leave nothing between") { _, _ in
      try Key(0).truncatedNormal(low: 1, high: 1)
    },
    Failure(.invalidDType, "uniform: needs a floating-point dtype, not i32") { _, _ in
      try Key(0).uniform(dtype: .i32)
    },
    Failure(.invalidDType, "a key tensor cannot be made of numbers; make keys with Key(seed)") { _, _ in
      try Tensor([1], dtype: .key)
    },
  ]

  @Test("bad arguments are errors that say what and where", arguments: failures)
  func failure(_ failure: Failure) throws {
    let eager = try thrown { try failure.call(matrix, vector) }
    #expect(eager.code == failure.code)
    #expect(eager.message == failure.message)
    // The same words in a traced function, except where elements are read.
    guard !failure.message.hasPrefix("item") else { return }
    let traced = try thrown {
      try jit { (m: Tensor, v: Tensor) throws -> Tensor in
        try failure.call(m, v)
        return m
      }(matrix, vector)
    }
    #expect(traced.message == failure.message)
  }

  @Test("a size that is negative or too large is invalid") func invalidShapes() throws {
    let negative = try thrown { try Tensor.zeros([-1]) }
    #expect(negative.code == .invalidShape)
    #expect(negative.message == "Tensor.full: the shape f32[-1] has a negative dimension")
    let large = try thrown { try Tensor.zeros([1 << 30, 1 << 20]) }
    #expect(large.code == .invalidShape)
    #expect(
      large.message
        == "Tensor.full: a tensor of type f32[1073741824,1048576] does not fit in memory; at most 2^47 bytes are"
        + " allowed")
    // Sizes whose product overflows are no way around.
    #expect(try thrown { try Tensor.zeros([1 << 40, 1 << 40]) }.code == .invalidShape)
  }

  @Test("an executable needs a planned program and arguments that fit") func runtimeErrors() throws {
    let program = try makeProgram(name: "double", { (x: Tensor) in try x * 2 }, vector)
    #expect(
      try thrown { try Executable(planned: program) }.message
        == "the program @double has no buffer plan; run planBuffers first")
    let executable = try Compiler.compile(program)
    let error = try thrown { try executable.run([]) }
    #expect(error.code == .runtime)
    #expect(error.message == "@double takes 1 arguments; got 0")
  }

  @Test("shape errors carry the module's path and the user's line") func places() throws {
    func fail() throws -> Tensor {
      try ModuleScope.with("net/mlp/hidden") { try matrix.matmul(vector, file: "App/Model.swift", line: 7) }
    }
    for error in [try thrown { try fail() }, try thrown { try jit { () throws -> Tensor in try fail() }() }] {
      #expect(error.code == .shapeMismatch)
      #expect(error.modulePath == "net/mlp/hidden")
      #expect(error.description.hasSuffix(" [in net/mlp/hidden] [at Model.swift:7]"), "\(error)")
      #expect(error.message.contains("f32[2,3]") && error.message.contains("f32[2]"), "\(error)")
    }
    let line = #line + 1
    let error = try thrown { try matrix.sum([0]).reshape([5]) }
    #expect(error.location?.line == line)
    #expect(error.location?.file.hasSuffix("TensorErrorTests.swift") == true)
  }
}
