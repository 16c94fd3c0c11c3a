// Loops, choices and checkpoints as records for the generic tests: gradients to second order, lanes, compilation.

import BloxTrace

extension SurfaceSample {
  private static let vectors = [Input(shape: [3]), Input(shape: [4, 3])]
  private static let cell = [Input(shape: [4, 2, 3]), Input(shape: [3, 3], low: -0.7, high: 0.7)]
  private static let scalars = [Input(shape: [], low: 0.2, high: 1.5), Input(shape: [3])]

  private static func cellStep(_ x: [Tensor]) -> (Tensor, Tensor) throws -> (Tensor, Tensor) {
    { h, input in
      let next = try tanh(h.matmul(x[1]) + input)
      return (next, next)
    }
  }

  private static func start(_ x: [Tensor]) throws -> Tensor { try x[0].at(0) * 0.5 }

  static let control: [SurfaceSample] = [
    SurfaceSample("scan: carry", vectors) { x in try fold(x[0], x[1]) { s, x in try sin(s) * x } },
    SurfaceSample("scan: outputs", vectors) { x in
      let (_, ys) = try scan(x[0], x[1]) { (s: Tensor, x: Tensor) in (try sin(s) * x, try s * s) }
      return ys
    },
    SurfaceSample("scan: recurrent cell", cell) { x in
      let (last, states) = try scan(start(x), x[0], cellStep(x))
      return try last + states.sum([0])
    },
    SurfaceSample("scan: recurrent cell backwards, two at a time", cell) { x in
      try scan(start(x), x[0], reverse: true, unroll: 2, cellStep(x)).1
    },
    SurfaceSample("scan: a carry that is handed on, one that starts as a constant", vectors) { x in
      let start = ["sum": try Tensor.zeros(like: x[0]), "weight": x[0]]
      return try fold(start, x[1]) { s, x in
        ["sum": try s["sum"]! + sin(s["weight"]! * x), "weight": s["weight"]!]
      }["sum"]!
    },
    SurfaceSample("scan: carries that change places", vectors) { x in
      try fold([x[0], square(x[0])], x[1]) { s, x in [try s[1] * x, s[0]] }[0]
    },
    SurfaceSample("scan in scan", cell) { x in
      try scan(start(x), x[0]) { (h: Tensor, rows: Tensor) -> (Tensor, Tensor) in
        let row = try scan(h.at(0), rows) { r, y in (try r * 0.5 + y, try sin(r)) }
        return (try tanh(h + row.1), row.0)
      }.1
    },
    SurfaceSample("scan in cond in scan", cell) { x in
      try fold(start(x), x[0]) { (h: Tensor, y: Tensor) -> Tensor in
        try cond(y.sum() .> 0, h) { (h: Tensor) -> Tensor in
          try scan(h, length: 2) { (h: Tensor) in (try tanh(h.matmul(x[1])), try h.sum()) }.0
        } else: { (h: Tensor) -> Tensor in
          try h * 0.5
        }
      }
    },
    SurfaceSample("forLoop", scalars) { x in
      try forLoop(0..<4, x[1]) { i, s in try sin(s) * x[0] + i.cast(to: .f64) }
    },
    SurfaceSample("map", vectors) { x in try map(x[1]) { try sin($0) * x[0] } },
    SurfaceSample("map in batches of three", vectors) { x in try map(x[1], batchSize: 3) { try sin($0) * x[0] } },
    SurfaceSample("cond", scalars) { x in
      try cond(x[0] .> 0, x[1]) { y in
        try exp(y) * x[0]
      } else: { y in
        try log(y)
      }
    },
    SurfaceSample("cond that is false", scalars) { x in
      try cond(x[0] .< 0, x[1]) { y in
        try log(y)
      } else: { y in
        try sin(y * x[0])
      }
    },
    SurfaceSample("switchCase", scalars) { x in
      try switchCase((x[0] * 0).cast(to: .i32) + 1, [{ try exp($0) }, { try sin($0) * x[0] }, { $0 }], x[1])
    },
    SurfaceSample("checkpoint", [Input(shape: [2, 3]), Input(shape: [3, 2])]) { x in
      try checkpoint { (a: Tensor, b: Tensor) in try sin(tanh(a.matmul(b))) }(x[0], x[1])
    },
    SurfaceSample("checkpoint that keeps products", [Input(shape: [2, 3]), Input(shape: [3, 2])]) { x in
      try checkpoint(policy: .dots) { (a: Tensor, b: Tensor) in try sin(tanh(a.matmul(b))) }(x[0], x[1])
    },
    SurfaceSample("checkpoint that keeps names, in a loop", cell) { x in
      let step = checkpoint(policy: .names(["h"])) { (h: Tensor, y: Tensor) in
        try sin(checkpointName(tanh(h.matmul(x[1]) + y), "h"))
      }
      return try fold(start(x), x[0]) { h, y in try step(h, y) }
    },
    SurfaceSample("checkpoint around a loop", cell) { x in
      try checkpoint { (h: Tensor) in try scan(h, x[0], cellStep(x)).1 }(try start(x))
    },
    SurfaceSample("associativeScan: products", vectors) { x in try associativeScan(x[1]) { try $0 * $1 } },
    SurfaceSample("associativeScan: linear recurrence, backwards", [Input(shape: [5, 2]), Input(shape: [5, 2])]) { x in
      try associativeScan(["a": x[0], "b": x[1]], axis: -2, reverse: true) { p, q in
        ["a": try p["a"]! * q["a"]!, "b": try q["a"]! * p["b"]! + q["b"]!]
      }["b"]!
    },
  ]
}
