// Values of any kind in the place of parameters.

import BloxNN
import Testing

@Suite("A10 Trees that stop at parameters")
struct ParamMapTests {
  private let params: Params
  private let layer: Linear

  init() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    layer = try Linear(
      graph.child("linear"), outputSize: 4, rng: rng, kernelMetadata: ["sharding": .axes([nil, "model"])],
      biasMetadata: ["sharding": .axes(["model"])])
    params = try layer(rng.seed(Params(), seed: 1), Tensor.ones([2, 3])).1.locked()
  }

  @Test("T-74: a map stops at parameters and puts anything in their place, for abstract ones too")
  func map() throws {
    struct Placement: Equatable { var axes: [String?], shape: [Int] }
    let abstract = try evalShape({ (p: Params) in try layer(p, Tensor.ones([2, 3])).1 }, params)
    for source in [params, abstract] {
      let places = source.map { _, param in Placement(axes: param.sharding, shape: param.value.shape) }
      #expect(places.keys == params.keys.sorted() && places.count == 4 && places.isLocked)
      #expect(try places["net/linear/kernel"] == Placement(axes: [nil, "model"], shape: [3, 4]))
      #expect(try places["net/linear/bias"] == Placement(axes: ["model"], shape: [4]))
      #expect(try places["net/rng/counter"] == Placement(axes: [], shape: []))
      #expect(places.map { path, place in "\(path) \(place.shape)" }.values.first == "net/linear/bias [4]")
      #expect(places.find("net/other") == nil)
      #expect(try thrown { try places["net/other"] }.code == .paramNotFound)
    }
  }

  @Test("parameters are combined with values for them, and keep order, flags and lock") func combining() throws {
    let rates = params.map { path, _ in path.components.last == "bias" ? 2.0 : 1.0 }
    let scaled = try params.combining(rates) { param, rate in
      param.isTrainable ? param.replacing(value: try param.value + rate) : param
    }
    #expect(scaled.keys == params.keys && scaled.isLocked)
    #expect(try scaled["net/linear/bias"].value.scalars() == [2.0, 2, 2, 2])
    #expect(
      try scaled["net/linear/kernel"].value.scalars() != params["net/linear/kernel"].value.scalars(as: Float.self))
    #expect(try scaled["net/linear/bias"].sharding == ["model"])
    let more = try params.unlocked().setting("net/new", to: Param(Tensor(1.0))).locked()
    #expect(try thrown { try more.combining(rates) { param, _ in param } }.code == .paramNotFound)
  }
}
