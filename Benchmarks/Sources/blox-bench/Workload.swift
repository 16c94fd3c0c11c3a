// What a workload is to the timing loop: something to call, and what to check of its result.

import BloxNN

/// A workload of peers/workloads.json.
struct Workload {
  let name: String
  /// Floating-point operations of one call, as workloads.json counts them.
  var flops: Double?
  /// The least traffic of one call in bytes: each input read once, each output written once.
  var bytes: Double?
  /// Calls of the measured function in one call of `Case.call`.
  var callsPerSample = 1
  let prepare: @Sendable () throws -> Case
}

/// A workload with its inputs made, ready to be timed.
struct Case {
  /// Does the timed work once, and waits for it.
  var call: () throws -> Void
  /// What the last call gave.
  var outputs: () throws -> [Tensor]
  /// A step of training returns its loss in `outputs`, and is checked by its first five losses.
  var isTraining = false
  /// What the plan says of the memory of the compiled function.
  var memory: () -> MemoryAnalysis? = { nil }
}

extension Case {
  /// A function of ready arguments.
  static func function(
    memory: @escaping () -> MemoryAnalysis? = { nil }, _ body: @escaping () throws -> [Tensor]
  ) -> Case {
    var last: [Tensor] = []
    return Case(call: { last = try body() }, outputs: { last }, memory: memory)
  }

  /// A step of training, `state` donated to it and replaced by its result.
  static func training<State: TensorTree>(
    _ state: State, memory: @escaping () -> MemoryAnalysis?,
    _ step: @escaping (State) throws -> (State, Tensor)
  ) -> Case {
    var state = state
    var loss = Tensor(0.0)
    return Case(
      call: { (state, loss) = try step(state) }, outputs: { [loss] }, isTraining: true, memory: memory)
  }
}

let workloads = matrixProducts + elementwise + rowwise + convolutions + training + dispatch + random
