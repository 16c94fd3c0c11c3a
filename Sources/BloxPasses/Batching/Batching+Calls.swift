// Batching rules of calls, regions and the lane's index.

import BloxIR

extension Batcher {
  /// axis_index "i"  ->  iota over the lanes. The index along another axis is the same in every lane of this one.
  mutating func batchAxisIndex(_ name: String) throws(BloxError) -> BatchedOperand {
    if name == axisName {
      return .mapped(try builder.emitOne(.iota(TensorType(.i32, [size]), axis: 0), []))
    }
    return .shared(try builder.emitOne(.axisIndex(name), []))
  }

  /// call @f %x  ->  call @f.vmap %x. The call stays as it is when batching changes nothing of the callee.
  mutating func batchCall(
    _ callee: Op.Callee, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    let batch = try lanes(callee, operands.map(\.isMapped))
    var target = callee
    if batch.program != callee.program {
      var program = batch.program
      program.name += ".vmap"
      target = Op.Callee(program)
    }
    let values = try builder.emit(.call(target), operands.map(\.operand))
    return zip(values, batch.outAxes).map { BatchedOperand(operand: .value($0), isMapped: $1 != nil) }
  }

  /// The program of all lanes of a callee, made once for each way in which its arguments are mapped.
  mutating func lanes(_ callee: Op.Callee, _ isMapped: [Bool]) throws(BloxError) -> BatchedProgram {
    let request = CalleeRequest(callee: callee, inAxes: isMapped.map { $0 ? 0 : nil })
    if let known = callees[request] { return known }
    let batch = try batched(callee.program, size: size, axisName: axisName, inAxes: request.inAxes, axes: axes)
    callees[request] = batch
    return batch
  }

  /// Regions have one iteration space, which a shared value inside would break; and transformations come before
  /// fusion, so nothing is lost.
  static var fusedError: BloxError {
    BloxError(.unsupported, "vmap of a fused program; apply vmap to the program before the pass fuse")
  }
}
