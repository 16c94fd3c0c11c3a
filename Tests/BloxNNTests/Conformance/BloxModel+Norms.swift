// The norm layers of the reference cases.

import BloxNN
import TestSupport

extension BloxModel {
  /// The model of a case of norm layers.
  init?(norm testCase: ConformanceCase) throws {
    switch testCase.name {
    case "LayerNorm", "LayerNorm/const_rows": try self.init { graph, _ in try LayerNorm(graph.child("layer")) }
    case "LayerNorm/noscale":
      try self.init { graph, _ in
        try LayerNorm(graph.child("layer"), epsilon: 1e-3, useScale: false, useBias: false)
      }
    case "LayerNorm/rng_init":
      try self.init { graph, rng in
        try LayerNorm(graph.child("layer"), scaleInitializer: .uniform(scale: 1), rng: rng)
      }
    case "LayerNorm/pmean":
      try self.init(lanes: "d") { graph, _ in try LayerNorm(graph.child("layer"), axisName: "d") }
    case "RMSNorm", "RMSNorm/const_rows": try self.init { graph, _ in try RMSNorm(graph.child("layer")) }
    case "RMSNorm/noscale":
      try self.init { graph, _ in try RMSNorm(graph.child("layer"), epsilon: 1e-3, useScale: false) }
    case "RMSNorm/rng_init":
      try self.init { graph, rng in
        try RMSNorm(graph.child("layer"), scaleInitializer: .uniform(scale: 1), rng: rng)
      }
    case "RMSNorm/pmean":
      try self.init(lanes: "d") { graph, _ in try RMSNorm(graph.child("layer"), axisName: "d") }
    case "Sequential/deep":
      try self.init { graph, rng in
        let node = try graph.child("layer")
        return try Sequential(
          node,
          [
            .layer(Linear(graph.child("l1"), outputSize: 6, rng: rng)), .layer(LayerNorm(graph.child("n"))),
            .function("tanh", tanh), .layer(Dropout(graph.child("d"), rate: 0.3, rng: rng)),
            .layer(Linear(graph.child("l2"), outputSize: 2, rng: rng)),
          ])
      }
    case _: try self.init(batchNorm: testCase)
    }
  }

  /// The model of a case of batch norms.
  private init?(batchNorm testCase: ConformanceCase) throws {
    switch testCase.name {
    case "BatchNorm/train": try self.init(initializing: true, training: true) { graph, _ in try BatchNorm(graph) }
    case "BatchNorm/eval": try self.init(initializing: true, training: false) { graph, _ in try BatchNorm(graph) }
    case "BatchNorm/4d_train", "BatchNorm/4d_eval":
      try self.init(initializing: false, training: testCase.name == "BatchNorm/4d_train") { graph, rng in
        try BatchNorm(graph, scaleInitializer: .normal(stddev: 1), rng: rng)
      }
    case "BatchNorm/noaffine":
      try self.init { graph, _ in try BatchNorm(graph.child("layer"), useScale: false, useBias: false) }
    case "BatchNorm/pmean":
      try self.init(lanes: "batch") { graph, _ in try BatchNorm(graph.child("layer"), axisName: "batch") }
    case _: return nil
    }
  }

  /// A batch norm that initializes, and is called, while training or not.
  private init(initializing: Bool, training: Bool, _ make: (Graph, Rng) throws -> BatchNorm) throws {
    var layer: BatchNorm?
    try self.init { graph, rng -> any Layer in
      let made = try make(graph.child("layer"), rng)
      layer = made
      return made
    }
    guard let layer else { return }
    initialize = { try layer($0, $1, isTraining: initializing).1 }
    call = { try layer($0, $1, isTraining: training) }
  }

  /// A layer under a `vmap` with an axis name, whose lanes share parameters.
  init(lanes axisName: String, _ make: (Graph, Rng) throws -> any Layer) throws {
    try self.init(make)
    let inner = call
    call = { params, x in
      try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: axisName) { (params: Params, x: Tensor) in
        try inner(params, x)
      }(params, x)
    }
    let outer = call
    initialize = { try outer($0, $1).1 }
  }
}
