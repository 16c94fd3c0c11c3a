// NaN and infinities are found where they are made: op, module, line, element, forward or backward.

import Testing

@testable import BloxTrace

@Suite("Checking elements")
struct ElementCheckTests {
  @Test("C2-12: a NaN names the op in its module, the element and what it came from; compiled or not") func forward()
    throws
  {
    let body = { (x: Tensor) throws -> Tensor in try ModuleScope.with("net/loss") { try log(x * 2) + 1 } }
    let x = try Tensor([[0.5, 1], [2, -1.5]])
    let tail = "log gives nan at [1, 1] of f32[2,2], from -3.0; the operand lies in -3.0 ... 4.0"
    for (function, name) in [(jit(name: "step", body), "step"), (TensorFunction(body), "log")] {
      #expect(try function(x).scalars(as: Float.self)[3].isNaN)
      let error = try thrown { try checkingElements { try function(x) } }
      #expect(error.code == .nonFinite)
      #expect(error.message == "\(name): \(tail)")
      #expect(error.modulePath == "net/loss")
      #expect(try checkingElements { try function(abs(x)) }.shape == [2, 2])
    }
  }

  @Test("the line is known for named functions, fused or not") func lines() throws {
    let total = jit(name: "total") { (x: Tensor) in try sqrt(x).sum(line: 77) - 1 }
    let x = try Tensor([1e38, Double.infinity, -Double.infinity])
    #expect(
      try thrown { try checkingElements { try total(x) } }.message
        == "total: sqrt gives nan at [2] of f32[3], from -inf; the operand lies in -inf ... inf")
    let sum = jit(name: "sum") { (x: Tensor) in try x.sum(line: 77) }
    let error = try thrown { try checkingElements { try sum(x) } }
    #expect(error.message == "sum: reduce_sum gives nan at [] of f32[]; the operand lies in -inf ... inf")
    #expect(error.location?.description == "ElementCheckTests.swift:77")
    #expect(
      try thrown {
        try checkingElements(for: [.inf]) { try jit(name: "f", { (x: Tensor) in try exp(x) })(Tensor(100.0)) }
      }
      .message == "f: exp gives inf at [] of f32[], from 100.0; the operand lies in 100.0 ... 100.0")
  }

  @Test("C2-12: a NaN of the backward pass says so, with the module of the forward op") func backward() throws {
    // The norm's gradient at zero is 0 times infinity, though the norm is 0.
    let slope = jit(
      name: "slope",
      grad { (x: Tensor) in
        try ModuleScope.with("net/norm") { try sqrt((x * x).sum()) }
      })
    let zero = try Tensor([0.0, 0])
    #expect(try slope(zero).scalars(as: Float.self).allSatisfy(\.isNaN))
    let error = try thrown { try checkingElements { try slope(zero) } }
    #expect(error.message.contains(" in the backward pass gives nan at "))
    #expect(error.modulePath == "net/norm")
  }

  @Test("an argument that has a NaN is named, and constants are not to blame") func arguments() throws {
    let function = jit(name: "f", arguments: ["x", "y"]) { (x: Tensor, y: Tensor) in try x + y }
    let error = try thrown { try checkingElements { try function(Tensor([1.0]), Tensor([Double.nan])) } }
    #expect(error.message == "the argument 'y' of f, f32[1], is nan at [0] before anything is computed")
    let masked = jit { (x: Tensor) in try select(x .> 0, x, Tensor([Double.nan, 0])) }
    #expect(try checkingElements { try masked(Tensor([1.0, 1])) }.scalars() == [1.0, 1])
  }

  @Test("C2-12, D-06: donation works while checking: memory is reused, and what was overwritten is still shown")
  func donation() throws {
    let step = jit(name: "step", donating: [0], donation: .require) { (x: Tensor) in try log(x) }
    let x = try Tensor([1.0, 1])
    #expect(try checkingElements { try step(x) }.scalars() == [0.0, 0])
    #expect(try thrown { try x + 1 }.code == .donatedTensor)
    let negative = try Tensor([1.0, -2])
    let error = try thrown { try checkingElements { try step(negative) } }
    #expect(error.message == "step: log gives nan at [1] of f32[2], from -2.0; the operand lies in -2.0 ... 1.0")
    #expect(try thrown { try negative + 1 }.code == .donatedTensor)
  }

  @Test("checked programs give the same bits") func sameBits() throws {
    let step = jit(donating: [0]) { (w: Tensor, x: Tensor) throws -> (Tensor, Tensor) in
      let (loss, g) = try valueAndGrad { (w: Tensor) in try softmax(tanh(x.matmul(w))).max() }(w)
      return (try w - 0.1 * g, loss)
    }
    let bits = { () throws -> [UInt32] in
      let (w, loss) = try step(Key(1).normal([8, 5]), Key(2).normal([4, 8]))
      return try (w.scalars(as: Float.self) + loss.scalars(as: Float.self)).map(\.bitPattern)
    }
    #expect(try checkingElements { try bits() } == bits())
  }
}
