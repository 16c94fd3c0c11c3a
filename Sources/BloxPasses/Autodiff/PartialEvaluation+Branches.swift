// Partial evaluation of choices. Only one branch runs, so the residuals of all branches share places: the k-th residual
// of a type has one place whatever the branch.

import BloxIR

extension ControlSplitter {
  mutating func splitCond(
    _ cond: Op.Cond, _ operands: [Operand], _ isLinear: [Bool]
  ) throws(BloxError) -> SplitResults {
    let isLinearInput = Array(isLinear.dropFirst())
    let inputs = Array(operands.dropFirst())
    var isLinearResult = cond.branches[0].program.results.map { _ in false }
    for branch in cond.branches {
      isLinearResult = isLinearResult.union(try branch.program.split(linear: isLinearInput, axes: axes).isLinearResult)
    }
    var splits: [ProgramSplit] = []
    for branch in cond.branches {
      let split = try branch.program.split(linear: isLinearInput, forcing: isLinearResult, axes: axes)
      splits.append(try split.reducingResiduals(isFree: split.known.parameters.map { _ in true }, axes: axes))
    }
    let places = BranchResiduals(splits)
    let knownInputs = inputs.selecting(isLinearInput, false)
    let linearInputs = inputs.selecting(isLinearInput)

    let known = splits.enumerated().map { index, split in
      split.known.returning(
        split.known.results.prefix(split.knownResultCount).map(\.operand)
          + places.values(ofBranch: index, split, builder)
      ).asRegion()
    }
    let knownResults = try builder.emitControl(
      .cond(Op.Cond(branches: known, isPredicate: cond.isPredicate)), [operands[0]] + knownInputs)
    let residuals = knownResults.dropFirst(splits[0].knownResultCount)

    let all = residuals + knownInputs + linearInputs
    var linear: [Program] = []
    for (index, split) in splits.enumerated() {
      let branch = try Program.region(all.map { builder.type(of: $0) }, axes: axes) { (b, x) throws(BloxError) in
        let own = places.sources[index].map { source in
          switch source {
          case .place(let place): x[place]
          case .input(let input): x[residuals.count + input]
          }
        }
        return try b.splice(split.linear, arguments: own + x.suffix(linearInputs.count))
      }
      linear.append(branch.asRegion())
    }
    let linearResults = try builder.emitControl(
      .cond(Op.Cond(branches: linear, isPredicate: cond.isPredicate)), [operands[0]] + all)
    return SplitResults(
      known: knownResults.prefix(splits[0].knownResultCount), linear: linearResults, isLinearResult)
  }
}

/// Where each branch's residuals are.
private struct BranchResiduals {
  enum Source {
    /// A result of the known choice.
    case place(Int)
    /// A known input of the branches.
    case input(Int)
  }

  private(set) var sources: [[Source]] = []
  private(set) var types: [TensorType] = []

  init(_ splits: [ProgramSplit]) {
    for split in splits {
      var isTaken = types.map { _ in false }
      var own: [Source] = []
      for value in split.residuals.compactMap(\.value) {
        if value.index < split.known.parameters.count {
          own.append(.input(value.index))
          continue
        }
        let type = split.known.type(of: value)
        if let free = types.indices.first(where: { !isTaken[$0] && types[$0] == type }) {
          isTaken[free] = true
          own.append(.place(free))
        } else {
          own.append(.place(types.count))
          types.append(type)
          isTaken.append(true)
        }
      }
      sources.append(own)
    }
  }

  /// What a branch puts into the places: zeros where it needs none.
  func values(ofBranch index: Int, _ split: ProgramSplit, _ b: ProgramBuilder) -> [Operand] {
    var values = types.map { b.zeros($0) }
    for (source, residual) in zip(sources[index], split.residuals) {
      if case .place(let place) = source { values[place] = residual }
    }
    return values
  }
}
