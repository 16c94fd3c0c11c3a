// Simplification, rule by rule (the cases are in SimplificationCases*.swift), and as a whole.

import BloxIR
import BloxRuntime
import Testing

@testable import BloxPasses

/// A program before and after simplification; the same when a rule must not apply.
struct SimplificationCase: CustomStringConvertible {
  let rule: String
  let signature: String
  let before: String
  let after: String
  /// Whether constants are folded.
  var folds = false

  var isPositive: Bool { before != after }
  var description: String { "\(rule): \(before)" }

  /// `"f32[2], i32[] -> f32[2]"` and `"%1: f32[2] = neg %0; return %1"` as a program.
  func program(_ body: String) throws -> Program {
    let sides = signature.split(separator: "->", omittingEmptySubsequences: false).map {
      $0.split(separator: " ").joined(separator: " ")
    }
    let types = sides[0].isEmpty ? [] : sides[0].replacing(", ", with: ";").split(separator: ";")
    let parameters = types.enumerated().map { "%\($0): \($1)" }.joined(separator: ", ")
    let statements = body.replacing("; ", with: "\n  ")
    return try Program(
      parsing: "// blox-ir 1\nprogram @p(\(parameters)) -> (\(sides[1])) {\n  \(statements)\n}\n")
  }
}

/// `before` becomes `after`.
func rewrites(
  _ rule: String, _ signature: String, _ before: String, _ after: String, folds: Bool = false
) -> SimplificationCase {
  SimplificationCase(rule: rule, signature: signature, before: before, after: after, folds: folds)
}

/// `before` stays.
func keeps(_ rule: String, _ signature: String, _ before: String, folds: Bool = false) -> SimplificationCase {
  SimplificationCase(rule: rule, signature: signature, before: before, after: before, folds: folds)
}

struct SimplificationTests {
  @Test("Every rule rewrites what it says and nothing more", arguments: allSimplificationCases)
  func rule(_ testCase: SimplificationCase) throws {
    let before = try testCase.program(testCase.before)
    let after = try testCase.program(testCase.after)
    let got = try before.simplified(testCase.folds ? folding : PassContext())
    #expect(got == after, "\(testCase.rule)\nbefore:\n\(before)\ngot:\n\(got)\nexpected:\n\(after)")
    try got.verify()

    let arguments = randomArguments(before, seed: 7)
    let expected = try ReferenceInterpreter.run(before, arguments)
    #expect(try sameBits(ReferenceInterpreter.run(got, arguments), expected), "\(testCase.rule): values changed")
  }

  @Test("Every rule has a case where it applies and one where it must not")
  func coverage() {
    let names = Set(Rule.all.map(\.name))
    #expect(names == Set(allSimplificationCases.filter(\.isPositive).map(\.rule)))
    #expect(names == Set(allSimplificationCases.filter { !$0.isPositive }.map(\.rule)))
  }

  @Test("Twenty thousand instructions simplify within seconds: work is linear", .timeLimit(.minutes(10)))
  func linearWork() throws {
    let count = 20_000
    let program = try makeProgram([.f32(4)]) { (b, x) throws(BloxError) in
      var y = x[0]
      for index in 0..<count / 4 {
        y = try b.add(b.neg(b.neg(y)), b.splat(Double(index % 7), like: y))
        y = try b.mul(y, b.splat(1, like: y))
      }
      return [y]
    }
    #expect(try program.simplified().instructions.count == count / 4)
  }
}
