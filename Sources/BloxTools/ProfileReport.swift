// `profile`: where the time of a compiled program goes, and how far that is from what the machine can do.

import BloxIR
import BloxNN
import BloxPasses
import BloxRuntime

/// The times of a compiled program's instructions.
package struct ProfileReport: Sendable {
  private let profile: RunProfile
  private let runs: Int
  private let limits: MachineLimits

  /// What one instruction took, in all its calls.
  private struct Row {
    /// The instruction, as in ``RunProfile/Span/path``.
    var path: [Int]
    var calls: Int
    var time: Duration
    var cost: OpCost
    var type: TensorType
    var label: String
    var place: String
  }

  /// Compiles a program and runs it, after two runs that are not counted; the run in the middle is reported.
  ///
  /// Donated arguments are really given up: each run has copies of its own.
  ///
  /// - Parameter count: How many runs are counted, at least 1.
  package init(_ program: Program, _ arguments: [DenseConstant], count: Int) throws {
    limits = try MachineLimits.measure()
    let executable = try Compiler.compile(program.withoutPlan)
    let storages = try arguments.map { try Storage($0.bytes) }
    var profiles: [RunProfile] = []
    for run in 0..<(count + 2) {
      let given = try zip(storages, executable.program.parameters).map { storage, parameter in
        guard parameter.isDonated else { return storage }
        return try storage.withUnsafeBytes { bytes throws(BloxError) in try Storage(copying: bytes) }
      }
      let profile = try executable.profile(given)
      if run >= 2 { profiles.append(profile) }
    }
    profiles.sort { $0.total < $1.total }
    profile = profiles[(profiles.count - 1) / 2]
    runs = count
  }

  /// A table of the instructions that took longest.
  ///
  /// - Parameter top: How many, at least 1.
  package func text(top: Int) -> String {
    let rows = Self.rows(profile, path: [], inside: "").sorted { a, b in
      a.time == b.time ? a.path.lexicographicallyPrecedes(b.path) : a.time > b.time
    }
    // Without instructions there is no time to divide.
    let total = max(profile.total, .nanoseconds(1))
    var lines = [
      "\(timeText(profile.total)) in \(rows.reduce(0) { $0 + $1.calls }) calls of \(rows.count) instructions,"
        + " \(ThreadPool.threadCount) thread\(ThreadPool.threadCount == 1 ? "" : "s"), the median of \(runs)"
        + " run\(runs == 1 ? "" : "s")",
      "the machine does at most \(decimal(limits.flopsPerSecond / 1e9)) GFLOP/s and"
        + " \(decimal(limits.bytesPerSecond / 1e9)) GB/s",
    ]
    var table = [["time", "share", "calls", "GFLOP/s", "GB/s", "of limit", "instruction", "where"]]
    for row in rows.prefix(top) { table.append(cells(row, of: total)) }
    let rest = rows.dropFirst(top)
    if !rest.isEmpty {
      let time = rest.reduce(Duration.zero) { $0 + $1.time }
      table.append([
        timeText(time), percent(time / total), "\(rest.reduce(0) { $0 + $1.calls })", "", "", "",
        "\(rest.count) others", "",
      ])
    }
    lines.append(alignedTable(table, left: [6, 7]))
    return lines.joined(separator: "\n")
  }

  private func cells(_ row: Row, of total: Duration) -> [String] {
    let seconds = max(row.time / .seconds(1), 1e-9)
    let flops = Double(row.cost.flops * row.calls) / seconds
    let bytes = Double(row.cost.bytes * row.calls) / seconds
    let limit = max(flops / limits.flopsPerSecond, bytes / limits.bytesPerSecond)
    return [
      timeText(row.time), percent(row.time / total), "\(row.calls)", flops > 0 ? decimal(flops / 1e9) : "",
      bytes > 0 ? decimal(bytes / 1e9) : "", limit > 0 ? percent(limit) : "", "\(row.label): \(row.type)", row.place,
    ]
  }

  private func percent(_ share: Double) -> String { oneDecimal(share * 100) + "%" }

  /// The instructions of a program and of its regions. The time of control flow is what it took beside its regions.
  private static func rows(_ profile: RunProfile, path: [Int], inside: String) -> [Row] {
    let program = profile.program
    let names = path.isEmpty ? ProgramLines(program) : nil
    return zip(program.instructions, profile.entries).enumerated().flatMap { index, pair -> [Row] in
      let (instruction, entry) = pair
      guard entry.calls > 0, !instruction.isAlias(in: program), !instruction.isPartOfOperand else { return [] }
      let label = names?.label(instruction) ?? instruction.label
      var row = Row(
        path: path + [index], calls: entry.calls, time: entry.time, cost: program.cost(of: instruction),
        type: program.type(of: instruction.results[0]), label: label,
        place: ([inside] + instruction.note.words).filter { !$0.isEmpty }.joined(separator: ", "))
      if !entry.regions.isEmpty { row.cost = OpCost(count: 1) }
      var rows: [Row] = []
      for (position, region) in entry.regions.enumerated() {
        row.time -= region.total
        rows += Self.rows(
          region, path: path + [index, position], inside: (inside.isEmpty ? "in " : inside + ", ") + label)
      }
      return [row] + rows
    }
  }

  /// The calls of the run over time, in the trace-event format that browsers' profilers and Perfetto show.
  package var traceEvents: String {
    var labels: [[Int]: (name: String, place: String)] = [:]
    for row in Self.rows(profile, path: [], inside: "") {
      labels[row.path] = ("\(row.label): \(row.type)", row.place)
    }
    let origin = profile.spans.map(\.start).min() ?? .zero
    let events = profile.spans.compactMap { span -> String? in
      guard let label = labels[span.path] else { return nil }
      return JSONText.object([
        ("name", JSONText.quoted(label.name)), ("ph", "\"X\""), ("pid", "1"), ("tid", "1"),
        ("ts", decimal((span.start - origin) / .microseconds(1))),
        ("dur", decimal(span.duration / .microseconds(1))),
        ("args", JSONText.object([("where", JSONText.quoted(label.place))])),
      ])
    }
    return "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n\(events.joined(separator: ",\n"))\n]}\n"
  }
}

extension Instruction {
  /// The op, and of a fused region its ops in order of appearance.
  var label: String {
    guard case .fusion(let fusion) = op else { return op.name }
    var names: [String] = []
    for instruction in fusion.region.instructions where !names.contains(instruction.op.name) {
      names.append(instruction.op.name)
    }
    let shown = names.prefix(5).joined(separator: "+")
    return "\(fusion.kind) \(shown)\(names.count > 5 ? "+..." : "")"
  }
}

extension SourceNote {
  /// The module path and the line, where they are known.
  var words: [String] { (scope.isEmpty ? [] : [scope]) + (location.map { [$0.description] } ?? []) }
}
