// Functions over tensor trees as values, so that transformations compose and offer more than a call.
//
// This file holds all the generic plumbing: parameter packs in, one to three trees out. Everything behind it works on
// flat arrays of tensors.

import BloxIR
import BloxRuntime

/// How a function's output is taken apart and put together: a tree, or a tuple of two or three trees.
struct OutputShape<Output> {
  /// The parts of the output, visited in order; the closure may replace tensors.
  let visit: (inout Output, inout TensorVisitor) throws -> Void
  /// The number of top-level parts.
  let partCount: Int

  init() where Output: TensorTree {
    visit = { output, visitor in try visitor.visit(&output, .transparent) }
    partCount = 1
  }

  init<A: TensorTree, B: TensorTree>() where Output == (A, B) {
    visit = { output, visitor in
      try visitor.visit(&output.0, .index(0))
      try visitor.visit(&output.1, .index(1))
    }
    partCount = 2
  }

  init<A: TensorTree, B: TensorTree, C: TensorTree>() where Output == (A, B, C) {
    visit = { output, visitor in
      try visitor.visit(&output.0, .index(0))
      try visitor.visit(&output.1, .index(1))
      try visitor.visit(&output.2, .index(2))
    }
    partCount = 3
  }

  /// The tensors in order.
  func tensors(_ output: Output) throws -> [Tensor] {
    var visitor = TensorVisitor()
    var copy = output
    try visit(&copy, &visitor)
    return visitor.leaves
  }

  /// The tensors with their labels and the index of the part that each belongs to.
  func labelledTensors(_ output: Output) throws -> [(tensor: Tensor, label: LeafLabel, part: Int)] {
    var leaves: [(Tensor, LeafLabel, Int)] = []
    var visitor = TensorVisitor(wantsPaths: true) { [partCount] tensor, path in
      var part = 0
      if partCount > 1, case .index(let index)? = path.first { part = index }
      let inner = Array(partCount > 1 ? path.dropFirst() : path[...])
      leaves.append((tensor, LeafLabel(root: partCount > 1 ? "out\(part)" : "out", path: inner), part))
    }
    var copy = output
    try visit(&copy, &visitor)
    return leaves
  }

  /// A copy of the output with other tensors.
  func rebuild(_ prototype: Output, _ tensors: some Collection<Tensor>) throws -> Output {
    var visitor = TensorVisitor(replacingWith: Array(tensors))
    var copy = prototype
    try visit(&copy, &visitor)
    return copy
  }
}

/// The arguments of a call, taken apart.
struct FlatArguments {
  var tensors: [Tensor] = []
  var structure = TreeStructure()
  /// How many tensors each argument has.
  var counts: [Int] = []
  /// The labels, made only when a trace or an error needs them.
  var makeLabels: () throws -> [LeafLabel]
  /// What a cache explains its misses with, made only when there is one. Takes the arguments' names.
  var makeDetails: ([String]) throws -> [ArgumentDetails] = { _ in [] }

  /// Which tensors are given up with some arguments; `nil` for none.
  ///
  /// - Parameter labels: What the tensors are called, for a donation that outlives the arguments.
  func donation(of positions: Set<Int>, labels: [LeafLabel]? = nil) -> Donation? {
    guard !positions.isEmpty else { return nil }
    return Donation(
      isDonated: belonging(to: positions), makeLabels: labels.map { labels in { labels } } ?? makeLabels)
  }

  /// For each tensor, whether it belongs to one of some arguments.
  func belonging(to positions: Set<Int>) -> [Bool] {
    counts.enumerated().flatMap { repeatElement(positions.contains($0), count: $1) }
  }
}

/// A function over tensor trees that transformations take and return.
///
/// Make one by transforming a closure (`jit { … }`, `grad(loss)`), call it like a function, and transform it again.
public struct TensorFunction<Output, each Input: TensorTree> {
  let body: (repeat each Input) throws -> Output
  let shape: OutputShape<Output>
  /// What messages and program text call the function.
  let name: String
  /// The traces of a function that `jit` made; its `body` is the function to trace.
  let cache: JitCache<Output>?

  init(
    name: String, shape: OutputShape<Output>, body: @escaping (repeat each Input) throws -> Output
  ) {
    self.name = name
    self.shape = shape
    self.body = body
    cache = nil
  }

  /// The compiled form of a function.
  init(compiling function: TensorFunction, _ cache: JitCache<Output>) {
    name = cache.name
    shape = function.shape
    // A function that is compiled already becomes a call in the outer program.
    body = { (input: repeat each Input) in try function.call(repeat each input, site: nil) }
    self.cache = cache
  }

