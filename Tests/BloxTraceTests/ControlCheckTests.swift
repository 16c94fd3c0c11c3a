// NaN inside of loops, branches and checkpoints: found in the instruction and iteration that makes it.

import Testing

@testable import BloxTrace

@Suite("Checking elements in control flow")
struct ControlCheckTests {
  private let x = (try? Tensor([3.0, 2, 1, -1, -2])) ?? Tensor(0)

  private func failure<Output>(_ body: () throws -> Output) throws -> BloxError {
    try thrown { try checkingElements { _ = try body() } }
  }

  @Test("C2-12: a NaN in a scan names op, iteration, module and the line of the loop, compiled or not, used or not")
  func scans() throws {
    let tail = "log in iteration 3 of scan gives nan at [0] of f32[2], from -1.0; the operand lies in -1.0 ... -1.0"
    let ones = try Tensor.ones([2])
    let sum = { (x: Tensor) throws -> Tensor in
      try fold(Tensor(0.0), stack([x, x], axis: 1), line: 21) { sum, x in
        // The sum never has the NaN: what is looked at is every instruction.
        let y = try ModuleScope.with("net/cell") { try log(x) }.matmul(ones)
        return try select(y .> 0, sum + y, sum)
      }
    }
    for (function, name) in [(jit(name: "total", sum), "total"), (TensorFunction(sum), "scan")] {
      #expect(try function(x).item().isFinite)
      let error = try failure { try function(x) }
      #expect(error.code == .nonFinite)
      #expect(error.message == "\(name): \(tail)")
      #expect(error.modulePath == "net/cell")
      #expect(error.location?.description == "ControlCheckTests.swift:21")
      #expect(try checkingElements { try function(abs(x)) }.item() == function(abs(x)).item())
    }
    let reversed = jit(name: "back") { (x: Tensor) in
      try scan(Tensor(0.0), x, reverse: true) { sum, x in (try sum + x, try sqrt(x)) }.1
    }
    #expect(try failure { try reversed(x) }.message.hasPrefix("back: sqrt in iteration 4 of scan gives nan"))
  }

  @Test("C2-12: a NaN in the condition and the body of a while, in a branch, and in a checkpoint") func others() throws
  {
    let body = jit(name: "f") { (x: Tensor) in
      try whileLoop(x, while: { try $0 .> 0 }) { try sqrt($0 - 2) - 1 }
    }
    #expect(
      try failure { try body(Tensor(51.0)) }.message
        == "f: sqrt in iteration 2 of while gives nan at [] of f32[], from -1.0; the operand lies in -1.0 ... -1.0")
    let condition = jit(name: "f") { (x: Tensor) in
      try whileLoop(x, while: { try log($0).matmul(Tensor.ones([2])) .> 0 }) { try $0 - 2 }
    }
    #expect(
      try failure { try condition(Tensor([3.5, 3.5])) }.message.hasPrefix(
        "f: log in the condition of iteration 2 of while gives nan at [0] of f32[2], from -0.5"))
    let branch = jit(name: "f") { (x: Tensor) in
      try ModuleScope.with("net/gate") {
        try cond(x .> 0) {
          try log(x)
        } else: {
          try sqrt(x)
        }
      }
    }
    #expect(try checkingElements { try branch(Tensor(4.0)) }.item().isFinite)
    let error = try failure { try branch(Tensor(-4.0)) }
    #expect(error.message == "f: sqrt gives nan at [] of f32[], from -4.0; the operand lies in -4.0 ... -4.0")
    #expect(error.modulePath == "net/gate")
    let block = jit(name: "f", checkpoint(line: 77) { (x: Tensor) in try sqrt(x) * 2 })
    let inside = try failure { try block(Tensor(-4.0)) }
    #expect(inside.message.hasPrefix("f: sqrt gives nan at [] of f32[], from -4.0"))
    let nested = jit(name: "f") { (x: Tensor) in
      try scan(Tensor(0.0), x) { _, row in
        try scan(Tensor(0.0), row) { sum, x in (try sum + sqrt(x), x) }
      }.0
    }
    #expect(
      try failure { try nested(Tensor([[1, 4], [9, -1]])) }.message.hasPrefix(
        "f: sqrt in iteration 1 of scan in iteration 1 of scan gives nan at [] of f32[], from -1.0"))
  }

  @Test("C2-12: a NaN in the backward pass of a scan and of a checkpoint") func backward() throws {
    let norms = { (x: Tensor) in
      try scan(Tensor(0.0), x, line: 99) { sum, row in
        (try sum + ModuleScope.with("net/norm") { try sqrt((row * row).sum()) }, row)
      }.0
    }
    let rows = try Tensor([[1.0, 2], [0, 0], [3, 4]])
    for (slope, iteration) in [(jit(name: "slope", grad(norms)), 1), (jit(name: "slope", checkpointed(norms)), 1)] {
      #expect(try slope(rows).at(1).scalars(as: Float.self).allSatisfy(\.isNaN))
      let error = try failure { try slope(rows) }
      #expect(error.message.contains(" in the backward pass in iteration \(iteration) of scan gives "), "\(error)")
      #expect(error.modulePath == "net/norm")
      #expect(error.location?.line == 99)
    }
  }

  private func checkpointed(_ function: @escaping (Tensor) throws -> Tensor) -> TensorFunction<Tensor, Tensor> {
    grad(checkpoint(TensorFunction(function)))
  }

  @Test("checked control flow gives the same bits, in all places that carries have") func sameBits() throws {
    let step = jit(donating: [0]) { (w: Tensor, x: Tensor) throws -> (Tensor, Tensor) in
      let (loss, g) = try valueAndGrad { (w: Tensor) in
        let (h, all) = try scan(Tensor.zeros([4]), x) { (h: Tensor, x: Tensor) in
          let next = try cond(x.sum() .> 0) {
            try tanh(h.matmul(w) + x)
          } else: {
            try sin(h) - x
          }
          return (next, next)
        }
        return try (all * all).sum() + h.sum()
      }(w)
      let count = try whileLoop(loss, while: { try $0 .> 1 }) { try $0 / 2 }
      return (try w - 0.1 * g, count)
    }
    for length in 0...3 {
      let bits = { () throws -> [UInt32] in
        let (w, loss) = try step(Key(1).normal([4, 4]), Key(2).normal([length, 4]))
        return try (w.scalars(as: Float.self) + loss.scalars(as: Float.self)).map(\.bitPattern)
      }
      #expect(try checkingElements { try bits() } == bits())
    }
    // Literals among the results are put there behind the last instruction.
    let literals = jit { (x: Tensor) throws -> (Tensor, Tensor) in (try exp(x), try Tensor.full([2], 7)) }
    #expect(try checkingElements { try literals(Tensor(0.0)) }.1.scalars() == [7.0, 7])
  }
}
