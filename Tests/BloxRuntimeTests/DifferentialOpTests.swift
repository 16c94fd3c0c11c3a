// Every elementwise op on every dtype that its type rule admits: compiled against the reference.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite struct DifferentialOpTests {
  static let allShapes: [[Int]] = [[], [0], [1], [7], [3, 5], [2, 0, 3], [2, 3, 1, 4]]

  /// Elementwise ops with the dtypes of their operands.
  static func elementwise() -> [(op: Op, dtypes: [DType])] {
    var cases: [(Op, [DType])] = []
    for dtype in DType.allCases {
      for op in Op.Unary.allCases { cases.append((.unary(op), [dtype])) }
      for op in Op.Binary.allCases { cases.append((.binary(op), [dtype, dtype])) }
      for direction in Op.Comparison.allCases { cases.append((.compare(direction), [dtype, dtype])) }
      for other in DType.allCases {
        cases.append((.convert(other), [dtype]))
        cases.append((.bitcastConvert(other), [dtype]))
      }
      for exponent in [-5, -2, -1, 0, 1, 2, 3, 7, 10] { cases.append((.integerPow(exponent), [dtype])) }
      cases.append((.stopGradient, [dtype]))
      cases.append((.select, [.bool, dtype, dtype]))
      cases.append((.clamp, [dtype, dtype, dtype]))
      cases.append((.fma, [dtype, dtype, dtype]))
    }
    return cases.filter { op, dtypes in (try? op.resultTypes(for: dtypes.map { TensorType($0) })) != nil }
  }

  /// The combinations without a kernel; compiling them must be refused. This list only shrinks.
  static let unsupported: Set<String> = []

  @Test("Elementwise ops agree with the reference at special values, in every dtype")
  func specialValues() throws {
    var generator = SeededGenerator(seed: 1)
    var refused: Set<String> = []
    for (op, dtypes) in DifferentialOpTests.elementwise() {
      let operands: [DenseConstant]
      let pools = dtypes.map { specialElements($0) }
      switch dtypes.count {
      case 1: operands = [vector(pools[0])]
      case 2: operands = allPairs(pools[0], pools[1])
      default:
        operands = pools.map { pool in vector((0..<1000).map { _ in pool.randomElement(using: &generator)! }) }
      }
      do {
        if let text = try disagreement(op, operands) { Issue.record("\(text)\(operandsAtFailure(text, operands))") }
      } catch let error as BloxError where error.code == .unsupported {
        #expect(error.message.contains(op.name), "the message names the instruction: \(error)")
        refused.insert("\(op.name) \(dtypes.map(\.rawValue).joined(separator: " "))")
      }
    }
    #expect(refused == DifferentialOpTests.unsupported)
  }

  @Test("Elementwise ops agree with the reference in every shape", arguments: DifferentialOpTests.allShapes)
  func shapes(_ shape: [Int]) throws {
    var generator = SeededGenerator(seed: 2)
    for (op, dtypes) in DifferentialOpTests.elementwise() {
      let operands = dtypes.map { randomTensor(TensorType($0, shape), &generator) }
      do {
        if let text = try disagreement(op, operands) { Issue.record("\(text)\(operandsAtFailure(text, operands))") }
      } catch let error as BloxError where error.code == .unsupported {}
    }
  }

  /// The operands at the element that a message names.
  private func operandsAtFailure(_ text: String, _ operands: [DenseConstant]) -> String {
    guard let words = text.range(of: "element "),
      let index = Int(text[words.upperBound...].prefix { $0.isNumber })
    else { return "" }
    return "; operands " + operands.map { describe($0[index]) }.joined(separator: ", ")
  }
}

extension String {
  fileprivate func range(of other: String) -> Range<String.Index>? {
    indices.first { self[$0...].hasPrefix(other) }.map { $0..<index($0, offsetBy: other.count) }
  }
}
