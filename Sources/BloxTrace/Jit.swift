// Compiling functions: one trace and one executable per structure and types of the arguments.

import BloxIR
import BloxPasses
import BloxRuntime

/// Compiles a function: it is traced once for each structure, shape and dtype of its arguments, and run from the
/// compiled program after that.
///
/// ```swift
/// let step = jit(donating: [0]) { (params: Params, x: Tensor) in
///   …
///   return (params, loss)
/// }
/// ```
///
/// The cache belongs to the returned function: side effects of `function` happen once per trace, and what it captures
/// is read at trace time. Changing a captured object later has no effect on shapes already seen (JAX's stale trace);
/// use a new `jit`, or ``TensorFunction/clearCache()``.
///
/// - Parameters:
///   - name: What messages and program text call the function.
///   - donating: Positions of arguments that the caller gives up. Results may reuse their memory; using a donated
///     tensor afterwards is an error.
///   - function: The function to compile.
public func jit<Output, each Input: TensorTree>(
  name: String? = nil, donating: Set<Int> = [], _ function: TensorFunction<Output, repeat each Input>
) -> TensorFunction<Output, repeat each Input> {
  let name = name ?? function.name
  let cache = JitCache<Output>(name: name, donating: donating)
  return TensorFunction(name: name, shape: function.shape, caches: cache) { (input: repeat each Input) in
    let arguments = try TensorFunction<Output, repeat each Input>.flatten(repeat each input)
    return try cache.call(arguments, shape: function.shape) { options in
      try function.trace(repeat each input, arguments: arguments, options: options)
    }
  }
}

/// Compiles a closure that returns one tree; see ``jit(name:donating:_:)``.
public func jit<Output: TensorTree, each Input: TensorTree>(
  name: String? = nil, donating: Set<Int> = [], _ function: @escaping (repeat each Input) throws -> Output
) -> TensorFunction<Output, repeat each Input> {
  jit(name: name, donating: donating, TensorFunction(function))
}

/// Compiles a closure that returns two trees; see ``jit(name:donating:_:)``.
public func jit<A: TensorTree, B: TensorTree, each Input: TensorTree>(
  name: String? = nil, donating: Set<Int> = [], _ function: @escaping (repeat each Input) throws -> (A, B)
) -> TensorFunction<(A, B), repeat each Input> {
  jit(name: name, donating: donating, TensorFunction(function))
}

/// Compiles a closure that returns three trees; see ``jit(name:donating:_:)``.
public func jit<A: TensorTree, B: TensorTree, C: TensorTree, each Input: TensorTree>(
  name: String? = nil, donating: Set<Int> = [], _ function: @escaping (repeat each Input) throws -> (A, B, C)
) -> TensorFunction<(A, B, C), repeat each Input> {
  jit(name: name, donating: donating, TensorFunction(function))
}

extension TensorFunction {
  /// How many traces a compiled function keeps; 0 for functions that ``jit`` did not make.
  public var cacheSize: Int { caches?.count ?? 0 }
  /// Forgets all traces of a compiled function, so that the next call traces anew.
  public func clearCache() { caches?.clear() }
}

/// What can be asked of a compiled function's cache without knowing its output.
protocol JitCacheControl: AnyObject {
  var count: Int { get }
  func clear()
}

/// The traces of one compiled function.
final class JitCache<Output>: JitCacheControl {
  private struct Key: Hashable {
    let structure: TreeStructure
    let types: [TensorType]
    /// Named axes in scope: a function that asks for its lane is another program under another `vmap`.
    let axes: [String: Int]
  }

  private final class Entry {
    let key: Key
    let traced: TracedFunction<Output>
    let callee: Op.Callee
    /// Compiled at the first call outside any trace.
    var executable: Executable?

    init(key: Key, traced: TracedFunction<Output>) {
      self.key = key
      self.traced = traced
      callee = Op.Callee(traced.program)
    }
  }

  private let name: String
  private let donating: Set<Int>
  private var entries: [Key: Entry] = [:]
  private var latest: Entry?

  init(name: String, donating: Set<Int>) {
    self.name = name
    self.donating = donating
  }

  var count: Int { entries.count }

  func clear() {
    entries.removeAll()
    latest = nil
  }

