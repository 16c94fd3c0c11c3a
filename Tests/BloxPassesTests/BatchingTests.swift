// vmap equals a loop over lanes, for every op and every way to map its parameters.

import BloxIR
import BloxRuntime
import Testing

@testable import BloxPasses

struct BatchingTests {
  @Test("Every op batches to what a loop over lanes computes, bit for bit", arguments: [3, 1])
  func batchingEqualsLoop(size: Int) throws {
    var names: Set<String> = []
    for (index, sample) in try allSamples().enumerated() {
      names.formUnion(sample.program.instructions.map(\.op.name))
      for inAxes in axisChoices(sample.program) {
        try expectLoopEquality(sample.program, size: size, inAxes: inAxes, seed: UInt64(index * 10 + size))
      }
    }
    #expect(names.count == 122, "a new op needs a sample: \(names.sorted())")
  }

  @Test("No lanes at all are legal, for every op and every way to map")
  func noLanes() throws {
    // Those that exchange between lanes take a number of them.
    for sample in try allSamples() where (try? sample.program.verify()) != nil {
      for inAxes in axisChoices(sample.program) {
        let batch = try batched(sample.program, size: 0, axisName: nil, inAxes: inAxes, axes: [:])
        try batch.program.verify()
        for (index, type) in batch.program.resultTypes.enumerated() where batch.outAxes[index] != nil {
          #expect(type.shape == [0] + sample.program.resultTypes[index].shape, "\(sample.program)")
        }
      }
    }
  }

  @Test("What depends on no lane is computed once, and the lane's index maps without any mapped argument")
  func sharedWork() throws {
    let program = try makeProgram([.f32(3), .f32(3)], axes: [laneAxis: 4]) { (b, x) throws(BloxError) in
      let shared = try b.mul(x[1], x[1])
      return [try b.add(x[0], shared), shared, try b.emitOne(.axisIndex(laneAxis), [])]
    }
    let batch = try batched(program, size: 4, axisName: laneAxis, inAxes: [0, nil], axes: [:])
    #expect(batch.outAxes == [0, nil, 0])
    #expect(batch.program.resultTypes == [.f32(4, 3), .f32(3), .i32(4)])
  }

  @Test("The index along another axis stays, and a call that batching does not change stays")
  func otherAxis() throws {
    let callee = try makeProgram([.f32()], name: "f") { (b, x) throws(BloxError) in [try b.neg(x[0])] }
    let program = try makeProgram([.f32(), .f32()], axes: ["outer": 2, laneAxis: 4]) { (b, x) throws(BloxError) in
      [try b.emitOne(.axisIndex("outer"), []), .value(try b.emit(.call(Op.Callee(callee)), [x[1]])[0])]
    }
    let batch = try batched(program, size: 4, axisName: laneAxis, inAxes: [0, nil], axes: ["outer": 2])
    #expect(batch.outAxes == [nil, nil])
    #expect(batch.program.instructions.map(\.op) == program.instructions.map(\.op))
  }

  @Test("Errors say which parameter and what is wrong")
  func errors() throws {
    let program = try makeProgram([.f32(3)], name: "f") { (b, x) throws(BloxError) in [try b.neg(x[0])] }
    func message(inAxes: [Int?], name: String? = nil) -> String? {
      do {
        _ = try batched(program, size: 2, axisName: name, inAxes: inAxes, axes: ["i": 2])
        return nil
      } catch { return error.message }
    }
    #expect(message(inAxes: [0, 0]) == "vmap of @f: 2 in-axes for 1 parameters")
    #expect(
      message(inAxes: [2])
        == "vmap of @f: in-axis 2 of parameter %0 is out of range; the argument has 2 dimensions")
    #expect(
      message(inAxes: [0], name: "i") == "vmap of @f: the axis name i is in use by an enclosing vmap")
    let fused = try Pass.fuse.run(program)
    #expect(throws: BloxError(.unsupported, "vmap of a fused program; apply vmap to the program before the pass fuse"))
    { try batched(fused, size: 2, axisName: nil, inAxes: [0], axes: [:]) }
  }

  @Test("The chain from the lanes to a mapped result is the shortest, through calls too")
  func chains() throws {
    let callee = try makeProgram([.f32(), .f32()], name: "f") { (b, x) throws(BloxError) in
      [try b.neg(x[1]), x[0]]
    }
    let program = try makeProgram([.f32(), .f32(), .f32()]) { (b, x) throws(BloxError) in
      let long = try b.neg(b.neg(x[0]))
      let called = try b.emit(.call(Op.Callee(callee)), [x[1], long]).map { Operand.value($0) }
      return [try b.add(called[0], x[0]), called[0], called[1]]
    }
    func chain(_ result: Int) -> [String] {
      mappedChain(program, inAxes: [0, nil, nil], axisName: nil, resultIndex: result)
    }
    #expect(chain(0) == ["%0", "add"])
    #expect(chain(1) == ["%0", "neg", "neg", "call"])
    #expect(chain(2) == [])
  }
}

/// For each parameter: not mapped, and mapped at the first, the second and the last position.
private func axisChoices(_ program: Program) -> [[Int?]] {
  program.parameters.reduce([[]]) { choices, parameter in
    let positions = Set([0, 1, parameter.type.rank]).filter { $0 <= parameter.type.rank }.sorted()
    return choices.flatMap { choice in ([nil] + positions.map { Optional($0) }).map { choice + [$0] } }
  }
}

private func expectLoopEquality(_ program: Program, size: Int, inAxes: [Int?], seed: UInt64) throws {
  let batch = try batched(program, size: size, axisName: laneAxis, inAxes: inAxes, axes: [:])
  let arguments = randomArguments(batch.program, seed: seed)
  let got = try ReferenceInterpreter.run(batch.program, arguments)
  var lanes: [[DenseConstant]] = []
  for lane in 0..<size {
    var laneArguments: [DenseConstant] = []
    for (argument, axis) in zip(arguments, inAxes) {
      laneArguments.append(try axis.map { try argument.lane(lane, axis: $0) } ?? argument)
    }
    lanes.append(try ReferenceInterpreter.run(program.inLane(lane), laneArguments))
  }
  for (index, axis) in batch.outAxes.enumerated() {
    for lane in 0..<size {
      let mine = try axis.map { try got[index].lane(lane, axis: $0) } ?? got[index]
      #expect(mine == lanes[lane][index], "\(program.name), in-axes \(inAxes), lane \(lane), seed \(seed)")
    }
  }
}

extension DenseConstant {
  /// What one lane sees of a batched argument.
  fileprivate func lane(_ lane: Int, axis: Int) throws(BloxError) -> DenseConstant {
    var window = Op.Slice(starts: type.shape.map { _ in 0 }, limits: type.shape)
    (window.starts[axis], window.limits[axis]) = (lane, lane + 1)
    let part = try ReferenceInterpreter.evaluate(.slice(window), operands: [self])
    return try ReferenceInterpreter.evaluate(.reshape(type.shape.removing([axis])), operands: part)[0]
  }
}

extension Program {
  /// The program as one lane runs it: the lane's index is a number.
  fileprivate func inLane(_ lane: Int) throws(BloxError) -> Program {
    var rewriter = Rewriter(self, axes: [:])
    for instruction in instructions {
      if case .axisIndex = instruction.op {
        rewriter.bind(instruction, to: [.splat(Literal(lane, as: .i32), shape: [])])
      } else {
        try rewriter.copy(instruction)
      }
    }
    return rewriter.finish()
  }
}
