// Sequences: loops over steps, states, resets, LSTM and GRU.

import BloxNN
import Testing

@Suite("A8 Sequences")
struct SequenceTests {
  private let graph: Graph
  private let rng: Rng
  private let params: Params

  init() throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
    params = try rng.seed(Params(), seed: 42)
  }

  private func distance(_ a: Tensor, _ b: Tensor) throws -> Double {
    guard a.type == b.type else { return .infinity }
    return try abs(a - b).max().item()
  }

  @Test("L-25, L-26: an LSTM has the gates i, g, f, o, and starts with zeros") func lstm() throws {
    let lstm = try LSTM(graph.child("lstm"), hiddenSize: 3, rng: rng)
    let x = try Key(1).normal([2, 5])
    let (start, _) = try lstm.initialState(params, x)
    #expect(try start.hidden.scalars() == [Float](repeating: 0, count: 6) && start.cell.shape == [2, 3])
    let state = LSTMState(hidden: try Key(2).normal([2, 3]), cell: try Key(3).normal([2, 3]))
    let (y, next, created) = try lstm(params, x, state)
    #expect(created.split().0.keys == ["net/lstm/gates/kernel", "net/lstm/gates/bias"])
    let kernel = try created["net/lstm/gates/kernel"].value
    #expect(kernel.shape == [8, 12])
    func gate(_ index: Int) throws -> Tensor {
      try concatenate([x, state.hidden], axis: 1).matmul(kernel.slice(3 * index..<3 * index + 3, axis: 1))
    }
    let cell = try sigmoid(gate(2)) * state.cell + sigmoid(gate(0)) * tanh(gate(1))
    #expect(try distance(next.cell, cell) < 1e-6)
    #expect(try distance(y, sigmoid(gate(3)) * tanh(cell)) < 1e-6)
    #expect(try distance(next.hidden, y) == 0)
  }

  @Test("L-27, L-28, C-02: a GRU has the documented form, or that of 0.1.6") func gru() throws {
    let x = try Key(1).normal([2, 5])
    let state = GRUState(hidden: try Key(2).normal([2, 3]))
    let h = state.hidden
    let documented = try GRU(graph.child("documented"), hiddenSize: 3, rng: rng)
    let released = try GRU(graph.child("released"), hiddenSize: 3, variant: .released, rng: rng)
    #expect(try documented.initialState(params, x).0.hidden.shape == [2, 3])
    for gru in [documented, released] {
      let (y, next, created) = try gru(params, x, state)
      func kernel(_ child: String) throws -> Tensor { try created[gru.path.appending(child).appending("kernel")].value }
      let gates = try sigmoid(concatenate([x, h], axis: 1).matmul(kernel("gates")))
      let (z, r) = (try gates.slice(0..<3, axis: 1), try gates.slice(3..<6, axis: 1))
      let want: Tensor
      switch gru.variant {
      case .documented:
        let n = try tanh(x.matmul(kernel("candidate")) + r * h.matmul(kernel("recurrent")))
        want = try (1 - z) * n + z * h
        #expect(created.split().0.count == 6)
      case .released:
        let n = try tanh(concatenate([x, r * h], axis: 1).matmul(kernel("candidate")))
        want = try (1 - z) * h + z * n
        #expect(created.split().0.count == 4)
      }
      #expect(try distance(y, want) < 1e-6, "\(gru.variant)")
      #expect(try distance(next.hidden, y) == 0)
    }
  }

  @Test("SQ-01, SQ-02, SQ-03: a sequence is its steps, from the initial state or a given one") func steps() throws {
    let gru = try GRU(graph.child("gru"), hiddenSize: 3, rng: rng)
    let x = try Key(1).normal([2, 4, 5])
    let (outputs, last, created) = try gru.apply(params, x)
    var (state, _) = try gru.initialState(created, x)
    for time in 0..<4 {
      let y: Tensor
      (y, state, _) = try gru(created, x.at(time, axis: 1), state)
      #expect(try distance(outputs.at(time, axis: 1), y) == 0)
    }
    #expect(try distance(last.hidden, state.hidden) == 0)
    let (_, half, _) = try gru.apply(created, x.slice(0..<2, axis: 1))
    let (rest, _, _) = try gru.apply(created, x.slice(2..<4, axis: 1), state: half)
    #expect(try distance(rest, outputs.slice(2..<4, axis: 1)) == 0)
    let compiled = jit { (params: Params, x: Tensor) in try gru.apply(params, x) }
    #expect(try distance(compiled(created, x).0, outputs) < 1e-6)
  }

  @Test("SQ-07, C-07: a reset starts rows of the batch anew, also when it is as large as the state", arguments: [2, 3])
  func resets(batch: Int) throws {
    // As many sequences as state elements is where broadcasting from the last axis would reset columns.
    let lstm = try LSTM(graph.child("lstm"), hiddenSize: 3, rng: rng)
    let x = try Key(1).normal([batch, 4, 2])
    let (_, _, created) = try lstm.apply(params, x)
    let isReset = try (Tensor.iota([batch, 4], axis: 0) .== 1) .& (Tensor.iota([batch, 4], axis: 1) .== 2)
    let (plain, _, _) = try lstm.apply(created, x)
    let (y, _, _) = try lstm.apply(created, x, isReset: isReset)
    let (fresh, _, _) = try lstm.apply(created, x.slice(2..<4, axis: 1))
    for row in 0..<batch where row != 1 { #expect(try distance(y.at(row), plain.at(row)) == 0) }
    #expect(try distance(y.at(1).slice(0..<2), plain.at(1).slice(0..<2)) == 0)
    #expect(try distance(y.at(1).slice(2..<4), fresh.at(1)) < 1e-6)

    let state = LSTMState(hidden: try Tensor.ones([batch, 3]), cell: try Tensor.ones([batch, 3]))
    let step = try x.at(0, axis: 1)
    #expect(try distance(lstm.maybeResetState(created, state, step, isReset: nil).cell, state.cell) == 0)
    let rows = try Tensor.arange(batch) .== 0
    let cleared = try lstm.maybeResetState(created, state, step, isReset: rows)
    #expect(try cleared.cell.sum([1]).scalars(as: Double.self) == [0] + [Double](repeating: 3, count: batch - 1))
    let number = try thrown { try lstm.maybeResetState(created, state, step, isReset: Tensor.arange(batch)) }
    #expect(number.code == .dtypeMismatch)
    let size = try thrown { try lstm.maybeResetState(created, state, step, isReset: Tensor.arange(batch + 1) .== 0) }
    #expect(size.code == .shapeMismatch)
    #expect(
      size.message
        == "isReset bool[\(batch + 1)] does not fit the state f32[\(batch),3]: it needs a value for each sequence of the"
        + " batch, bool[\(batch)]")
  }

  @Test("SQ-10, SQ-11: inputs, states and signals are trees, and parameters advance from step to step") func trees()
    throws
  {
    let mixer = try Mixer(graph.child("mixer"), rng: rng)
    let x = Mixer.Pair(a: try Key(1).normal([3, 4, 2]), b: try Tensor.ones([3, 4]))
    let (_, _, created) = try mixer.apply(params, x, isTraining: false)
    let (y, state, after) = try mixer.apply(created.locked(), x)
    #expect(y.a.shape == [3, 4, 2] && y.b.shape == [3, 4])
    #expect(try y.b.at(0).scalars() == [1.0, 2, 3, 4] && state[0].scalars() == [4.0, 4, 4])
    #expect(try rng.getCounter(after).item() == rng.getCounter(created).item() + 4)
    var mean = 0.0
    for time in 0..<4 { mean = try 0.9 * mean + 0.1 * x.a.at(time, axis: 1).at(0, axis: 1).mean().item() }
    #expect(try Swift.abs(after["net/mixer/norm/running_mean"].value.at(0).item() - mean) < 1e-6)
    // A signal for each tensor of the state.
    let signals = [try Tensor.iota([3, 4], axis: 1) .== 3, try Tensor.iota([3, 4], axis: 1) .< 0]
    let (_, reset, _) = try mixer.apply(created, x, isReset: signals, isTraining: false)
    #expect(try reset[0].scalars() == [1.0, 1, 1])
    #expect(try distance(reset[1], state[1]) < 1e-6)
    let three = try thrown { try mixer.apply(created, x, isReset: signals + [signals[0]], isTraining: false) }
    #expect(three.code == .structureMismatch)
    #expect(three.message == "isReset has 3 tensors; it needs one for the whole state, or one for each of its 2")
  }

  @Test("SQ-06, SQ-08, C-14: inputs without axis 1, without tensors or without steps are errors") func errors() throws {
    let lstm = try LSTM(graph.child("lstm"), hiddenSize: 3, rng: rng)
    let rank = try thrown { try lstm.apply(params, Tensor.ones([4])) }
    #expect(rank.code == .invalidShape)
    #expect(
      rank.description
        == "dynamicScan: input leaves must have rank >= 2, [batch, time, ...], got 1: f32[4] [in net/lstm]")
    func scan(_ inputs: [String: Tensor], isReset: Tensor? = nil) throws -> Tensor {
      try staticScan(params, inputs, Tensor(0.0), isReset: isReset) { params, x, state, _, _ in
        (try x["a"] ?? Tensor.ones([2]), state, params)
      }.0
    }
    #expect(try scan(["a": Tensor.ones([2, 3])]).shape == [2, 3])
    let empty = try thrown { try scan([:]) }
    #expect(empty.code == .invalidArgument && empty.message == "staticScan: the input tree cannot be empty")
    let steps = try thrown { try scan(["a": Tensor.ones([2, 3]), "b": Tensor.ones([2, 4])]) }
    #expect(steps.code == .shapeMismatch)
    #expect(
      steps.message
        == "staticScan: all leaves must have the same number of steps: input 'a' is f32[2,3], input 'b' f32[2,4]")
    let signal = try thrown { try scan(["a": Tensor.ones([2, 3])], isReset: Tensor.ones([2, 2])) }
    #expect(signal.code == .shapeMismatch)
    let none = try thrown { try scan(["a": Tensor.ones([2, 0])]) }
    #expect(none.code == .invalidArgument)
    #expect(
      none.message == "staticScan: the inputs f32[2,0] have no steps, so that nothing says what outputs are")
    var isFirst = true
    let structure = try thrown {
      try staticScan(params, Tensor.ones([2, 2]), Tensor(0.0)) { params, x, state, _, _ in
        defer { isFirst = false }
        return (isFirst ? [x] : [x, x], state, params)
      }
    }
    #expect(structure.code == .structureMismatch)
    #expect(try thrown { try LSTM(graph.child("negative"), hiddenSize: -1) }.code == .invalidShape)
    #expect(try thrown { try GRU(graph.child("huge"), hiddenSize: .max) }.code == .invalidShape)
    #expect(try thrown { try lstm.initialState(params, Tensor(1.0)) }.code == .scalarInput)
  }
}
