// Printing from inside of loops, branches and checkpoints.

import BloxPasses
import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("debugPrint in control flow")
struct ControlPrintTests {
  private let x = (try? Tensor([1.0, 2, 3])) ?? Tensor(0)

  /// The lines of a function, uncompiled, compiled, and by the reference interpreter at every stage.
  private func lines(
    _ function: TensorFunction<Tensor, Tensor>, _ x: Tensor
  ) throws -> [String] {
    let want = try capturingDebugPrints { _ = try function(x) }.lines
    let compiled = jit(function)
    for _ in 0..<2 { #expect(try capturingDebugPrints { _ = try compiled(x) }.lines == want) }
    for stage in CompilationStage.allCases {
      let program = try Program(parsing: function.lower(x).text(stage))
      #expect(
        try capturingDebugPrints { _ = try ReferenceInterpreter.run(program, [x.constant()]) }.lines == want, "\(stage)"
      )
    }
    return want
  }

  @Test("a print in a scan comes in each iteration, in order, whether or not its results are read") func scans() throws
  {
    let read = TensorFunction { (x: Tensor) in
      try debugPrint(format: "before")
      let y = try scan(Tensor(0.0), x) { sum, x in
        try debugPrint(format: "x {.0}", x)
        let sum = try sum + x
        try debugPrint(format: "sum {.0}", sum)
        return (sum, sum)
      }.1
      try debugPrint(format: "after {.0}", y.sum())
      return y
    }
    let want = ["before", "x 1", "sum 1", "x 2", "sum 3", "x 3", "sum 6", "after 10"]
    #expect(try lines(read, x) == want)
    let unread = TensorFunction { (x: Tensor) in
      _ = try read(x)
      return x
    }
    #expect(try lines(unread, x) == want)
    // Nothing is carried and nothing is returned: the print is all there is.
    let nothing: [Tensor] = []
    let alone = TensorFunction { (x: Tensor) in
      _ = try scan(nothing, x) { (_, x: Tensor) in
        try debugPrint(format: "x {.0}", x)
        return (nothing, nothing)
      }
      _ = try forLoop(0..<2, nothing) { i, _ in
        try debugPrint(format: "i {}", i)
        return nothing
      }
      return x
    }
    #expect(try lines(alone, x) == ["x 1", "x 2", "x 3", "i 0", "i 1"])
    let invariant = TensorFunction { (x: Tensor) in
      try scan(Tensor(0.0), length: 3) { sum in
        try debugPrint(format: "same {.0}", x.sum())
        return (try sum + x.sum(), nothing)
      }.0
    }
    #expect(try lines(invariant, x) == ["same 6", "same 6", "same 6"])
  }

  @Test("prints in while, cond, switch and checkpoint") func others() throws {
    let loop = TensorFunction { (x: Tensor) in
      try whileLoop(
        x.sum(),
        while: { s in
          try debugPrint(format: "is {.1}?", s)
          return try s .> 1
        }
      ) { s in
        try debugPrint(format: "was {.1}", s)
        return try s / 2
      }
    }
    #expect(
      try lines(loop, x) == ["is 6.0?", "was 6.0", "is 3.0?", "was 3.0", "is 1.5?", "was 1.5", "is 0.8?"])
    let choice = TensorFunction { (x: Tensor) in
      try scan(Tensor(0.0), x) { sum, x in
        let nothing: [Tensor] = []
        _ = try cond(x .> 1.5) {
          try debugPrint(format: "large {.0}", x)
          return nothing
        } else: {
          try debugPrint(format: "small {.0}", x)
          return nothing
        }
        let second = { (sum: Tensor) throws -> Tensor in
          try debugPrint(format: "second")
          return sum
        }
        return (try switchCase(x.cast(to: .i32) - 1, [{ $0 }, second, { try $0 + 1 }], sum), sum)
      }.0
    }
    #expect(try lines(choice, x) == ["small 1", "large 2", "second", "large 3"])
    let block = checkpoint { (x: Tensor) in
      let y = try sin(x)
      try debugPrint(format: "y {.1}", y)
      return try sin(y)
    }
    #expect(try lines(block, Tensor(0.0)) == ["y 0.0"])
  }

  @Test("differentiation prints once, in the forward pass, also where values are computed again") func gradients()
    throws
  {
    let function = { (x: Tensor) throws -> Tensor in
      try scan(Tensor(0.0), x) { sum, x in
        let y = try sin(x)
        try debugPrint(format: "x {.0}", x)
        return (try sum + sin(y), y)
      }.0
    }
    let want = ["x 1", "x 2", "x 3"]
    #expect(try lines(grad(function), x) == want)
    #expect(try lines(grad(checkpoint(function)), x) == want)
    #expect(try lines(checkpoint(grad(checkpoint(function))), x) == want)
    #expect(try capturingDebugPrints { try jvp(function, primals: x, tangents: x) }.lines == want)
    let loop = { (x: Tensor) throws -> Tensor in
      try whileLoop(x, while: { try $0.sum() .> 1 }) { x in
        try debugPrint(format: "sum {.1}", x.sum())
        return try x / 2
      }
    }
    #expect(
      try capturingDebugPrints { try jvp(loop, primals: x, tangents: x) }.lines == ["sum 6.0", "sum 3.0", "sum 1.5"])
    #expect(
      try capturingDebugPrints { try jit { (x: Tensor) in try jvp(loop, primals: x, tangents: x).0 }(x) }.lines
        == ["sum 6.0", "sum 3.0", "sum 1.5"])
  }

  @Test("vmap prints a line for each lane in each iteration, and both branches of a choice that differs by lane")
  func lanes() throws {
    let function = vmap { (x: Tensor) throws -> Tensor in
      try scan(x, length: 2) { x in
        try debugPrint(format: "x {.0}", x)
        return (try x * 10, [Tensor]())
      }.0
    }
    #expect(try lines(function, x) == ["x 1", "x 2", "x 3", "x 10", "x 20", "x 30"])
    let choice = vmap { (x: Tensor) throws -> Tensor in
      try cond(x .> 1.5) {
        try debugPrint(format: "large {.0}", x)
        return x
      } else: {
        try debugPrint(format: "small {.0}", x)
        return x
      }
    }
    #expect(
      try lines(choice, x).sorted()
        == ["large 1", "large 2", "large 3", "small 1", "small 2", "small 3"])
  }
}
