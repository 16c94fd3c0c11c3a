// The traces of one compiled function: found by the arguments' structure and types, made, run, compared, dropped.

import BloxIR
import BloxRuntime

/// What `jit` was told.
struct JitConfiguration {
  var name: String
  var argumentNames: [String]
  var donating: ArgumentSelection
  var donation: DonationPolicy
  /// `nil` for what ``Diagnostics`` says.
  var staleness: Staleness?
  var cacheLimit: Int
  var declared: SourceLocation
}

/// One call of a compiled function.
struct JitCall<Output> {
  let arguments: FlatArguments
  let shape: OutputShape<Output>
  /// Where the function was called; `nil` when a transformation called it.
  let site: SourceLocation?
  /// Traces the function for the arguments.
  let trace: (TraceOptions) throws -> TracedFunction<Output>
}

/// The traces of one compiled function.
final class JitCache<Output> {
  struct Key: Hashable {
    let structure: TreeStructure
    let types: [TensorType]
    /// Named axes in scope: a function that asks for its lane is another program under another `vmap`.
    let axes: [String: Int]
  }

  /// One trace.
  final class Entry {
    let key: Key
    let traced: TracedFunction<Output>
    fileprivate let callee: Op.Callee
    /// Which tensors are given up, with the names they had when the function was traced.
    fileprivate let donation: Donation?
    fileprivate let details: [ArgumentDetails]
    fileprivate let site: SourceLocation?
    /// What modules held when the function was traced, if anyone will ask.
    fileprivate let snapshot: [PropertySnapshot]
    fileprivate var lastUse = 0
    /// Compiled at the first call outside any trace.
    fileprivate var executable: Executable?
    fileprivate var donations: [DonatedArgument] = []
    /// Differences that have been written.
    fileprivate var reported: Set<StaleCapture> = []

    fileprivate init(
      key: Key, traced: TracedFunction<Output>, donation: Donation?, details: [ArgumentDetails], site: SourceLocation?,
      snapshot: [PropertySnapshot]
    ) {
      self.key = key
      self.traced = traced
      self.donation = donation
      self.details = details
      self.site = site
      self.snapshot = snapshot
      callee = Op.Callee(traced.program)
    }
  }

  let configuration: JitConfiguration
  private(set) var statistics = CacheStatistics()
  private(set) var misses: [CacheMiss] = []
  private(set) var latestDonations: [DonatedArgument] = []
  private(set) var staleCaptures: [StaleCapture] = []
  private var donating: Set<Int>?
  private var entries: [Key: Entry] = [:]
  private var latest: Entry?
  var latestMemory: MemoryAnalysis? { latest?.executable.map { MemoryAnalysis($0) } }
  private var clock = 0
  private static var keptMisses: Int { 64 }

  init(_ configuration: JitConfiguration) { self.configuration = configuration }

  var name: String { configuration.name }

  func clear() {
    entries.removeAll()
    latest = nil
    statistics = CacheStatistics()
    misses = []
    latestDonations = []
    staleCaptures = []
  }

  func call(_ call: JitCall<Output>) throws -> Output {
    _ = try donatedPositions(argumentCount: call.arguments.counts.count)
    let settings = Diagnostics.Box.current
    let entry = try entry(for: call, settings)
    guard let running = Trace.current else {
      return try execute(entry, call.arguments.tensors, call.shape, call.site, settings.value)
    }
    let results = try entry.traced.emitCall(to: entry.callee, call.arguments, in: running)
    return try call.shape.rebuild(entry.traced.prototype, results)
  }

  private func execute(
    _ entry: Entry, _ tensors: [Tensor], _ shape: OutputShape<Output>, _ site: SourceLocation?, _ settings: Diagnostics
  ) throws -> Output {
    let executable = try entry.executable ?? compile(entry, settings)
    try entry.donations.expectUsable(configuration.donation, function: name)
    latestDonations = entry.donations
    let results = try run(
      executable, tensors, donation: entry.donation, function: name, at: site,
      checks: settings.checks)
    return try shape.rebuild(entry.traced.prototype, results)
  }

