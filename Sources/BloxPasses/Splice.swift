import BloxIR
extension ProgramBuilder {
  package mutating func splice(_ program: Program, arguments: some Sequence<Operand>) throws(BloxError) -> [Operand] {
    var map = Array(arguments)
    for i in program.instructions {
      let ops = i.operands.map { o -> Operand in if case .value(let v) = o { return map[v.index] }; return o }
      for v in try copy(i, operands: ops) { map.append(.value(v)) }
    }
    return program.results.map { r in if case .value(let v) = r.operand { return map[v.index] }; return r.operand }
  }
}
