// The recurrences of the reference cases. The reference reads reset signals with an axis of size 1 at the end
// ([batch, time, 1]), which jax-blox 0.1.6 needs.

import BloxNN
import TestSupport

@testable import BloxTrace

extension BloxModel {
  /// The model of a case of recurrences; `nil` for what is none.
  init?(sequence testCase: ConformanceCase) throws {
    let isStatic = testCase.name.contains("static")
    switch testCase.name {
    case "LSTM/static", "LSTM/static_reset", "LSTM/step", "LSTM/step_reset", "LSTM/dynamic", "LSTM/dynamic_reset",
      "LSTM/prev_state":
      try self.init { graph, rng -> Call in
        Self.call(try LSTM(graph.child("layer"), hiddenSize: 4, rng: rng, isStatic: isStatic), testCase)
      }
    case "GRU/static", "GRU/static_reset", "GRU/step", "GRU/step_reset", "GRU/dynamic", "GRU/dynamic_reset",
      "GRU/prev_state":
      try self.init { graph, rng -> Call in
        Self.call(
          try GRU(graph.child("layer"), hiddenSize: 4, variant: .released, rng: rng, isStatic: isStatic), testCase)
      }
    case "static_scan", "dynamic_scan":
      try self.init { graph, rng -> Call in
        let layer = try Linear(graph.child("layer"), outputSize: 3, rng: rng)
        return { params, x in
          let step = { (params: Params, x: Tensor, state: Tensor, _: Tensor?, _: Bool) in
            let (y, params) = try layer(params, x)
            return (try y + state, try state + x, params)
          }
          let (outputs, state, params) =
            testCase.name == "static_scan"
            ? try staticScan(params, x[0], x[1], step: step) : try dynamicScan(params, x[0], x[1], step: step)
          return ([outputs, state], params)
        }
      }
    case _: return nil
    }
  }

  /// A case's call of a recurrence: inputs, the state's tensors if the case has them, and a reset signal if it has one.
  private static func call<Layer: Recurrence>(
    _ layer: Layer, _ testCase: ConformanceCase
  ) -> Call where Layer.Inputs == Tensor, Layer.Outputs == Tensor, Layer.Reset == Tensor, Layer.State: StoredState {
    let isStep = testCase.name.contains("/step")
    let hasReset = testCase.name.hasSuffix("_reset")
    return { params, x in
      let signal = hasReset ? x.last : nil
      let states = Array(x.dropFirst().dropLast(hasReset ? 1 : 0))
      if isStep {
        let (y, state, after) = try layer(params, x[0], Layer.State(states), isReset: signal, isTraining: true)
        return ([y] + (try state.tensors()), after)
      }
      // 0.1.6 gives signals [batch, time, 1].
      let rows = try signal.map { try $0.reshape(Array($0.shape.prefix(2))) }
      let start = states.isEmpty ? nil : Layer.State(states)
      let (y, state, after) = try layer.apply(params, x[0], state: start, isReset: rows, isTraining: true)
      return ([y] + (try state.tensors()), after)
    }
  }
}

/// A state that a case lists as tensors.
protocol StoredState: TensorTree {
  init(_ tensors: [Tensor])
}

extension LSTMState: StoredState {
  init(_ tensors: [Tensor]) { self.init(hidden: tensors[0], cell: tensors[1]) }
}

extension GRUState: StoredState {
  init(_ tensors: [Tensor]) { self.init(hidden: tensors[0]) }
}
