// Sequences as loops of the program: the values, gradients and state of the same steps in a Swift loop.

import BloxIR
import BloxNN
import Testing

@testable import BloxTrace

@Suite("A8 Sequences as loops")
struct DynamicScanTests {
  /// Recurrences of which `make` gives one as a Swift loop and one as a loop of the program.
  enum Model: CaseIterable, Sendable {
    case lstm, documentedGRU, releasedGRU

    func outputs(_ graph: Graph, _ rng: Rng, isStatic: Bool) throws -> Call {
      let node = try graph.child("layer")
      switch self {
      case .lstm:
        let lstm = try LSTM(node, hiddenSize: 4, rng: rng, isStatic: isStatic)
        return { params, x, reset in
          let (y, state, params) = try lstm.apply(params, x, isReset: reset)
          return (try y.sum([1]) + state.hidden * 2 + square(state.cell), params)
        }
      case .documentedGRU, .releasedGRU:
        let variant: GRU.Variant = self == .documentedGRU ? .documented : .released
        let gru = try GRU(node, hiddenSize: 4, variant: variant, rng: rng, isStatic: isStatic)
        return { params, x, reset in
          let (y, state, params) = try gru.apply(params, x, isReset: reset)
          return (try y.sum([1]) + state.hidden * 2, params)
        }
      }
    }
  }

  typealias Call = (Params, Tensor, Tensor?) throws -> (Tensor, Params)

  private func distance(_ a: Tensor, _ b: Tensor) throws -> Double {
    guard a.type == b.type else { return .infinity }
    return try abs(a - b).max().item()
  }

  @Test("OUT-18, SQ-05, SQ-12: the LSTM of the notebook, static and dynamic, with the same parameters")
  func notebook() throws {
    func createLSTM(isStatic: Bool) throws -> (Rng, LSTM, Graph) {
      let graph = try Graph("model")
      let rng = try Rng(graph.child("rng"))
      return (rng, try LSTM(graph.child("lstm"), hiddenSize: 16, rng: rng, isStatic: isStatic), graph)
    }
    let (rng, lstmStatic, graph) = try createLSTM(isStatic: true)
    let (_, lstmDynamic, otherGraph) = try createLSTM(isStatic: false)
    let x = try Tensor.ones([2, 5, 8])
    let (state, seeded) = try lstmStatic.initialState(rng.seed(Params(), seed: 42), x.at(0, axis: 1))
    for lstm in [lstmStatic, lstmDynamic] {
      // Unlocked parameters: both create them in the first step.
      let params = try lstm.apply(seeded, x, state: state).2.locked()
      #expect(try params["model/lstm/gates/kernel"].value.shape == [24, 64])
      #expect(try params["model/lstm/gates/bias"].value.shape == [64])
      #expect(try rng.getCounter(params).item() == 2)
      let outStatic = try lstmStatic.apply(params, x, state: state).0
      let outDynamic = try lstmDynamic.apply(params, x, state: state).0
      #expect(fixed(try outStatic.sum().item(), decimals: 4) == "-3.8411")
      #expect(fixed(try outDynamic.sum().item(), decimals: 4) == "-3.8411")
      #expect(try distance(outStatic, outDynamic) < 1e-6)
    }
    withExtendedLifetime((graph, otherGraph)) {}
  }

  @Test("SQ-04, SQ-13: a changed isStatic is read by the next call, but not by a compiled function") func switching()
    throws
  {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let lstm = try LSTM(graph.child("lstm"), hiddenSize: 4, rng: rng)
    #expect(!lstm.isStatic)
    let x = try Key(1).normal([2, 6, 3])
    let params = try lstm.apply(rng.seed(Params(), seed: 1), x).2.locked()
    func ops() throws -> [String] {
      try makeProgram({ (p: Params, x: Tensor) in try lstm.apply(p, x).0 }, params, x).instructions.map(\.op.name)
    }
    let compiled = jit { (p: Params, x: Tensor) in try lstm.apply(p, x).0 }
    let before = try compiled(params, x)
    #expect(try ops().count { $0 == "scan" } == 1 && !ops().contains("dot_general"))
    lstm.isStatic = true
    #expect(try !ops().contains("scan") && ops().count { $0 == "dot_general" } == 6)
    let after = try compiled(params, x)
    #expect(compiled.statistics.traces == 1)
    #expect(try distance(before, after) == 0)
  }