  func call(
    _ arguments: FlatArguments, shape: OutputShape<Output>,
    trace: (TraceOptions) throws -> TracedFunction<Output>
  ) throws -> Output {
    try expectPositions(donating, argumentCount: arguments.counts.count)
    let entry = try entry(for: arguments, trace)
    let results: [Tensor]
    if let running = Trace.current {
      var operands: [Operand] = []
      for tensor in arguments.tensors { operands.append(try running.operand(for: tensor)) }
      operands += try entry.traced.capturedOperands(in: running)
      results = try running.emit(.call(entry.callee), operands, location: nil)
    } else {
      results = try run(entry, arguments)
    }
    return try shape.rebuild(entry.traced.prototype, results)
  }

  private func expectPositions(_ positions: Set<Int>, argumentCount: Int) throws {
    guard let wrong = positions.sorted().first(where: { $0 < 0 || $0 >= argumentCount }) else { return }
    throw BloxError(
      .invalidArgument,
      "\(name): donating names argument \(wrong), but the function takes \(argumentCount), counted from 0")
  }

  private func entry(
    for arguments: FlatArguments, _ trace: (TraceOptions) throws -> TracedFunction<Output>
  ) throws -> Entry {
    let key = Key(
      structure: arguments.structure, types: arguments.tensors.map(\.type), axes: Trace.current?.axes ?? [:])
    if let latest, latest.key == key { return latest }
    if let known = entries[key] {
      latest = known
      return known
    }
    var options = TraceOptions(name: name)
    options.bakesConstants = true
    options.donated = donating
    let made = Entry(key: key, traced: try trace(options))
    // A trace that reads tensors of an enclosing trace belongs to that trace and cannot serve another.
    if made.traced.captures.isEmpty {
      entries[key] = made
      latest = made
    }
    return made
  }

  private func run(_ entry: Entry, _ arguments: FlatArguments) throws -> [Tensor] {
    let executable = try entry.executable ?? compile(entry)
    let donated = try donatedBuffers(arguments)
    var donates: [Bool] = []
    var storages: [Storage] = []
    // Uniqueness is asked before `storages` holds references of its own.
    if !donating.isEmpty {
      donates = arguments.tensors.indices.map { donated[$0]?.ownsStorageAlone() ?? false }
    }
    storages.reserveCapacity(arguments.tensors.count)
    for tensor in arguments.tensors { storages.append(try tensor.concreteStorage(for: name)) }
    let results = try executable.run(storages, donating: donates.isEmpty ? nil : donates)
    for buffer in donated.values { buffer.donate(to: name) }
    return zip(executable.program.resultTypes, results).map { Tensor(type: $0, storage: $1) }
  }

  private func compile(_ entry: Entry) throws -> Executable {
    let executable = try Compiler.compile(entry.traced.program)
    entry.executable = executable
    for donation in executable.program.donationReport {
      guard case .unused(let reason) = donation.outcome else { continue }
      let label = entry.traced.inputLabels[donation.parameter].label.text
      let type = executable.program.parameters[donation.parameter].type
      writeToStandardError("blox: the donated argument '\(label)' of \(name), \(type), was not usable: \(reason)")
    }
    return executable
  }

  /// The buffers of donated arguments by position; an error when one is passed twice.
  private func donatedBuffers(_ arguments: FlatArguments) throws -> [Int: TensorBuffer] {
    guard !donating.isEmpty else { return [:] }
    var donated: [Int: TensorBuffer] = [:]
    var positions: [ObjectIdentifier: Int] = [:]
    for (index, tensor) in arguments.tensors.enumerated() {
      guard case .concrete(let buffer) = tensor.representation else { continue }
      let isDonated = donating.contains(arguments.argument(ofTensor: index))
      let first = positions.updateValue(index, forKey: ObjectIdentifier(buffer))
      if let first, isDonated || donated[first] != nil {
        let labels = try arguments.makeLabels()
        throw BloxError(
          .donatedTensor,
          "\(name): the same tensor of type \(buffer.type) is passed as '\(labels[first].label.text)' and as"
            + " '\(labels[index].label.text)', and donated; pass a copy, or do not donate it")
      }
      if isDonated { donated[index] = buffer }
    }
    return donated
  }
}
