// Giving arguments away: results reuse their memory, and using them afterwards is an error.

import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("Donation")
struct DonationTests {
  private let step = jit(name: "step", donating: [0]) { (x: Tensor, y: Tensor) in try x + y }

  @Test("T-11, C-24: a donated tensor is consumed, and the error names the call") func consumed() throws {
    let (x, y) = (try Tensor([1, 2]), try Tensor([10, 20]))
    let copy = x
    #expect(try step(x, y, line: 12).scalars() == [11.0, 22])
    let error = try #require(throws: BloxError.self) { try x.scalars(as: Float.self) }
    #expect(error.code == .donatedTensor)
    #expect(
      error.message
        == "this tensor of type f32[2] was donated to step at DonationTests.swift:12 and no longer holds elements; use that"
        + " call's results, or do not donate the argument")
    // Copies of a Swift value are the same tensor, and passing it again is the same error.
    #expect(try #require(throws: BloxError.self) { try copy + 1 } == error)
    #expect(try #require(throws: BloxError.self) { try step(x, y) }.message == error.message)
    #expect("\(x)" == "Tensor(f32[2], donated)")
    #expect(try y.scalars() == [10.0, 20])
  }

  @Test("the result takes over the memory of the argument") func reuse() throws {
    var x = try Tensor.ones([1024])
    let y = try Tensor.ones([1024])
    func address(_ tensor: Tensor) throws -> UnsafeRawPointer {
      guard case .concrete(let buffer) = tensor.representation else { throw BloxError(.runtime, "not concrete") }
      return try buffer.storage().withUnsafeBytes { UnsafeRawPointer($0.baseAddress!) }
    }
    let first = try address(x)
    for _ in 0..<3 { x = try step(x, y) }
    #expect(try address(x) == first)
    #expect(try x.scalars().allSatisfy { (element: Float) in element == 4 })
  }

  @Test("T-13: the same tensor passed twice cannot be donated") func twice() throws {
    let x = try Tensor([1, 2])
    let error = try #require(throws: BloxError.self) { try step(x, x) }
    #expect(error.code == .donatedTensor)
    #expect(
      error.message
        == "step: the same tensor of type f32[2] is passed as 'arg0' and as 'arg1', and donated; pass a copy, or do not"
        + " donate it")
    #expect(try x.scalars() == [1.0, 2])
  }

  @Test("T-14: donating nothing is legal, also twice") func empty() throws {
    let count = jit(donating: [0]) { (nothing: [Tensor], x: Tensor) in try x + 1 }
    let nothing: [Tensor] = []
    #expect(try (count(nothing, Tensor(1.0)).item(), count(nothing, Tensor(1.0)).item()) == (2, 2))
  }

  @Test("T-12: a donation that no result can use still consumes the argument") func unusable() throws {
    let total = jit(name: "total", donating: [0]) { (x: Tensor) in try x.sum() }
    let x = try Tensor([1, 2])
    #expect(try total(x).item() == 3)
    #expect(throws: BloxError.self) { try x.scalars(as: Float.self) }
  }

  @Test("a result that is an argument unchanged survives the donation of its twin") func twins() throws {
    let forward = jit { (x: Tensor) in (x, try x + 1) }
    let original = try Tensor([1, 2, 3])
    let (same, _) = try forward(original)
    #expect(try step(same, Tensor([10, 10, 10])).scalars() == [11.0, 12, 13])
    // `same` shared its memory with `original`, which is not given up.
    #expect(try original.scalars() == [1.0, 2, 3])
    #expect(throws: BloxError.self) { try same.scalars(as: Float.self) }
  }

  @Test("two equal results do not share fate when one is donated") func equalResults() throws {
    let (a, b) = try jit { (x: Tensor) throws -> (Tensor, Tensor) in
      let y = try x * 2
      return (y, y)
    }(Tensor([1, 2]))
    #expect(try step(a, Tensor([1, 1])).scalars() == [3.0, 5])
    #expect(try b.scalars() == [2.0, 4])
  }

  @Test("donation inside another trace gives nothing away") func insideTrace() throws {
    let x = try Tensor([1, 2])
    let y = try Tensor([1, 1])
    #expect(try jit { (x: Tensor) in try step(x, y) }(x).scalars() == [2.0, 3])
    #expect(try x.scalars() == [1.0, 2])
  }

  @Test("T-10: arguments are donated by position or by name, and one that does not exist is an error")
  func selections() throws {
    let x = try Tensor([1, 2])
    for selection: ArgumentSelection in [[1], ["y"], .arguments(1), .arguments("y")] {
      let y = try Tensor([10, 20])
      let add = jit(name: "add", arguments: ["x", "y"], donating: selection) { (x: Tensor, y: Tensor) in try x + y }
      #expect(try add(x, y).scalars() == [11.0, 22])
      #expect(throws: BloxError.self) { try y.scalars(as: Float.self) }
    }
    let one = Tensor(1.0)
    let cases: [(arguments: [String], donating: ArgumentSelection, text: String)] = [
      ([], [2], "step: donating names argument 2, but the function takes 2, counted from 0"),
      ([], [-1], "step: donating names argument -1, but the function takes 2, counted from 0"),
      (["x", "y"], ["z"], "step: donating names argument 'z', but its arguments are 'x', 'y'"),
      (
        [], ["x"],
        "step: donating names argument 'x', but its arguments have no names; give them: jit(arguments: [\"x\", …], …)"
      ),
      (["x", "y", "z"], [], "step: arguments has 3 names, but the function takes 2"),
    ]
    for (arguments, donating, text) in cases {
      let wrong = jit(name: "step", arguments: arguments, donating: donating) { (x: Tensor, y: Tensor) in try x + y }
      let error = try #require(throws: BloxError.self) { try wrong(one, one) }
      #expect(error.code == .invalidArgument)
      #expect(error.message == text)
    }
  }

  @Test("C-24, T-12, C2-10: each donated tensor's fate is reported, once in a line and as data") func report() throws {
    let lines = try diagnosticLines({ $0.topics = [.donation] }) {
      let step = jit(name: "step", arguments: ["state", "x"], donating: ["state"], line: 5) {
        (state: [String: Tensor], x: Tensor) in
        (["a": try state["a"]! + x, "b": state["b"]!], try state["c"]!.sum())
      }
      for _ in 0..<2 {
        _ = try step(["a": Tensor([1, 2]), "b": Tensor([1, 2, 3]), "c": Tensor([1, 2, 3, 4, 5])], Tensor([1, 2]))
      }
      #expect(
        step.donationReport.map(\.description) == [
          "'state.a', f32[2], is reused by the result 'out0.a'",
          "'state.b', f32[3], is the result 'out0.b' unchanged",
          "'state.c', f32[5], was not usable: no result has its size, 20 bytes",
        ])
    }
    #expect(
      lines == [
        "blox: the donated argument 'state.c', f32[5], was not usable: no result has its size, 20 bytes"
          + " [step (DonationTests.swift:5)]"
      ])
  }

  @Test("C-24, C2-10: a donation that is required and cannot be used is an error, before anything is given up")
  func required() throws {
    let total = jit(name: "total", donating: [0], donation: .require) { (x: Tensor) in try x.sum() }
    let x = try Tensor([1, 2])
    for _ in 0..<2 {
      let error = try #require(throws: BloxError.self) { try total(x) }
      #expect(error.code == .donatedTensor)
      #expect(
        error.message
          == "total: donation is required, but 'arg0', f32[2], was not usable: no result has its size, 8 bytes. Do not"
          + " donate it, or return a result of its size; nothing has been given up")
    }
    #expect(try x.scalars() == [1.0, 2])
    #expect(throws: BloxError.self) { try total.compile(x) }
    let usable = jit(donating: [0], donation: .require) { (x: Tensor) in try x + 1 }
    #expect(try usable(x).scalars() == [2.0, 3])
  }

  @Test("a failing call keeps its donated arguments") func failing() throws {
    let x = try Tensor([1, 2])
    #expect(throws: BloxError.self) { try step(x, Tensor([1, 2, 3])) }
    #expect(try x.scalars() == [1.0, 2])
  }
}
