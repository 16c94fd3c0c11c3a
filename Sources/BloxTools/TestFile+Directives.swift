// The directives of `.bir` files.
//
//   verify                                  the verifier accepts the program
//   roundtrip                               printing and parsing gives the same program
//   opt PASSES                              the block behind the next separator is what `opt` prints
//   opt PASSES error "TEXT"                 a pass fails with a message that holds the text
//   run INPUTS == RESULTS                   both engines compute the results; ulp<=N or rtol<=R loosens
//   run INPUTS engines-agree                both engines, with every pass and on 1, 2 and 8 threads, agree as closely
//                                           as each op promises; with ulp<=N or rtol<=R: the results of both do
//   threads 1,2,7 bit-equal                 the same bits for these numbers of threads
//   grad-check eps=1e-3 rtol=1e-2           vjp and jvp agree with central differences
//   error "TEXT"                            the program is invalid, with a message that holds the text
//
// INPUTS are values as in ValueSpec.swift and default to `random`; seed=N chooses others.

import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing

extension TestFile {
  /// The words of a directive, sorted by what they are.
  private struct Request {
    var inputs: [String] = []
    var results: [String]?
    var keywords: [String] = []
    var seed: UInt64 = 0
    var tolerance: Tolerance?
    var eps = 1e-3
    var rtol = 1e-2

    init(_ words: ArraySlice<String>, keywords known: [String]) throws(BloxError) {
      for word in words {
        if word == "==" {
          results = []
        } else if known.contains(word) {
          keywords.append(word)
        } else if word.hasPrefix("seed=") {
          seed = try Request.number(word, "seed=") { UInt64($0) }
        } else if word.hasPrefix("eps=") {
          eps = try Request.number(word, "eps=") { Double($0) }
        } else if word.hasPrefix("rtol=") {
          rtol = try Request.number(word, "rtol=") { Double($0) }
        } else if word.hasPrefix("ulp<=") {
          tolerance = tolerance ?? Tolerance()
          tolerance?.ulp = try Request.number(word, "ulp<=") { Int($0) }
        } else if word.hasPrefix("rtol<=") {
          tolerance = tolerance ?? Tolerance()
          tolerance?.rtol = try Request.number(word, "rtol<=") { Double($0) }
        } else if results != nil {
          results?.append(word)
        } else {
          inputs.append(word)
        }
      }
      if inputs.isEmpty { inputs = ["random"] }
    }

    private static func number<Number>(
      _ word: String, _ prefix: String, _ read: (String) -> Number?
    ) throws(BloxError) -> Number {
      guard let number = read(String(word.dropFirst(prefix.count))) else {
        throw BloxError(.usage, "'\(word)' needs a number")
      }
      return number
    }

    func arguments(for program: Program) throws -> [DenseConstant] {
      // A program without inputs needs no values.
      try Binding.arguments(program.parameters.isEmpty && inputs == ["random"] ? [] : inputs, for: program, seed: seed)
    }
  }

  func check(_ directive: Directive, _ program: Program, _ blocks: inout ArraySlice<String>) throws {
    let words = directive.words
    switch words.first {
    // What these ask for is looked at in every file.
    case "verify", "roundtrip": return
    case "opt": try checkOpt(directive, program, &blocks)
    case "run": try checkRun(Request(words.dropFirst(), keywords: ["engines-agree"]), program)
    case "threads" where words.count >= 2:
      try checkThreads(words[1], Request(words.dropFirst(2), keywords: ["bit-equal"]), program)
    case "grad-check": try checkGradient(Request(words.dropFirst(), keywords: []), program)
    default:
      throw BloxError(
        .usage,
        "there is no directive '\(directive.text)'; directives: verify, roundtrip, opt, run, threads, grad-check, error"
      )
    }
  }

  private func checkOpt(_ directive: Directive, _ program: Program, _ blocks: inout ArraySlice<String>) throws {
    guard directive.hasBlock else {
      do {
        _ = try TestFile.optimised(program, directive)
      } catch let error as PassFailure {
        guard error.description.contains(directive.quoted) else {
          throw CheckFailure(description: "another error\n  - \(directive.quoted)\n  + \(error)")
        }
        return
      }
      throw CheckFailure(description: "no pass failed")
    }
    let got = try TestFile.optimised(program, directive)
    guard let want = blocks.popFirst() else {
      throw CheckFailure(
        description: "there is no '\(TestFile.separator)' with what it must print; run `blox-ir check --bless \(path)`")
    }
    if got == want { return }
    let (old, new) = (TestFile.lines(want), TestFile.lines(got))
    let index = zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
    throw CheckFailure(
      description: "prints something else; look at the change, then run `blox-ir check --bless \(path)`\n"
        + "  - \(index < old.count ? old[index] : "(end)")\n  + \(index < new.count ? new[index] : "(end)")")
  }

  private static func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  private func checkRun(_ request: Request, _ program: Program) throws {
    let arguments = try request.arguments(for: program)
    let run = ProgramRun(program, arguments)
    if let results = request.results {
      for engine in [Engine.interp, .compiled] {
        do {
          try expect(results, of: program, try run.results(engine), request.tolerance ?? .exact)
        } catch let error as CheckFailure {
          throw CheckFailure(description: "\(engine.rawValue): \(error)")
        }
      }
    } else if request.keywords.contains("engines-agree") {
      if let tolerance = request.tolerance {
        _ = try run.comparedResults(tolerance)
      } else {
        let threadCount = ThreadPool.threadCount
        defer { ThreadPool.setThreadCount(threadCount) }
        if let text = try failure(of: run.program, arguments) { throw CheckFailure(description: text) }
      }
    } else {
      throw BloxError(.usage, "run needs '== RESULTS' or 'engines-agree'")
    }
  }

  private func checkThreads(_ list: String, _ request: Request, _ program: Program) throws {
    let counts = list.split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 }
    guard !counts.isEmpty, request.keywords == ["bit-equal"] else {
      throw BloxError(.usage, "write: threads 1,2,7 bit-equal")
    }
    let run = ProgramRun(program, try request.arguments(for: program))
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    var first: [DenseConstant]?
    for count in counts {
      ThreadPool.setThreadCount(count)
      let results = try run.results()
      for (index, (got, want)) in zip(results, first ?? results).enumerated() where got.bytes != want.bytes {
        let text = Difference(got, want, .exact)?.text() ?? "signs of zeros or NaNs differ"
        throw CheckFailure(description: "result \(index) with \(count) threads and with \(counts[0]): \(text)")
      }
      first = first ?? results
    }
  }

  private func checkGradient(_ request: Request, _ program: Program) throws {
    let check = GradientCheck(program, try request.arguments(for: program), eps: request.eps, rtol: request.rtol)
    if let text = try check.failure(seed: request.seed) { throw CheckFailure(description: text) }
  }
}

/// Compares results with values as they are written.
///
/// - Throws: ``CheckFailure`` with the first difference.
package func expect(
  _ texts: [String], of program: Program, _ results: [DenseConstant], _ tolerance: Tolerance
) throws {
  let slots = NamedSlot.results(of: program)
  let specs = try Binding.assign(texts, to: slots, noun: "result")
  for (index, spec) in specs.enumerated() {
    guard let spec else { continue }
    let want = try spec.value(for: slots[index].type, seed: 0, index: index)
    if let difference = Difference(results[index], want, tolerance) {
      throw CheckFailure(
        description: "\(NamedSlot.name(slots, index, "result")): \(want.type) is not what was expected\n"
          + "  \(difference.text())")
    }
  }
}