  @Test(
    "SQ-09, SQ-12: a loop of the program has the values and gradients of a Swift loop, with resets",
    arguments: Model.allCases, [false, true])
  func agreement(model: Model, isReset: Bool) throws {
    let graphs = (try Graph("net"), try Graph("net"))
    let rngs = (try Rng(graphs.0.child("rng")), try Rng(graphs.1.child("rng")))
    let unrolled = try model.outputs(graphs.0, rngs.0, isStatic: true)
    let loop = try model.outputs(graphs.1, rngs.1, isStatic: false)
    let x = try Key(1).normal([3, 5, 2])
    let reset = isReset ? try Key(2).bernoulli(0.3, [3, 5]) : nil
    let params = try unrolled(rngs.0.seed(Params(), seed: 3), x, reset).1.locked()
    #expect(try params.keys.sorted() == loop(rngs.1.seed(Params(), seed: 3), x, reset).1.keys.sorted())

    func slopes(_ call: @escaping Call) throws -> [Tensor] {
      let (trainable, rest) = params.split()
      let first = { (p: Params, x: Tensor) in
        try grad { (p: Params, x: Tensor) in try square(call(p.merge(rest), x, reset).0).sum() }(p, x)
      }
      // And of the gradient's size with respect to the inputs, which is a derivative of the backward loop.
      let second = grad { (x: Tensor) in
        try first(trainable, x).tensors().reduce(Tensor(0.0)) { try $0 + square($1).sum() }
      }
      return try [call(params, x, reset).0] + first(trainable, x).tensors() + [second(x)]
    }
    let want = try slopes(unrolled)
    let got = try slopes(loop)
    let compiled = try jit { (p: Params, x: Tensor) in try loop(p, x, reset) }(params, x).0
    #expect(got.count == want.count)
    for (a, b) in zip(got + [compiled], want + [want[0]]) {
      #expect(try distance(a, b) < 2e-5 * (1 + abs(b).max().item()))
    }
    // Lanes of sequences, each with its own reset signal.
    let lanes = try vmap(inAxes: [nil, 1, 1]) { (p: Params, x: Tensor, r: Tensor) in
      try loop(p, x.reshape([1, 5, 2]), isReset ? r.reshape([1, 5]) : nil).0
    }(params, x.swapAxes(0, 1), (reset ?? Tensor.full([3, 5], 0).cast(to: .bool)).swapAxes(0, 1))
    #expect(try distance(lanes.reshape([3, 4]), want[0]) < 1e-5)
    withExtendedLifetime(graphs) {}
  }

  @Test("SQ-09, SQ-10, SQ-11: trees, random state and running statistics advance within the loop") func trees() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let mixer = try Mixer(graph.child("mixer"), rng: rng)
    let x = Mixer.Pair(a: try Key(1).normal([3, 4, 2]), b: try Tensor.ones([3, 4]))
    let signals = [try Tensor.iota([3, 4], axis: 1) .== 3, try Tensor.iota([3, 4], axis: 1) .< 0]
    let params = try mixer.apply(rng.seed(Params(), seed: 42), x, isTraining: false).2.locked()
    for isTraining in [true, false] {
      for isReset in [nil, signals] {
        mixer.isStatic = true
        let want = try mixer.apply(params, x, isReset: isReset, isTraining: isTraining)
        mixer.isStatic = false
        let got = try mixer.apply(params, x, isReset: isReset, isTraining: isTraining)
        #expect(try distance(got.0.a, want.0.a) < 1e-5 && distance(got.0.b, want.0.b) == 0)
        for (a, b) in zip(got.1, want.1) { #expect(try distance(a, b) < 1e-6) }
        #expect(got.2.isLocked && got.2.keys == want.2.keys.sorted())
        #expect(try rng.getCounter(got.2).item() == rng.getCounter(params).item() + (isTraining ? 4 : 0))
        for path in want.2.keys where try want.2[path].value.dtype == .f32 {
          #expect(try distance(got.2[path].value, want.2[path].value) < 1e-6)
        }
      }
    }
  }

