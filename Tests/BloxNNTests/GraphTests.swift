// Graphs, modules and parameters, row by row of the checklist of jax-blox's behaviour.

import BloxNN
import Testing

/// The error of a code that must fail.
func thrown(
  by body: () throws -> some Any, sourceLocation: Testing.SourceLocation = #_sourceLocation
) throws -> BloxError {
  try #require(throws: BloxError.self, sourceLocation: sourceLocation) { _ = try body() }
}

@Suite("A1 Graph")
struct GraphTests {
  private func linear(_ node: Graph) throws -> Linear { try Linear(node, outputSize: 2) }

  @Test("G-01, G-03, G-05, G-14: paths are the names from the root") func paths() throws {
    let root = try Graph("net")
    let child = try root.child("mlp")
    let leaf = try child / "hidden"
    #expect(root.path == ParamPath(["net"]))
    #expect(leaf.path == ParamPath(["net", "mlp", "hidden"]))
    #expect((leaf.name, "\(leaf.path)") == ("hidden", "net/mlp/hidden"))
    #expect(leaf.parent === child && leaf.root === root && root.parent == nil && root.root === root)
    #expect(root.children.map(\.name) == ["mlp"])
    leaf.metadata["tag"] = "x"
    #expect(leaf.metadata == ["tag": .string("x")])
  }

  @Test("G-02: an empty name, and one that would break paths, is an error") func emptyName() throws {
    let error = try thrown { try Graph("") }
    #expect(error.code == .emptyName)
    #expect(error.message == "a graph node must have a name; got an empty string")
    let root = try Graph("net")
    #expect(
      try thrown { try root.child("") }.message == "a graph node must have a name; got an empty string under 'net'")
    let slash = try thrown { try root.child("a/b") }
    #expect(
      slash.message
        == "the graph node name 'a/b' must not contain '/' or '\"': '/' separates the parts of a path")
    #expect(root.children.isEmpty)
  }

  @Test("G-04, C-08: a name taken by a sibling is an error") func duplicateChild() throws {
    let root = try Graph("demo")
    _ = try root.child("rng")
    for error in [try thrown { try root.child("rng") }, try thrown { try root / "rng" }] {
      #expect(error.code == .duplicateChild)
      #expect(
        error.message == "graph node 'demo' already has a child named 'rng'; names must be unique among siblings")
    }
    #expect(try root.child("other").child("rng").path == "demo/other/rng")
  }

  @Test("G-06, G-07, G-11: walk gives modules depth first, in order of creation, without its own") func walk() throws {
    let root = try Graph("net")
    let block = try root.child("block")
    let inner = try linear(block.child("z"))
    let second = try linear(block.child("a"))
    let bare = try root.child("bare").child("deeper")
    let deep = try linear(bare)
    let own = try linear(root.child("own"))
    #expect(root.walk().map(\.path) == ["net/block/z", "net/block/a", "net/bare/deeper", "net/own"])
    let modules: [Module] = [inner, second, deep, own]
    #expect(zip(root.walk(), modules).allSatisfy { $0.module === $1 })
    #expect(bare.walk().isEmpty)
    #expect(bare.module === deep)
  }

  @Test("G-08, G-16, PS-20: a module's path is the prefix of its parameters, in any graph of the same names")
  func sharedPaths() throws {
    let make = { () throws -> (Graph, Linear) in
      let graph = try Graph("net")
      return (graph, try Linear(graph.child("layer"), outputSize: 2, kernelInitializer: .ones))
    }
    let ((g1, first), (g2, second)) = (try make(), try make())
    let (_, params) = try first(Params(), Tensor.ones([1, 3]))
    #expect(params.keys == ["net/layer/kernel", "net/layer/bias"])
    #expect(try second(params.locked(), Tensor.ones([1, 3])).0.scalars() == [3.0, 3])
    withExtendedLifetime((g1, g2)) {}
  }

  @Test("G-09: an injected module keeps its place") func injection() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let layer = try Linear(graph.child("a").child("layer"), outputSize: 1, rng: rng)
    #expect(layer.rng?.path == "net/rng")
    let (_, params) = try layer(rng.seed(Params(), seed: 0), Tensor.ones([1]))
    #expect(params.keys == ["net/rng/seed", "net/rng/counter", "net/a/layer/kernel", "net/a/layer/bias"])
  }

  @Test("G-12: a node holds one module") func occupied() throws {
    let node = try Graph("net").child("layer")
    let keep = try linear(node)
    let error = try thrown { try Rng(node) }
    #expect(error.code == .nodeOccupied)
    #expect(
      error.message
        == "graph node 'net/layer' already holds Linear, so Rng cannot be bound to it; use another child")
    withExtendedLifetime(keep) {}
  }

  @Test("G-13: a root holds no module") func rootNode() throws {
    let error = try thrown { try Rng(Graph("net")) }
    #expect(error.code == .rootNode)
    #expect(
      error.message == "cannot bind Rng to the root node 'net': give it a node of its own, graph.child(\"name\")")
  }

  @Test("G-15: text forms") func text() throws {
    let root = try Graph("demo")
    let leaf = try root.child("leaf")
    #expect("\(leaf)" == "Graph('demo/leaf')")
    for name in ["a", "b", "c"] { _ = try root.child(name) }
    #expect("\(root)" == "Graph('demo', children=4)")
  }

  @Test("G-10: nodes hold their children and modules, and nothing holds the root") func lifetimes() throws {
    weak var root: Graph?
    let module: Linear
    do {
      let graph = try Graph("net")
      root = graph
      module = try linear(graph.child("layer"))
      #expect(module.graph != nil)
    }
    #expect(root == nil && module.graph == nil)
    #expect(module.paramPath("kernel") == "net/layer/kernel")
  }
}
