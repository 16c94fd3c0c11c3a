// Named scopes, running without compilation, and trees as lists.

import Synchronization
import Testing

@testable import BloxTrace

@Suite("Scopes, runs without compilation, trees")
struct ScopeTests {
  @Test("a named scope is behind the module's path in programs, gradients and errors") func scopes() throws {
    let function = { (x: Tensor) in
      try ModuleScope.with("net/attention") {
        let y = try namedScope("scores") { try namedScope("scaled/all") { try tanh(x) } * 2 }
        return try exp(y).sum()
      }
    }
    let program = try makeProgram(function, Tensor.ones([2]))
    #expect(
      program.instructions.map { "\($0.op.name) \($0.note.scope)" } == [
        "tanh net/attention/scores/scaled/all", "mul net/attention/scores", "exp net/attention",
        "reduce_sum net/attention",
      ])
    #expect(program.text().contains("= tanh %0  // net/attention/scores/scaled/all\n"))
    let gradient = try grad(function).makeProgram(name: "g", arguments: ["x"], Tensor.ones([2]))
    #expect(gradient.instructions.contains { $0.note.isBackward && $0.note.scope == "net/attention/scores" })

    let error = try thrown {
      try namedScope("outer") { try namedScope("inner") { try Tensor.ones([2]) + Tensor.ones([3]) } }
    }
    #expect(error.description == "add: the shapes of f32[2] and f32[3] do not broadcast [in outer/inner]")
    let ownError = try thrown { try namedScope("outer") { throw BloxError(.runtime, "stop") } }
    #expect(ownError.modulePath == "outer")
    #expect(ModuleScope.path.isEmpty)
  }

  @Test("a scope's name is checked", arguments: ["", "a//b", "/a", "a/", "a\nb", "say \"hi\""])
  func scopeNames(name: String) throws {
    let error = try thrown { try namedScope(name, file: "A/Model.swift", line: 7) { 1 } }
    #expect(error.code == .emptyName)
    #expect(
      error.description
        == "namedScope: '\(name)' needs names between slashes, without quotes and line breaks [at Model.swift:7]")
  }

  @Test("without compilation, functions and loops run as Swift, with the same numbers") func withoutCompiling() throws {
    var seen: [Double] = []
    var traces = 0
    let function = jit(donating: [0]) { (x: Tensor) throws -> (Tensor, Tensor) in
      traces += 1
      func look(_ value: Tensor) throws {
        if !value.isTraced { seen.append(try value.item()) }
      }
      let (carry, squares) = try scan(x, Tensor([1, 2, 3]), reverse: true) { carry, element in
        try look(element)
        return (try carry + element, try square(carry))
      }
      let halved = try whileLoop(carry) {
        try look($0)
        return try $0 .> 1
      } body: {
        try $0 / 2
      }
      let chosen = try cond(halved .> 0.75, halved) {
        try $0 * 10
      } else: {
        try $0 * 100
      }
      let switched = try switchCase(Tensor(7), [{ (x: Tensor) in try x + 1 }, { (x: Tensor) in try x + 2 }], chosen)
      return (switched, squares)
    }
    let x = Tensor(0.5)
    let (plain, plainSquares) = try withoutCompilation { try function(x) }
    #expect(seen == [3, 2, 1, 6.5, 3.25, 1.625, 0.8125])
    #expect(function.cacheSize == 0 && function.statistics.misses == 0)
    #expect(try x.item() == 0.5, "nothing is donated")
    let (compiled, squares) = try function(x)
    #expect(seen.count == 7 && traces == 2)
    #expect(try plain.item() == compiled.item())
    #expect(try plainSquares.scalars(as: Float.self) == squares.scalars(as: Float.self))
    #expect(try squares.scalars(as: Float.self) == [30.25, 12.25, 0.25])

    // Transformations trace all the same, and loops of no iteration have types only.
    let step = jit { (x: Tensor) in try square(x).sum() }
    try withoutCompilation {
      #expect(try grad(step)(Tensor([1, 2])).scalars(as: Float.self) == [2, 4])
      #expect(try vmap(step)(Tensor([[1, 2], [3, 4]])).scalars(as: Float.self) == [5, 25])
      let (end, none) = try scan(Tensor(1.0), Tensor.zeros([0, 2])) { ($0, $1) }
      #expect(try end.item() == 1 && none.shape == [0, 2])
    }
    #expect(step.cacheSize == 0)
  }

  @Test("without compilation, a carry that changes is refused as in a program") func carries() throws {
    func grow() throws -> Tensor {
      try fold(Tensor(1.0), Tensor([1, 2]), file: "A/Model.swift", line: 9) { carry, x in try stack([carry, x]) }
    }
    let (compiled, plain) = (try thrown { try grow() }, try thrown { try withoutCompilation { try grow() } })
    #expect(plain.description == compiled.description)
    #expect(plain.location?.line == 9)
  }

  @Test("trees are folded, made of other tensors, and put together leaf by leaf") func trees() throws {
    let tree = try ["b": [Tensor([1, 2]), Tensor(3.0)], "a": [Tensor([[4]])]]
    let count = try treeReduce(tree, 0) { $0 + $1.count }
    let digits = try treeReduce(tree, Tensor(0.0)) { try $0 * 10 + $1.sum() }
    #expect(try count == 4 && digits.item() == 433)
    let other = try tree.replacingTensors(with: [Tensor(1), Tensor(2), Tensor(3)])
    let numbers = try other.tensors().map { try $0.item() }
    #expect(try numbers == [1, 2, 3] && other["a"]?.first?.item() == 1)
    let few = try thrown { try tree.replacingTensors(with: [Tensor(1)]) }
    #expect(few.code == .structureMismatch)
    #expect(few.message == "Dictionary<String, Array<Tensor>> has 3 tensors and cannot be made of 1")
    let stacked = try treeMap([tree, tree, tree]) { try stack($0) }
    #expect(stacked["b"]?.map(\.shape) == [[3, 2], [3]] && stacked["a"]?.map(\.shape) == [[3, 1, 1]])
    #expect(try thrown { try treeMap([[Tensor]]()) { $0[0] } }.code == .invalidArgument)
    #expect(try thrown { try treeMap([[Tensor(1)], []]) { $0[0] } }.code == .structureMismatch)
  }
}
