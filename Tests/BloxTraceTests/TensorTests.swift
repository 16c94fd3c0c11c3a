// Making tensors, reading them, and showing them.

import Testing

@testable import BloxTrace

@Suite("Tensors")
struct TensorTests {
  @Test("numbers become f32 and i32 unless another dtype is asked for") func defaults() throws {
    #expect(try Tensor([1, 2]).type == TensorType(.f32, [2]))
    #expect(Tensor(1).dtype == .i32 && Tensor(1.5).dtype == .f32 && Tensor(true).dtype == .bool)
    #expect(try Tensor(shape: [2], scalars: [UInt8(1), 2]).dtype == .u8)
    #expect(try Tensor(shape: [1], scalars: [2.5], dtype: .bf16).item() == 2.5)
    #expect(try Tensor([[[1], [2]]]).shape == [1, 2, 1])
  }

  @Test("elements are read as any number type, saturating") func reading() throws {
    let x = try Tensor([-1.7, 0, 300, .infinity, .nan])
    #expect(try x.scalars(as: Int8.self) == [-1, 0, 127, 127, 0])
    #expect(try x.scalars(as: UInt8.self) == [0, 0, 255, 255, 0])
    #expect(try x.scalars(as: Bool.self) == [true, false, true, true, true])
    #expect(try Tensor(shape: [1], scalars: [UInt64.max]).scalars(as: UInt64.self) == [.max])
    #expect(try Tensor(shape: [1], scalars: [UInt64.max]).scalars(as: Int.self) == [.max])
  }

  @Test("constants: zeros, ones, full, iota, arange, eye") func constants() throws {
    #expect(try Tensor.zeros([2], dtype: .i8).scalars() == [0, 0])
    #expect(try Tensor.ones(like: Tensor.zeros([1], dtype: .u16)).type == TensorType(.u16, [1]))
    #expect(try Tensor.full([2], 2.5).scalars() == [2.5, 2.5])
    #expect(try Tensor.iota([2, 3], axis: -1).scalars() == [0, 1, 2, 0, 1, 2])
    #expect(try Tensor.arange(3).scalars() == [0, 1, 2])
    #expect(try Tensor.eye(2).scalars() == [1.0, 0, 0, 1])
  }

  @Test("means and variances of half precision neither overflow nor lose digits") func halfStatistics() throws {
    let many = try Tensor.full([70_000], 0.5, dtype: .f16)
    #expect(try many.mean().item() == 0.5 && many.nanMean().item() == 0.5)
    #expect(try Tensor.full([257], 3, dtype: .bf16).mean().item() == 3)
    let apart = try (Tensor.arange(256) % 2 * 400).cast(to: .f16)
    #expect(try apart.variance().item() == 40_000 && apart.nanVariance().item() == 40_000)
    #expect(try apart.standardDeviation().dtype == .f16 && apart.variance(freedom: 1).dtype == .f16)
  }

  @Test("scalars take the tensor's dtype; floating ones lift integers") func scalarPromotion() throws {
    let ints = try Tensor(shape: [1], scalars: [Int8(3)])
    #expect(try (ints + 1).dtype == .i8 && (ints + 1.0).dtype == .f32 && (ints / 2).dtype == .f32)
    let half = try Tensor([1], dtype: .bf16)
    #expect(try (half * 2.0).dtype == .bf16 && (2 - half).dtype == .bf16)
    #expect(try (Tensor(true) + 1).dtype == .i32)
    #expect(try exp(ints).dtype == .f32 && ints.mean().dtype == .f32 && ints.sum().dtype == .i32)
  }

  @Test("text in nested brackets with aligned columns, as NumPy shows arrays") func text() throws {
    #expect("\(Tensor(2.0))" == "2.")
    #expect("\(try Tensor([1, -2.5]))" == "[ 1.  -2.5]")
    #expect("\(try Tensor([[1, 2], [3, 4]], dtype: .i32))" == "[[1 2]\n [3 4]]")
    #expect("\(try Tensor([[[1]], [[2]]]))" == "[[[1.]]\n\n [[2.]]]")
    #expect("\(try Tensor([0, 1]) .> 0)" == "[False  True]")
    #expect("\(try Tensor([.nan, .infinity, -.infinity]))" == "[ nan  inf -inf]")
    #expect("\(Key(42).tensor)" == "key(0, 42)")
    #expect("\(try Tensor.arange(2000))" == "[   0    1    2 ... 1997 1998 1999]")
    #expect("\(try Tensor.zeros([0]))" == "[]")
  }

  @Test("fixed decimals are rounded as C rounds them") func fixedDecimals() {
    #expect(fixed(0.51447, decimals: 4) == "0.5145")
    #expect(fixed(-1.5, decimals: 0) == "-2" && fixed(2.5, decimals: 0) == "2")
    #expect(fixed(-0.001, decimals: 2) == "-0.00" && fixed(.nan, decimals: 2) == "nan")
  }

  /// A tree of a user's own.
  private struct Line: TensorTree {
    var weight: Tensor
    var bias: Tensor?
    mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
      try visitor.visit(&weight, "weight")
      try visitor.visit(&bias, "bias")
    }
  }

  @Test("T-75, T-76: trees of your own flatten in order and rebuild") func trees() throws {
    let line = Line(weight: Tensor(2.0), bias: Tensor(3.0))
    let tree = ["b": [line], "a": []]
    #expect(try tree.tensors().map { try $0.item() } == [2, 3])
    let doubled = try treeMap(tree) { try $0 * 2 }
    #expect(try doubled["b"]![0].bias!.item() == 6 && doubled["a"]!.isEmpty)
    let sums = try treeMap(line, line, line) { try $0 + $1 + $2 }
    #expect(try sums.weight.item() == 6)
    let gradient = try grad { (l: Line) in try l.weight * l.bias! }(line)
    #expect(try (gradient.weight.item(), gradient.bias!.item()) == (3, 2))
    #expect(try grad { (l: Line) in try l.weight * 2 }(Line(weight: Tensor(1.0))).bias == nil)
  }

  @Test("arguments are labelled by their place in the tree") func labels() throws {
    let program = try makeProgram(
      { (line: [String: Line], x: Tensor?) in try line["l"]!.weight * x! }, ["l": Line(weight: Tensor(1.0))],
      Tensor(2.0))
    #expect(program.parameters.map { $0.label?.text } == ["arg0.l.weight", "arg1"])
  }
}
