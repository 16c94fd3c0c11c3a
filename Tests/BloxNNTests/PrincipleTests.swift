// The promises of jax-blox's prose that a program can check.

import BloxNN
import Testing

@Suite("A14 Principles")
struct PrincipleTests {
  private struct Model {
    let graph: Graph
    let rng: Rng
    let net: Sequential
    init() throws {
      graph = try Graph("net")
      rng = try Rng(graph.child("rng"))
      net = try Sequential(
        graph.child("mlp"),
        [
          .layer(Linear(graph.child("l1"), outputSize: 8, rng: rng)), .function("relu", relu),
          .layer(Linear(graph.child("l2"), outputSize: 2, rng: rng)),
        ])
    }
    func params() throws -> Params { try net(rng.seed(Params(), seed: 0), Tensor.ones([1, 4])).1.locked() }
  }

  @Test("PR-03: a model is the program of the function written by hand") func zeroOverhead() throws {
    let model = try Model()
    let params = try model.params().split().0
    let x = try Tensor.ones([3, 4])
    let byModel = try makeProgram(name: "f", { (p: Params, x: Tensor) in try model.net(p, x).0 }, params, x)
    let byHand = try makeProgram(
      name: "f",
      { (p: Params, x: Tensor) throws -> Tensor in
        let hidden = try relu(x.matmul(p["net/l1/kernel"].value) + p["net/l1/bias"].value)
        return try hidden.matmul(p["net/l2/kernel"].value) + p["net/l2/bias"].value
      }, params, x)
    #expect(byModel.instructions.map(\.op) == byHand.instructions.map(\.op))
    #expect(byModel.instructions.map(\.operands) == byHand.instructions.map(\.operands))
    #expect(byModel.parameters == byHand.parameters)
  }

  @Test("T-01, T-02, PR-01, PR-02: models and functions of parameters go into jit, grad and vmap as they are")
  func plainTransforms() throws {
    let model = try Model()
    let params = try model.params()
    let x = try Tensor.ones([5, 4])
    let (y, after) = try jit(model.net)(params, x)
    #expect(y.shape == [5, 2] && after.count == params.count)
    let lanes = vmap(inAxes: [nil, 0], outAxes: [0, nil]) { (p: Params, x: Tensor) in try model.net(p, x) }
    let (rows, same) = try lanes(params, x)
    #expect(rows.shape == [5, 2] && same.count == params.count)
    let (t, nt) = params.split()
    let loss = { (t: Params, nt: Params, x: Tensor) throws -> Tensor in try square(model.net(t.merge(nt), x).0).mean() }
    let whole = try grad(loss)(t, nt, x)
    let single = try vmap(inAxes: [nil, nil, 0], grad(loss))(t, nt, x)
    for path in whole.keys {
      let mean = try single[path].value.mean([0])
      let difference = try abs(mean - whole[path].value).max().item()
      #expect(difference < 1e-6, "\(path)")
    }
  }

  @Test("PR-05: one forward serves initialisation and use") func lockedDecides() throws {
    let model = try Model()
    let x = try Tensor.ones([1, 4])
    let (first, params) = try model.net(model.rng.seed(Params(), seed: 0), x)
    let (again, same) = try model.net(params.locked(), x)
    #expect(try first.scalars(as: Float.self) == again.scalars())
    #expect(params.count == 6 && same.keys == params.keys)
  }

  @Test("PR-08: runs repeat bit for bit") func deterministic() throws {
    let bits = { () throws -> [[Float]] in try Model().params().split().0.tensors().map { try $0.scalars() } }
    #expect(try bits() == bits())
  }
}
