// The operations agree with JAX, forward and in both directions of differentiation, eagerly and compiled.

import BloxIR
import BloxTrace
import TestSupport
import Testing

@Suite("Conformance of operations")
struct OpConformanceTests {
  @Test("ops_unary: functions of one tensor") func unary() throws {
    #expect(try runGroup("ops_unary", bind: bindUnary).ran == 258)
  }

  @Test("ops_binary: functions of two tensors") func binary() throws {
    #expect(try runGroup("ops_binary", bind: bindBinary).ran == 205)
  }

  @Test("ops_compare_select: comparisons and choices") func compareSelect() throws {
    #expect(try runGroup("ops_compare_select", bind: bindCompareSelect).ran == 65)
  }

  @Test("ops_convert: conversions and bit patterns") func convert() throws {
    #expect(try runGroup("ops_convert", bind: bindConvert).ran == 114)
  }

  @Test("ops_dot: products") func dot() throws {
    #expect(try runGroup("ops_dot", bind: bindDot).ran == 52)
  }

  @Test("ops_conv: convolutions") func convolutions() throws {
    #expect(try runGroup("ops_conv", bind: bindConvolution).ran == 24)
  }

  @Test("ops_linalg: factorisations and solutions of matrices") func linearAlgebra() throws {
    #expect(try runGroup("ops_linalg", bind: bindLinearAlgebra).ran == 34)
  }

  @Test("ops_indexing: reading and writing at places") func indexing() throws {
    #expect(try runGroup("ops_indexing", bind: bindIndexing).ran == 96)
  }

  @Test("ops_cumulative: sums, products and extremes so far") func cumulative() throws {
    #expect(try runGroup("ops_cumulative", bind: bindCumulative).ran == 39)
  }

  @Test("ops_window: reductions of windows") func windows() throws {
    #expect(try runGroup("ops_window", bind: bindWindow).ran == 28)
  }

  @Test("ops_sorting: sorts and the largest elements") func sorting() throws {
    #expect(try runGroup("ops_sorting", bind: bindSorting).ran == 36)
  }

  @Test("ops_reduce: reductions") func reduce() throws {
    #expect(try runGroup("ops_reduce", bind: bindReduce).ran == 174)
  }

  @Test("ops_shape: rearrangements") func shape() throws {
    #expect(try runGroup("ops_shape", bind: bindShape).ran == 88)
  }

  @Test("ops_nn: functions of networks") func nn() throws {
    #expect(try runGroup("ops_nn", bind: bindNN).ran == 127)
  }

  @Test("x64: wide dtypes") func wide() throws {
    #expect(try runGroup("x64", bind: bindWide).ran == 105)
  }

  @Test("ops_convert: every pair of dtypes promotes as in JAX") func promotion() throws {
    let table = try ConformanceGroup.load("ops_convert").cases.first { $0.op == "promote_types" }
    let pairs = try #require(table?.attrs["table"]?.object)
    #expect(pairs.count == 88)
    for (pair, want) in pairs.sorted(by: { $0.key < $1.key }) {
      let names = pair.split(separator: "+").map(String.init)
      let dtype = try DType(stored: names[0])
      let got: DType
      switch names[1] {
      case "pybool": got = try dtype.promoted(with: .bool)
      case "pyint": got = try (Tensor.ones([1], dtype: dtype) + 1).dtype
      case "pyfloat": got = try (Tensor.ones([1], dtype: dtype) + 1.0).dtype
      case let other: got = try dtype.promoted(with: DType(stored: other))
      }
      #expect(try got == DType(stored: want.string ?? ""), "\(pair)")
    }
  }
}
