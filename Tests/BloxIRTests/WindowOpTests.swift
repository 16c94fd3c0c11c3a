// Type rules and text of ops on windows.

import Testing

@testable import BloxIR

@Suite("Ops on windows")
struct WindowOpTests {
  typealias Case = TypeRuleTests.Case

  private static func window(
    _ sizes: [Int], strides: [Int]? = nil, base: [Int]? = nil, dilation: [Int]? = nil, low: [Int]? = nil,
    high: [Int]? = nil
  ) -> Op.Window {
    Op.Window(sizes: sizes, strides: strides, baseDilations: base, windowDilations: dilation, low: low, high: high)
  }

  static let cases: [Case] = [
    Case(.window(.reduce(.max, window([1, 2, 2, 1], strides: [1, 2, 2, 1]))), "f32[8,28,29,3]", "f32[8,14,14,3]"),
    Case(.window(.reduce(.and, window([3]))), "bool[3]", "bool[1]"),
    Case(.window(.reduce(.sum, window([]))), "i8[]", "i8[]"),
    Case(.window(.reduce(.sum, window([4]))), "f32[3]", "f32[0]"),
    Case(.window(.reduce(.sum, window([2], low: [2], high: [2]))), "f32[0]", "f32[3]"),
    Case(.window(.reduce(.sum, window([2], low: [-2], high: [-2]))), "f32[3]", "f32[0]"),
    Case(.window(.reduce(.sum, window([2], base: [3], low: [-1], high: [2]))), "f32[4]", "f32[10]"),
    Case(.window(.reduce(.sum, window([3], strides: [2], dilation: [2]))), "f32[8]", "f32[2]"),
    Case(.window(.reduce(.sum, window([1 << 40], low: [1 << 40]))), "f32[3]", "f32[4]"),
    Case(.window(.reduce(.sum, window([2]))), "bool[3]", "reduce_window_sum: has no meaning for bool; got bool[3]"),
    Case(.window(.reduce(.xor, window([2]))), "f32[3]", "reduce_window_xor: has no meaning for f32; got f32[3]"),
    Case(.window(.reduce(.max, window([2]))), "key[3]", "reduce_window_max: has no meaning for key; got key[3]"),
    Case(
      .window(.reduce(.max, window([2]))), "f32[3] f32[3]", "reduce_window_max: takes 1 operand; got f32[3], f32[3]"),
    Case(
      .window(.reduce(.max, window([2, 2]))), "f32[3]",
      "reduce_window_max: needs a size, a stride, dilations and padding for each of 1 dimensions; got f32[3]"),
    Case(
      .window(.reduce(.max, window([2], low: []))), "f32[3]",
      "reduce_window_max: needs a size, a stride, dilations and padding for each of 1 dimensions; got f32[3]"),
    Case(
      .window(.reduce(.max, window([1, 0]))), "f32[3,3]",
      "reduce_window_max: the window size 0 in dimension 1 must be at least 1; got f32[3,3]"),
    Case(
      .window(.reduce(.max, window([1], strides: [0]))), "f32[3]",
      "reduce_window_max: the stride 0 in dimension 0 must be at least 1; got f32[3]"),
    Case(
      .window(.reduce(.max, window([1], base: [-1]))), "f32[3]",
      "reduce_window_max: the base dilation -1 in dimension 0 must be at least 1; got f32[3]"),
    Case(
      .window(.reduce(.max, window([1], dilation: [.min]))), "f32[3]",
      "reduce_window_max: the window dilation -9223372036854775808 in dimension 0 must be at least 1; got f32[3]"),
    Case(
      .window(.reduce(.max, window([.max], dilation: [.max]))), "f32[3]",
      "reduce_window_max: the windows in dimension 0 overflow; got f32[3]"),
    Case(
      .window(.reduce(.max, window([1], low: [.min]))), "f32[3]",
      "reduce_window_max: the windows in dimension 0 overflow; got f32[3]"),
    Case(
      .window(.reduce(.max, window([1], low: [1 << 47]))), "f32[3]",
      "reduce_window_max: a tensor of type f32[140737488355331] does not fit in memory; at most 2^47 bytes are allowed"
    ),
    Case(.window(.selectAndGatherAdd(.max, window([2]))), "f32[3] f32[3]", "f32[2]"),
    Case(
      .window(.selectAndGatherAdd(.max, window([2]))), "f32[3] f32[4]",
      "select_and_gather_add: operands must have one shape; got f32[3], f32[4]"),
    Case(
      .window(.selectAndGatherAdd(.max, window([2]))), "i32[3] i32[3]",
      "select_and_gather_add: needs floating-point dtypes; got i32[3], i32[3]"),
    Case(.window(.selectAndScatterAdd(.min, window([2]))), "f32[2] f32[3]", "f32[3]"),
    Case(
      .window(.selectAndScatterAdd(.min, window([2]))), "f32[3] f32[3]",
      "select_and_scatter_add: the source must have an element for each window: f32[2]; got f32[3], f32[3]"),
    Case(
      .window(.reduce(.sum, Op.Window([WindowDimension(size: 1, baseDilation: 2, windowDilation: .max, low: 5)]))),
      "f32[3]", "reduce_window_sum: the windows in dimension 0 overflow; got f32[3]"),
    Case(
      .window(.selectAndScatterAdd(.min, window([2]))), "f32[2] f64[3]",
      "select_and_scatter_add: operands must have one dtype; got f32[2], f64[3]"),
  ]

  @Test("Each op gives its result types or says what it needs", arguments: cases)
  func rule(example: Case) {
    do {
      let types = try example.op.resultTypes(for: example.operands)
      #expect(types.map(\.description).joined(separator: " ") == example.outcome)
    } catch { #expect(error.message == example.outcome) }
  }

  /// A window in text, and what is wrong with it.
  static let malformed = [
    ("reduce_window_sum %0", "got 'reduce_window_sum', expected the attribute window=[INTEGERS]"),
    ("reduce_window_sum %0 {window=2}", "expected window=[INTEGERS]"),
    ("reduce_window_sum %0 {window=[2], stride=[1]}", "expected one of the attributes"),
    ("select_and_gather_add %0, %0 {window=[2]}", "expected the attribute select="),
    ("select_and_gather_add %0, %0 {select=mean, window=[2]}", "expected select=max|min"),
  ]

  @Test("Attributes that are missing, misspelt or of another kind are refused where they stand", arguments: malformed)
  func errors(text: String, expected: String) {
    let program = "// blox-ir 1\nprogram @p(%0: f32[3]) -> (f32[2]) {\n  %1: f32[2] = \(text)\n  return %1\n}\n"
    let error = #expect(throws: BloxError.self) { try Program(parsing: program) }
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
  }
}
