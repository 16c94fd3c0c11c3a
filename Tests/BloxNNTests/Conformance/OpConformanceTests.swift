// The operations agree with JAX, forward and in both directions of differentiation, eagerly and compiled.

import BloxIR
import BloxTrace
import Testing
import TestSupport

@Suite("Conformance of operations")
struct OpConformanceTests {
  @Test("ops_unary: functions of one tensor") func unary() throws {
    #expect(try runGroup("ops_unary", bind: bindUnary).ran == 0)
  }

  @Test("ops_binary: functions of two tensors") func binary() throws {
    #expect(try runGroup("ops_binary", bind: bindBinary).ran == 0)
  }

  @Test("ops_compare_select: comparisons and choices") func compareSelect() throws {
    #expect(try runGroup("ops_compare_select", bind: bindCompareSelect).ran == 0)
  }

  @Test("ops_convert: conversions and bit patterns") func convert() throws {
    #expect(try runGroup("ops_convert", bind: bindConvert).ran == 0)
  }

  @Test("ops_dot: products") func dot() throws {
    #expect(try runGroup("ops_dot", bind: bindDot).ran == 0)
  }

  @Test("ops_reduce: reductions") func reduce() throws {
    #expect(try runGroup("ops_reduce", bind: bindReduce).ran == 0)
  }

  @Test("ops_shape: rearrangements") func shape() throws {
    #expect(try runGroup("ops_shape", bind: bindShape).ran == 0)
  }

  @Test("ops_nn: functions of networks") func nn() throws {
    #expect(try runGroup("ops_nn", bind: bindNN).ran == 0)
  }

  @Test("ops_convert: every pair of dtypes promotes as in JAX") func promotion() throws {
    let table = try ConformanceGroup.load("ops_convert").cases.first { $0.op == "promote_types" }
    let pairs = try #require(table?.attrs["table"]?.object)
    #expect(pairs.count >= 100)
    for (pair, want) in pairs.sorted(by: { $0.key < $1.key }) {
      let names = pair.split(separator: "+").map(String.init)
      let got = try DType(stored: names[0]).promoted(with: DType(stored: names[1]))
      #expect(try got == DType(stored: want.string ?? ""), "\(pair)")
    }
  }
}