  @Test("SQ-09, C-14, T-71, T-72: inputs without steps, and steps that change what is carried, are errors")
  func errors() throws {
    let params = Params().locked()
    func scan(
      _ inputs: [String: Tensor], _ start: Tensor = Tensor(0.0),
      _ step: (Params, Tensor) throws -> (Tensor, Params) = { ($1, $0) }
    ) throws -> Tensor {
      try dynamicScan(params, inputs, start) { params, x, state, _, _ in
        let (state, params) = try step(params, state)
        return (try x["a"] ?? Tensor.ones([2]), state, params)
      }.0
    }
    #expect(try scan(["a": Tensor.ones([2, 3])]).shape == [2, 3])
    #expect(try thrown { try scan([:]) }.message == "dynamicScan: the input tree cannot be empty")
    let rank = try thrown { try scan(["a": Tensor.ones([4])]) }
    #expect(rank.code == .invalidShape)
    #expect(
      rank.message == "dynamicScan: input leaves must have rank >= 2, [batch, time, ...], got 1: 'a' f32[4]")
    #expect(try thrown { try scan(["a": Tensor.ones([2, 3]), "b": Tensor.ones([2, 4])]) }.code == .shapeMismatch)
    #expect(
      try thrown { try scan(["a": Tensor.ones([2, 0])]) }.message
        == "dynamicScan: the inputs f32[2,0] have no steps, so that nothing says what outputs are")

    let state = try thrown { try scan(["a": Tensor.ones([2, 3])]) { (try stack([$1, $1]), $0) } }
    #expect(state.code == .structureMismatch)
    #expect(
      state.message
        == "scan: the body must return a carry of the structure and types that it is given: carry.state: f32[] given,"
        + " f32[2] returned")
    #expect(state.location?.file.hasSuffix("DynamicScanTests.swift") == true)
    let created = try thrown {
      try scan(["a": Tensor.ones([2, 3])]) { params, state in
        let added = try params.unlocked().setting("net/new", to: Param(Tensor.ones([2])))
        return (state, added.locked())
      }
    }
    #expect(created.code == .structureMismatch)
    #expect(created.message.contains("net/new: f32[2] only returned"), "\(created)")
    let scalar = try thrown {
      try dynamicScan(params, Tensor.ones([2, 3]), Tensor(0.0)) { params, _, state, _, _ in (state, state, params) }
    }
    #expect(scalar.message == "dynamicScan: the outputs of a step need a batch axis, [batch, ...]; got f32[]")
    let same = try thrown {
      try staticScan(params, Tensor.ones([2, 3]), Tensor(0.0)) { params, _, state, _, _ in (state, state, params) }
    }
    #expect(same.message == "staticScan: the outputs of a step need a batch axis, [batch, ...]; got f32[]")
  }

  @Test("The gradient of an LSTM over 64 steps: 1 product forwards, 2 backwards, of which one leaves the loop")
  func gradientProgram() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let lstm = try LSTM(graph.child("lstm"), hiddenSize: 8, rng: rng)
    let x = Tensor.abstract(TensorType(.f32, [2, 64, 3]))
    let params = try lstm.apply(rng.seed(Params(), seed: 1), Tensor.ones([2, 1, 3])).2.locked()
    let (trainable, rest) = params.split()
    let slope = jit { (p: Params, x: Tensor) in
      try grad { (p: Params, x: Tensor) in try square(lstm.apply(p.merge(rest), x).0).sum() }(p, x)
    }
    for stage in [CompilationStage.simplified, .fused] {
      let program = try slope.lower(trainable, x).program(at: stage)
      let loops = program.instructions.compactMap { instruction -> Op.Scan? in
        if case .control(.scan(let scan)) = instruction.op { scan } else { nil }
      }
      try #require(loops.count == 2, "\(stage)")
      func count(_ name: String, _ loop: Op.Scan) -> Int {
        loop.body.program.instructions.count { instruction in
          instruction.op.name == name
            || instruction.op.regions.contains { $0.program.instructions.contains { $0.op.name == name } }
        }
      }
      #expect(!loops[0].isReversed && loops[1].isReversed)
      // That of the kernel's gradient is one product of all steps in the end.
      let isSunk = stage == .fused
      #expect(count("dot_general", loops[0]) == 1 && count("dot_general", loops[1]) == (isSunk ? 1 : 2), "\(stage)")
      #expect(program.instructions.count { $0.op.name == "dot_general" } == (isSunk ? 1 : 0), "\(stage)")
      #expect(count("logistic", loops[1]) == 0 && count("concatenate", loops[1]) <= 1, "\(stage)")
      // The kernel and nothing else is read as a const; stacked values are [64, 2, …].
      #expect(loops[1].constCount == 1, "\(stage)")
      for instruction in program.instructions {
        guard case .control(.scan(let loop)) = instruction.op else { continue }
        for operand in instruction.operands[loop.xs] {
          #expect(Array(program.type(of: operand).shape.prefix(2)) == [64, 2], "\(stage)")
        }
        for index in loop.ys {
          #expect(Array(program.type(of: instruction.results[index]).shape.prefix(2)) == [64, 2], "\(stage)")
        }
      }
    }
  }
}
