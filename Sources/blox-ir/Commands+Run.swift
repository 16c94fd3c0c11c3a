// `run`: a program on inputs that are given, loaded or drawn.

import BloxIR
import BloxNN
import BloxRuntime
import BloxTools
import Gallery

extension Commands {
  static func run(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    let inputs = try Inputs(&arguments)
    let outputs = try arguments.options("-o", "--output")
    let expected = try arguments.options("--expect")
    let engine = try arguments.option("--engine").map { name throws(BloxError) in try Engine(named: name) } ?? .compiled
    let rtol = try arguments.quantity("--rtol", "a number from 0") { Double($0).flatMap { $0 >= 0 ? $0 : nil } }
    let ulp = try arguments.quantity("--ulp", "a whole number from 0") { Int($0).flatMap { $0 >= 0 ? $0 : nil } }
    let comparesEachOp = arguments.flag("--each-op")
    let checksFinite = arguments.flag("--check-nan")
    let probes = try arguments.option("--probe")?.split(separator: ",").map(String.init) ?? []
    let isQuiet = arguments.flag("-q", "--quiet")
    if let threads = try arguments.threads() { ThreadPool.setThreadCount(threads) }
    let program = try Source(&arguments, command: "run").program()
    guard !comparesEachOp || engine == .both else {
      throw BloxError(.usage, "--each-op compares engines: add --engine both")
    }
    try program.verify()
    let tolerance = rtol == nil && ulp == nil ? nil : Tolerance(ulp: ulp, rtol: rtol)
    let files = try OutputFiles(outputs, of: program)

    let run = ProgramRun(program, try inputs.values(for: program))
    if checksFinite { try run.checkFinite(engine) }
    if comparesEachOp { try run.compareEachOp(tolerance) }
    for (name, value) in try run.probe(probes, engine) { try show(name, try Tensor(constant: value)) }
    let results = engine == .both ? try run.comparedResults(tolerance) : try run.results(engine)
    let tensors = try results.map { try Tensor(constant: $0) }
    try files.write(tensors)
    if !isQuiet, !files.takesAll {
      for (index, tensor) in tensors.enumerated() where !files.takes(index) {
        let name = program.results[index].label?.text ?? "result \(index)"
        try show(name, tensor)
      }
    }
    if !expected.isEmpty { try expect(expected, of: program, results, tolerance ?? .exact) }
    return .success
  }
}

extension Commands {
  private static func show(_ name: String, _ tensor: Tensor) throws(BloxError) {
    try show(line: "\(name): \(tensor.type) =\(tensor.rank < 2 ? " " : "\n")\(tensor)")
  }
}

/// `[--input VALUE]... [--seed N]`: the arguments of a program that is run.
struct Inputs {
  private let texts: [String]
  private let seed: UInt64

  /// - Parameter texts: What is meant when no input is given.
  init(_ arguments: inout Arguments, default texts: [String] = []) throws(BloxError) {
    let given = try arguments.options("--input", "-i")
    self.texts = given.isEmpty ? texts : given
    seed = try arguments.quantity("--seed", "a whole number from 0") { UInt64($0) } ?? 0
  }

  func values(for program: Program) throws -> [DenseConstant] {
    try Binding.arguments(texts, for: program, seed: seed)
  }
}

/// Where results go: `FILE.safetensors` for all of them, `NAME=FILE` or, for an only result, `FILE` for one.
struct OutputFiles {
  private var all: [String] = []
  private var single: [(index: Int, path: String)] = []
  private let names: [String]

  init(_ texts: [String], of program: Program) throws(BloxError) {
    names = program.results.enumerated().map { $1.label?.text ?? "\($0)" }
    for text in texts {
      // `NAME=@FILE` is accepted as well, since values are written so.
      if let index = names.firstIndex(where: { text.hasPrefix($0 + "=") }) {
        let path = text.dropFirst(names[index].count + 1)
        single.append((index, String(path.hasPrefix("@") ? path.dropFirst() : path)))
      } else if let end = text.firstIndex(of: "="), !text[..<end].contains("/") {
        throw BloxError(
          .usage,
          "-o \(text): @\(program.name) has no result '\(text[..<end])', but \(names.joined(separator: ", ")); a file of"
            + " this name is ./\(text)")
      } else if text.hasSuffix(".safetensors") || text.hasSuffix(".npz") || names.count == 1 {
        let path = String(text.hasPrefix("@") ? text.dropFirst() : text[...])
        if names.count == 1 { single.append((0, path)) } else { all.append(path) }
      } else {
        throw BloxError(
          .usage,
          "-o \(text): @\(program.name) has \(names.count) results; write all to a .safetensors or .npz file, or one as"
            + " NAME=\(text) with NAME of \(names.joined(separator: ", "))")
      }
    }
  }

  /// Whether every result goes to a file.
  var takesAll: Bool { !all.isEmpty }
  /// Whether a result goes to a file.
  func takes(_ index: Int) -> Bool { takesAll || single.contains { $0.index == index } }

  func write(_ tensors: [Tensor]) throws {
    for (index, path) in single { try TensorFile.save([(names[index], tensors[index])], to: path) }
    for path in all { try TensorFile.save(zip(names, tensors).map { ($0, $1) }, to: path) }
  }
}