  // MARK: A call like the last one

  /// The entry of the last call, where another like it has nothing to do but to run: outside any trace, compiled, and
  /// nobody wants to know whether captures have changed.
  func latestEntry(_ settings: Diagnostics.Box) -> Entry? {
    guard let latest, latest.executable != nil, latest.key.axes.isEmpty,
      (configuration.staleness ?? settings.value.staleness) == .ignore, Trace.current == nil
    else { return nil }
    return latest
  }

  /// Runs an entry for tensors that have its structure, if they have its types.
  func call(
    _ entry: Entry, _ tensors: [Tensor], _ shape: OutputShape<Output>, _ site: SourceLocation?,
    _ settings: Diagnostics.Box
  ) throws -> Output? {
    let types = entry.key.types
    for index in tensors.indices where !tensors[index].has(types[index]) { return nil }
    statistics.hits += 1
    clock += 1
    entry.lastUse = clock
    return try execute(entry, tensors, shape, site, settings.value)
  }

  /// The positions of donated arguments.
  func donatedPositions(argumentCount: Int) throws(BloxError) -> Set<Int> {
    if let donating { return donating }
    guard configuration.cacheLimit > 0 else {
      throw BloxError(.invalidArgument, "\(name): cacheLimit is \(configuration.cacheLimit); keep at least one trace")
    }
    let names = configuration.argumentNames
    guard names.count <= argumentCount else {
      throw BloxError(
        .invalidArgument, "\(name): arguments has \(names.count) names, but the function takes \(argumentCount)")
    }
    let positions = try configuration.donating.positions(
      function: name, purpose: "donating", names: names, count: argumentCount)
    donating = positions
    return positions
  }

  /// How the function is traced.
  func traceOptions(donating: Set<Int>) -> TraceOptions {
    var options = TraceOptions(name: name)
    options.bakesConstants = true
    options.argumentNames = configuration.argumentNames
    options.donated = donating
    return options
  }

  // MARK: Finding and making entries

  private func entry(for call: JitCall<Output>, _ settings: Diagnostics.Box) throws -> Entry {
    let key = Key(
      structure: call.arguments.structure, types: call.arguments.tensors.map(\.type), axes: Trace.current?.axes ?? [:])
    let staleness = configuration.staleness ?? settings.value.staleness
    clock += 1
    if let known = latest?.key == key ? latest : entries[key] {
      statistics.hits += 1
      known.lastUse = clock
      latest = known
      if staleness != .ignore { try lookForStaleCaptures(known, call, staleness, settings.value) }
      return known
    }
    return try makeEntry(key, call, remembersModules: staleness != .ignore, settings.value)
  }

  private func makeEntry(
    _ key: Key, _ call: JitCall<Output>, remembersModules: Bool, _ diagnostics: Diagnostics
  ) throws -> Entry {
    statistics.misses += 1
    let details = try call.arguments.makeDetails(configuration.argumentNames)
    let miss = CacheMiss(
      function: name, declared: configuration.declared, called: call.site, trace: statistics.traces + 1,
      cached: entries.count, differences: differences(of: details, key))
    if misses.count == Self.keptMisses { misses.removeFirst() }
    misses.append(miss)
    diagnostics.log(.misses, miss.description)
    let snapshot = remembersModules ? TracedObjects.snapshot() : []
    let start = ContinuousClock.now
    let traced = try call.trace(traceOptions(donating: donating ?? []))
    statistics.traceTime += start.duration(to: .now)
    statistics.traces += 1
    TraceLog.current?.add(miss, of: self)
    let made = Entry(
      key: key, traced: traced,
      donation: call.arguments.donation(of: donating ?? [], labels: traced.inputLabels), details: details,
      site: call.site, snapshot: snapshot)
    // A trace that reads tensors of an enclosing trace belongs to that trace and cannot serve another.
    if traced.captures.isEmpty { keep(made) }
    return made
  }

