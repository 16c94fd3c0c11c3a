// `opt`: passes by name over a program, with reports of what they did.

import BloxIR
import BloxPasses
import BloxRuntime

/// A pass failed, or left a program that the verifier rejects.
package struct PassFailure: Error, CustomStringConvertible {
  /// The pass as it was asked for.
  package let pass: String
  /// The program that it was given.
  package let input: Program
  /// This pass and those that were to follow.
  package let remaining: [String]
  /// What went wrong.
  package let error: BloxError

  package var description: String { "the pass \(pass) failed: \(error)" }

  /// A file that holds the program and asks for the passes; `blox-ir opt --repro FILE` repeats them.
  package var reproducer: String {
    var lines = input.text(PrintOptions(locations: true)).split(separator: "\n", omittingEmptySubsequences: false)
    lines.insert("// opt: \(remaining.joined(separator: ","))", at: 1)
    return lines.joined(separator: "\n")
  }
}

/// Passes run over a program one by one.
package struct PassRun: Sendable {
  /// What a pass did.
  package struct Step: Sendable {
    /// The pass as it was asked for.
    package let pass: String
    /// How long it took, verification not included.
    package let duration: Duration
    /// The program before.
    package let input: Program
    /// The program after.
    package let output: Program
    /// Whether the pass changed anything.
    package var isChange: Bool { input != output }

    /// The program after a pass that changed it, under a comment that says so; the comment alone for others.
    package func report(_ options: PrintOptions) -> String {
      guard isChange else { return "// \(pass): no change" }
      let counts = "\(input.instructions.count) -> \(output.instructions.count) instructions"
      return "// after \(pass): \(counts)\n\(output.text(options))"
    }
  }

  /// What was done, in order.
  package private(set) var steps: [Step] = []
  /// The program that the last pass made.
  package private(set) var program: Program

  /// Runs the passes of a list such as `vjp,dce,fuse`.
  ///
  /// - Parameter verifies: Whether the verifier looks at the program before the first pass and after each.
  /// - Throws: ``BloxError`` for a list that makes no sense or an invalid program, ``PassFailure`` for a failing pass.
  package init(_ program: Program, passes list: String, verifies: Bool = true) throws {
    let pipeline = try PassPipeline(parsing: list, verifies: verifies)
    self.program = program
    if verifies { try program.verify(axes: pipeline.axes) }
    var context = Compiler.context
    context.axes = pipeline.axes
    for (index, pass) in pipeline.passes.enumerated() {
      do throws(BloxError) {
        let single = PassPipeline([pass], verifies: verifies)
        let (output, timings) = try single.runTimed(self.program, context: context)
        steps.append(
          Step(pass: pass.name, duration: timings[0].duration, input: self.program, output: output))
        self.program = output
      } catch {
        throw PassFailure(
          pass: pass.name, input: self.program, remaining: pipeline.passes[index...].map(\.name), error: error)
      }
    }
  }

  /// The passes of a pipeline that has a name.
  package static func pipeline(named name: String) throws(BloxError) -> String {
    guard name == "default" else {
      throw BloxError(
        .usage, "there is no pipeline named '\(name)'; there is default, which is \(PassTemplate.defaultPipeline)")
    }
    return PassTemplate.defaultPipeline
  }

  /// The list that a reproducer asks for; `nil` without one.
  package static func passes(inReproducer text: String) -> String? {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("//") else { return nil }
      if line.hasPrefix("// opt: ") { return String(line.dropFirst(8)) }
    }
    return nil
  }

  // MARK: Reports

  /// Time and number of instructions of each pass, as a table.
  package var timingTable: String {
    let total = steps.reduce(Duration.zero) { $0 + $1.duration }
    let rows =
      steps.map { ($0.pass, $0.duration, $0.input.instructions.count, $0.output.instructions.count) }
      + [("total", total, steps.first?.input.instructions.count ?? 0, program.instructions.count)]
    let width = max(4, rows.map(\.0.count).max() ?? 0)
    let header = padded("pass", width) + "        time   ops before -> after\n"
    return header
      + rows.map { name, time, before, after in
        padded(name, width) + "  " + leading(milliseconds(time) + " ms", 10) + "   \(before) -> \(after)\n"
      }.joined()
  }

  /// How many instructions of each op there are before and after, as a table.
  package var statisticsTable: String {
    let before = PassRun.counts(steps.first?.input ?? program)
    let after = PassRun.counts(program)
    let names = Set(before.keys).union(after.keys).sorted()
    let width = max(5, names.map(\.count).max() ?? 0)
    let row = { (name: String, old: Int, new: Int) in
      padded(name, width) + "  " + leading("\(old)", 6) + "  " + leading("\(new)", 6) + "\n"
    }
    return padded("op", width) + "  before   after\n"
      + names.map { row($0, before[$0] ?? 0, after[$0] ?? 0) }.joined()
      + row("total", before.values.reduce(0, +), after.values.reduce(0, +))
  }

  /// Instructions by op, those in regions and called programs included.
  private static func counts(_ program: Program) -> [String: Int] {
    var counts: [String: Int] = [:]
    for instruction in program.instructions {
      counts[instruction.op.name, default: 0] += 1
      var inner = instruction.op.regions.map(\.program)
      if case .call(let callee) = instruction.op { inner = [callee.program] }
      for program in inner { counts.merge(PassRun.counts(program)) { $0 + $1 } }
    }
    return counts
  }

  /// What can be asked for, one pass to a line.
  package static var list: String {
    let names = PassTemplate.all.map { $0.usage.isEmpty ? $0.name : "\($0.name):\($0.usage)" }
    // Long usages stand on a line of their own.
    let width = PassTemplate.all.map(\.name.count).max() ?? 0
    return zip(PassTemplate.all, names).map { template, name in
      let line = padded(template.name, width) + "  " + padded(template.exactness.rawValue, 12) + "  " + template.summary
      return line + (template.usage.isEmpty ? "" : "\n" + padded("", width + 2) + name) + "\n"
    }.joined()
  }
}

private func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

private func leading(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

private func milliseconds(_ duration: Duration) -> String {
  let hundredths = duration.components.seconds * 100_000 + duration.components.attoseconds / 10_000_000_000_000
  let fraction = hundredths % 100
  return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
}