  /// Makes a function of a closure that returns one tree.
  public init(name: String = "function", _ body: @escaping (repeat each Input) throws -> Output)
  where Output: TensorTree {
    self.init(name: name, shape: OutputShape(), body: body)
  }

  /// Makes a function of a closure that returns two trees.
  public init<A: TensorTree, B: TensorTree>(
    name: String = "function", _ body: @escaping (repeat each Input) throws -> (A, B)
  ) where Output == (A, B) {
    self.init(name: name, shape: OutputShape(), body: body)
  }

  /// Makes a function of a closure that returns three trees.
  public init<A: TensorTree, B: TensorTree, C: TensorTree>(
    name: String = "function", _ body: @escaping (repeat each Input) throws -> (A, B, C)
  ) where Output == (A, B, C) {
    self.init(name: name, shape: OutputShape(), body: body)
  }

  /// Calls the function. `file` and `line` are for messages.
  public func callAsFunction(
    _ input: repeat each Input, file: String = #fileID, line: Int = #line
  ) throws -> Output {
    let site = SourceLocation(file: file, line: line)
    do {
      return try call(repeat each input, site: site)
    } catch let error as BloxError {
      // What a transformation refuses has no line of its own but that of the call.
      throw error.at(modulePath: ModuleScope.path, location: site)
    }
  }

  /// Calls the function; `site` is `nil` when a transformation does.
  func call(_ input: repeat each Input, site: SourceLocation?) throws -> Output {
    let settings = Diagnostics.Box.current
    guard let cache, settings.value.compiles else { return try body(repeat each input) }
    if let entry = cache.latestEntry(settings) {
      var visitor = TensorVisitor(matching: entry.key.structure)
      func match<Tree: TensorTree>(_ tree: Tree) throws {
        var copy = tree
        try visitor.visitRoot(&copy)
      }
      repeat try match(each input)
      if visitor.matches, let output = try cache.call(entry, visitor.leaves, shape, site, settings) { return output }
    }
    let arguments = try Self.flatten(repeat each input)
    return try cache.call(
      JitCall(arguments: arguments, shape: shape, site: site) { options in
        try traceBody(repeat each input, arguments: arguments, options: options)
      })
  }

  /// Takes the arguments apart.
  static func flatten(_ input: repeat each Input) throws -> FlatArguments {
    var counts: [Int] = []
    var visitor = TensorVisitor()
    func take<Tree: TensorTree>(_ tree: Tree) throws {
      let before = visitor.leaves.count
      var copy = tree
      try visitor.visitRoot(&copy)
      counts.append(visitor.leaves.count - before)
    }
    repeat try take(each input)
    let labels = { () throws -> [LeafLabel] in
      var labels: [LeafLabel] = []
      var index = 0
      func label<Tree: TensorTree>(_ tree: Tree) throws {
        labels += try tree.leafLabels(root: "arg\(index)")
        index += 1
      }
      repeat try label(each input)
      return labels
    }
    let details = { (names: [String]) throws -> [ArgumentDetails] in
      var details: [ArgumentDetails] = []
      func describe<Tree: TensorTree>(_ tree: Tree) throws {
        let name = details.count < names.count ? names[details.count] : "arg\(details.count)"
        details.append(try ArgumentDetails(tree, name: name))
      }
      repeat try describe(each input)
      return details
    }
    return FlatArguments(
      tensors: visitor.leaves, structure: TreeStructure(nodes: visitor.nodes), counts: counts, makeLabels: labels,
      makeDetails: details)
  }

  /// Calls a function with the arguments whose tensors have been replaced.
  static func rebuild<Result>(
    _ input: repeat each Input, tensors: [Tensor], call: (repeat each Input) throws -> Result
  ) throws -> Result {
    var index = 0
    func replace<Tree: TensorTree>(_ tree: Tree) throws -> Tree {
      try tree.replacingTensors {
        defer { index += 1 }
        return tensors[index]
      }
    }
    return try call(repeat try replace(each input))
  }

  /// Traces the function for arguments of the given structure.
  func trace(
    _ input: repeat each Input, arguments: FlatArguments, options: TraceOptions
  ) throws -> TracedFunction<Output> {
    try TracedFunction(arguments: arguments, options: options, shape: shape) { tensors in
      try Self.rebuild(repeat each input, tensors: tensors) { (input: repeat each Input) in
        try call(repeat each input, site: nil)
      }
    }
  }

  /// Traces the function under a compiled one.
  func traceBody(
    _ input: repeat each Input, arguments: FlatArguments, options: TraceOptions
  ) throws -> TracedFunction<Output> {
    try TracedFunction(arguments: arguments, options: options, shape: shape) { tensors in
      try Self.rebuild(repeat each input, tensors: tensors, call: body)
    }
  }
}