  private func keep(_ entry: Entry) {
    if entries.count >= configuration.cacheLimit, let oldest = entries.values.min(by: { $0.lastUse < $1.lastUse }) {
      entries[oldest.key] = nil
      statistics.evictions += 1
    }
    entry.lastUse = clock
    entries[entry.key] = entry
    statistics.entries = entries.count
    latest = entry
  }

  /// What differs from the nearest entry: the one with the fewest differences, the latest of several.
  private func differences(of details: [ArgumentDetails], _ key: Key) -> [CacheDifference] {
    var nearest: (differences: [CacheDifference], weight: Int) = ([], .max)
    for entry in entries.values.sorted(by: { $0.lastUse > $1.lastUse }) {
      let found = BloxTrace.differences(from: entry.details, to: details, axes: (entry.key.axes, key.axes))
      let weight = found.reduce(0) { $0 + $1.weight }
      if weight < nearest.weight { nearest = (found, weight) }
    }
    return nearest.differences
  }

  // MARK: Compiling

  private func compile(_ entry: Entry, _ diagnostics: Diagnostics) throws -> Executable {
    let start = ContinuousClock.now
    var stages: [(stage: CompilationStage, program: Program)] = []
    let keeps = diagnostics.dump != nil
    let executable = try Compiler.compile(entry.traced.program) { stage, program in
      if keeps { stages.append((stage, program)) }
    }
    let duration = start.duration(to: .now)
    statistics.compilations += 1
    statistics.compileTime += duration
    entry.executable = executable
    entry.donations = executable.donatedArguments
    let place = "\(name) (\(configuration.declared))"
    diagnostics.log(
      .compiles,
      "compiled \(place) in \(duration.milliseconds): \(executable.program.instructions.count) instructions, peak"
        + " \(executable.memory.peakBytes) bytes beside the arguments, and \(executable.scratchBytes) for kernels")
    for donated in entry.donations where donated.reason != nil {
      diagnostics.log(.donation, "the donated argument \(donated.description) [\(place)]")
    }
    if let dump = diagnostics.dump {
      do {
        try dump.write(stages, function: name, declared: configuration.declared)
      } catch {
        diagnostics.write("blox: BLOX_DUMP: \(error)")
      }
    }
    return executable
  }

  // MARK: Stale captures

  /// Traces again and compares.
  private func lookForStaleCaptures(
    _ entry: Entry, _ call: JitCall<Output>, _ staleness: Staleness, _ diagnostics: Diagnostics
  ) throws {
    let now = try Diagnostics.with({ $0.staleness = staleness }) {
      try call.trace(traceOptions(donating: donating ?? []))
    }
    guard let change = entry.traced.program.firstChange(in: now.program, traced: entry.site) else {
      staleCaptures = []
      return
    }
    let properties = entry.snapshot.flatMap { $0.changes(traced: entry.site) }
    staleCaptures = properties.isEmpty ? [change] : properties
    if staleness == .throw {
      let list = staleCaptures.map(\.description).joined(separator: "; ")
      throw BloxError(
        .staleCapture,
        "\(name) (\(configuration.declared)): \(list); the compiled program still uses what it was. Pass what changes as"
          + " an argument, call clearCache(), or make a new jit", location: call.site)
    }
    for capture in staleCaptures where entry.reported.insert(capture).inserted {
      diagnostics.write("blox: stale  \(name) (\(configuration.declared)): \(capture); using the cached program")
    }
  }
}

extension TracedFunction {
  /// Calls the function's program in a running trace.
  func emitCall(to callee: Op.Callee, _ arguments: FlatArguments, in trace: Trace) throws -> [Tensor] {
    var operands: [Operand] = []
    for tensor in arguments.tensors { operands.append(try trace.operand(for: tensor)) }
    operands += try capturedOperands(in: trace)
    return try trace.emit(.call(callee), operands, location: nil)
  }
}
