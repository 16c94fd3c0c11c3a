// Accuracy of the f32 functions over all numbers: every so many-th bit pattern against the reference, which is
// correctly rounded. Release builds look at a million patterns for each function, debug builds at some thousands.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite struct DifferentialAccuracyTests {
  /// A prime, so that all exponents and all low bits occur.
  static let patternStep: UInt64 = {
    var step: UInt64 = 4099
    // The body of an assertion runs in debug builds only.
    assert(
      {
        step = 1_049_347; return true
      }())
    return step
  }()

  @Test(
    "f32 functions stay within their bounds over all numbers",
    arguments: Op.Unary.allCases.filter { ![.not, .populationCount, .clz].contains($0) })
  func unary(_ op: Op.Unary) throws {
    let patterns = stride(from: 0, to: UInt64(1) << 32, by: UInt64.Stride(DifferentialAccuracyTests.patternStep))
    let elements = patterns.map { Literal(dtype: .f32, bits: $0) }
    try expectAgreement(.unary(op), [vector(elements)])
  }

  @Test("f32 powers and remainders stay within their bounds", arguments: [Op.Binary.pow, .rem, .div])
  func binary(_ op: Op.Binary) throws {
    // Powers are mostly 0 or infinite: bases around 1 and small exponents fill the range between.
    var generator = SeededGenerator(seed: 8)
    let count = Int((UInt64(1) << 32) / DifferentialAccuracyTests.patternStep)
    let x = (0..<count).map { _ in Literal(Double.random(in: 0...4, using: &generator), as: .f32) }
    let y = (0..<count).map { _ in Literal(Double.random(in: -90...90, using: &generator), as: .f32) }
    try expectAgreement(.binary(op), [vector(x), vector(y)])
  }

  private func expectAgreement(_ op: Op, _ operands: [DenseConstant]) throws {
    let got = try executable(program(of: op, operands.map(\.type))).run(operands)[0]
    let want = try ReferenceInterpreter.evaluate(op, operands: operands)[0]
    guard let text = disagreement(got: got, want: want, try op.agreement(operands)) else { return }
    let worst = (0..<want.type.elementCount).max { distance(got[$0], want[$0]) < distance(got[$1], want[$1]) } ?? 0
    Issue.record(
      """
      \(op.name): \(text); worst \(distance(got[worst], want[worst])) ulps at \
      \(operands.map { describe($0[worst]) }.joined(separator: ", "))
      """)
  }

  private func distance(_ a: Literal, _ b: Literal) -> Int {
    a.doubleValue.isNaN || b.doubleValue.isNaN ? 0 : abs(place(a) - place(b))
  }
}