/// How a function is traced.
struct TraceOptions {
  var name: String
  /// Named axes added to those of the enclosing trace.
  var axes: [String: Int] = [:]
  var bakesConstants = false
  var capturesScalars = false
  /// The types to trace with, when they are not the arguments' own.
  var types: [TensorType]?
  /// Names of the arguments for program text; `arg0`, `arg1`, … otherwise.
  var argumentNames: [String] = []
  var donated: Set<Int> = []
}

/// A function's program with what is needed to call it again.
struct TracedFunction<Output> {
  let program: Program
  /// The output with tensors of the trace, to be rebuilt with others.
  let prototype: Output
  /// Tensors of the outside, which are the last inputs of the program.
  let captures: [Tensor]
  /// The labels of the inputs and outputs.
  let inputLabels: [LeafLabel]
  let outputLabels: [LeafLabel]
  /// Which top-level part of the output each result belongs to.
  let outputParts: [Int]
  /// The named axes in scope.
  let axes: [String: Int]

  init(
    arguments: FlatArguments, options: TraceOptions, shape: OutputShape<Output>, body: ([Tensor]) throws -> Output
  ) throws {
    let parent = Trace.current
    axes = (parent?.axes ?? [:]).merging(options.axes) { $1 }
    let trace = Trace(
      name: options.name, parent: parent, axes: axes, bakesConstants: options.bakesConstants,
      capturesScalars: options.capturesScalars)
    inputLabels = try arguments.makeLabels().renamed(options.argumentNames).unique()
    var inputs: [Tensor] = []
    let isDonated = arguments.belonging(to: options.donated)
    for (index, tensor) in arguments.tensors.enumerated() {
      let label = inputLabels[index]
      inputs.append(
        trace.parameter(
          Parameter(
            options.types?[index] ?? tensor.type, label: label.label, isTrainable: label.isTrainable,
            isDonated: isDonated[index])))
    }
    do {
      prototype = try Trace.$current.withValue(trace) { try body(inputs) }
      let leaves = try shape.labelledTensors(prototype)
      outputLabels = leaves.map(\.label)
      outputParts = leaves.map(\.part)
      let labels = outputLabels.unique()
      let results = leaves.indices.map { (leaves[$0].tensor, Optional(labels[$0].label)) }
      (program, captures) = try trace.finish(results: results)
    } catch {
      trace.abandon()
      throw error
    }
  }

  /// The inputs that the captures are, whatever trace or buffer they come from.
  func capturedOperands(in trace: Trace) throws(BloxError) -> [Operand] {
    var operands: [Operand] = []
    for tensor in captures { operands.append(try trace.operand(for: tensor)) }
    return operands
  }
}

extension [LeafLabel] {
  /// Labels with `arg0`, `arg1`, … replaced by given names.
  fileprivate func renamed(_ names: [String]) -> [LeafLabel] {
    guard !names.isEmpty else { return self }
    return map { label in
      guard case .argument(let text) = label.label else { return label }
      var copy = label
      for (index, name) in names.enumerated() {
        let root = "arg\(index)"
        guard text.hasPrefix(root) else { continue }
        let rest = text.dropFirst(root.count)
        if let next = rest.first, next.isNumber { continue }
        copy.label = .argument(name + rest)
      }
      return copy
    }
  }

  /// Labels of which none repeats: a path seen before becomes an argument with its position.
  fileprivate func unique() -> [LeafLabel] {
    var seen: Set<ValueLabel> = []
    return enumerated().map { index, label in
      var copy = label
      var attempt = 1
      while !seen.insert(copy.label).inserted {
        copy.label = .argument("\(label.label.text)#\(attempt)")
        attempt += 1
      }
      return copy
    }
  }
}

/// Runs a transformed program: spliced into the running trace, or executed on concrete arguments.
func evaluate(_ program: Program, _ arguments: [Tensor]) throws -> [Tensor] {
  if let trace = Trace.current {
    var operands: [Operand] = []
    for tensor in arguments { operands.append(try trace.operand(for: tensor)) }
    return try trace.splice(program, operands)
  }
  return try Eager.run(program, try arguments.storages(for: program.name))
}

extension [Tensor] {
  /// The elements of each; `operation` says in the error who wanted them.
  func storages(for operation: String) throws(BloxError) -> [Storage] {
    var storages: [Storage] = []
    storages.reserveCapacity(count)
    for tensor in self { storages.append(try tensor.concreteStorage(for: operation)) }
    return storages
  }
}
