// Printing from inside traced functions: when, in which order, how often.

import BloxPasses
import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("debugPrint")
struct DebugPrintTests {
  private let x = (try? Tensor([1.5, -2])) ?? Tensor(0)

  /// Prints three times among work that is unused, equal, or constant.
  private func chatty(_ x: Tensor) throws -> Tensor {
    try debugPrint(format: "start")
    let y = try x * 2
    try debugPrint(format: "y = {}, sum {.2}", y, y.sum())
    try debugPrint(format: "y = {}, sum {.2}", y, y.sum())
    return try tanh(y) + 1
  }

  private let want = ["start", "y = [ 3. -4.], sum -1.00", "y = [ 3. -4.], sum -1.00"]

  @Test("prints come each time the program runs, in order, compiled or not; none is removed or merged")
  func order() throws {
    let compiled = jit(chatty)
    for function in [TensorFunction(chatty), compiled, compiled, jit { (x: Tensor) in try compiled(x) * 1 }] {
      #expect(try capturingDebugPrints { try function(x) }.lines == want)
    }
    #expect(compiled.statistics.traces == 1)
    // Tracing alone prints nothing, and results that nobody reads do not silence a call.
    #expect(try capturingDebugPrints { try compiled.lower(x) }.lines == [])
    #expect(
      try capturingDebugPrints {
        try jit { (x: Tensor) in
          _ = try compiled(x); return x
        }(x)
      }.lines == want)
  }

  @Test("differentiation prints once, in the forward pass") func gradients() throws {
    for slope in [grad { (x: Tensor) in try chatty(x).sum() }, jit(grad { (x: Tensor) in try chatty(x).sum() })] {
      let (result, lines) = try capturingDebugPrints { try slope(x) }
      #expect(lines == want)
      try expectClose(result, grad { (x: Tensor) in try (tanh(x * 2) + 1).sum() }(x))
    }
    #expect(try capturingDebugPrints { try jvp(chatty, primals: x, tangents: x) }.lines == want)
  }

  @Test("vmap prints a line for each lane, in order, and once what is the same in all") func lanes() throws {
    let function = { (x: Tensor, y: Tensor) throws -> Tensor in
      try debugPrint(format: "y {}", y)
      try debugPrint(format: "x {.1} y {}", x, y)
      return x
    }
    let lanes = vmap(inAxes: [1, nil], function)
    let (x, y) = (try Tensor([[1, 2, 3], [4, 5, 6]]), Tensor(7))
    let want = ["y 7", "x [1.0 4.0] y 7", "x [2.0 5.0] y 7", "x [3.0 6.0] y 7"]
    #expect(try capturingDebugPrints { try lanes(x, y) }.lines == want)
    #expect(try capturingDebugPrints { try jit(lanes)(x, y) }.lines == want)
    let nested = vmap(
      vmap { (x: Tensor) throws -> Tensor in
        try debugPrint(format: "{}", x)
        return x
      })
    #expect(
      try capturingDebugPrints { try nested(Tensor([[1, 2], [3, 4]], dtype: .i32)) }.lines == ["1", "2", "3", "4"])
  }

  @Test("every dtype prints, and braces are written twice") func formats() throws {
    let values: [(Tensor, String)] = [
      (Tensor(true), "True"), (try Tensor([1, 2], dtype: .i8), "[1 2]"), (try Tensor([0.5], dtype: .bf16), "[0.5]"),
      (Key(3).tensor, "key(0, 3)"), (try Tensor.zeros([0, 2]), "[]"),
    ]
    for (value, text) in values {
      #expect(
        try capturingDebugPrints {
          try jit { (x: Tensor) throws -> Tensor in
            try debugPrint(format: "{{{}}}", x)
            return x
          }(value)
        }.lines == ["{\(text)}"])
    }
    let cases = [
      (
        "{",
        "debug_print: the format '{' has a '{' that is no placeholder; write {} or {.3} for a value, {{ or }} for a brace"
      ),
      (
        "}",
        "debug_print: the format '}' has a '}' that is no placeholder; write {} or {.3} for a value, {{ or }} for a brace"
      ),
      (
        "{3}",
        "debug_print: the format '{3}' has a '{' that is no placeholder; write {} or {.3} for a value, {{ or }} for a brace"
      ),
      ("{} {}", "debug_print: the format '{} {}' shows 2 values; got f32[2]"),
    ]
    for (format, message) in cases {
      let error = try thrown { try debugPrint(format: format, x) }
      #expect(error.code == .invalidArgument)
      #expect(error.message == message)
    }
  }

  @Test("the reference interpreter prints the same, at every stage of compiling") func stages() throws {
    let lowered = try TensorFunction(chatty).lower(x)
    for stage in CompilationStage.allCases {
      let program = try Program(parsing: lowered.text(stage))
      let lines = try capturingDebugPrints { _ = try ReferenceInterpreter.run(program, [x.constant()]) }.lines
      #expect(lines == want, "\(stage)")
    }
  }
}
