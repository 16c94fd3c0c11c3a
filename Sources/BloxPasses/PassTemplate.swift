// Passes and transformations by the names under which the command line and test files ask for them.
//
// `Pass.all` keeps a program's meaning. The others here change its parameters and results, or take arguments, which
// are written behind the name: `vmap:size=4,axis=0,name=batch`. All of them make a `Pass`, so that pipelines need to
// know no difference.

import BloxIR

/// A pass that is made from its name and arguments.
public struct PassTemplate: Sendable {
  /// The name, such as `vmap`.
  public let name: String
  /// The arguments that it takes, such as `size=N[,axis=A]`; empty without any.
  public let usage: String
  /// What it does, in one line.
  public let summary: String
  /// What happens to the bits of results that a program had before.
  public let exactness: Pass.Exactness
  private let body: @Sendable (PassArguments, Program, PassContext) throws(BloxError) -> Program

  init(
    _ name: String, usage: String = "", _ summary: String, exactness: Pass.Exactness = .exact,
    run body: @escaping @Sendable (PassArguments, Program, PassContext) throws(BloxError) -> Program
  ) {
    self.name = name
    self.usage = usage
    self.summary = summary
    self.exactness = exactness
    self.body = body
  }

  private init(_ pass: Pass) {
    self.init(pass.name, pass.summary, exactness: pass.exactness) {
      (_, program, context) throws(BloxError) in try pass.run(program, context: context)
    }
  }

  /// Everything that can be asked for by name, in the order in which it is listed.
  public static let all: [PassTemplate] =
    [.jvp, .vjp, .grad, .transpose, .vmap] + Pass.all.map { PassTemplate($0) } + [.plan]

  /// The names of what `default` stands for: what a compiled program goes through.
  public static let defaultPipeline = "inline,simplify,sink,fuse,schedule,plan"

  /// Makes a pass of a name and its arguments, written as `name` or `name:key=value,key=value`.
  ///
  /// - Throws: ``BloxError/Code/usage`` for names and arguments that do not exist.
  public static func pass(_ text: String) throws(BloxError) -> Pass {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let template = all.first(where: { $0.name == parts[0] }) else {
      let names = all.map(\.name)
      throw BloxError(
        .usage,
        "there is no pass named '\(parts[0])'\(nearestName(parts[0], among: names)); passes:"
          + " \(names.joined(separator: ", "))")
    }
    let arguments = try PassArguments(parts.count > 1 ? parts[1] : "", of: template)
    return Pass(name: text, summary: template.summary, exactness: template.exactness) {
      (program, context) throws(BloxError) in try template.body(arguments, program, context)
    }
  }
}

extension PassPipeline {
  /// Reads passes separated by commas, such as `vjp,dce,fuse` or `vmap:size=4,axis=1,simplify`.
  ///
  /// - Throws: ``BloxError/Code/usage`` for names and arguments that do not exist.
  public init(parsing text: String, verifies: Bool? = nil) throws(BloxError) {
    // `key=value` belongs to the pass before it: names of passes hold no `=`.
    var names: [String] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      let colon = word.firstIndex(of: ":") ?? word.endIndex
      if !names.isEmpty, word[..<colon].contains("=") {
        names[names.count - 1] += "," + word
      } else {
        names.append(word)
      }
    }
    var passes: [Pass] = []
    for name in names { passes.append(try PassTemplate.pass(name)) }
    self.init(passes, verifies: verifies)
    for name in names where name.hasPrefix("vmap:") {
      let arguments = try PassArguments(String(name.dropFirst(5)), of: .vmap)
      if let axis = arguments["name"], let size = try arguments.number("size") { axes[axis] = size }
    }
  }
}

/// The arguments behind a pass's name.
struct PassArguments: Sendable {
  private let template: String
  private var values: [String: String] = [:]

  init(_ text: String, of template: PassTemplate) throws(BloxError) {
    self.template = template.name
    guard !text.isEmpty else { return }
    let known = template.usage.split { "[],".contains($0) }.compactMap {
      $0.split(separator: "=").first.map(String.init)
    }
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, known.contains(parts[0]) else {
        let takes = known.isEmpty ? "takes no arguments" : "takes \(template.usage)"
        throw BloxError(.usage, "the pass \(template.name) \(takes); got '\(word)'")
      }
      guard values.updateValue(parts[1], forKey: parts[0]) == nil else {
        throw BloxError(.usage, "the pass \(template.name) is given \(parts[0]) twice")
      }
    }
  }

  subscript(key: String) -> String? { values[key] }

  /// An argument that is a whole number from 0.
  func number(_ key: String) throws(BloxError) -> Int? {
    guard let text = values[key] else { return nil }
    guard let value = Int(text), value >= 0 else {
      throw BloxError(.usage, "\(template): \(key) needs a whole number from 0, not '\(text)'")
    }
    return value
  }

  /// Which parameters a list such as `x+w` or `0+2` names; `nil` when it is not given.
  func parameters(_ key: String, of program: Program) throws(BloxError) -> [Bool]? {
    guard let text = values[key] else { return nil }
    var chosen = program.parameters.map { _ in false }
    for name in text.split(separator: "+").map(String.init) {
      let labelled = program.parameters.firstIndex { $0.label?.text == name }
      guard let index = labelled ?? Int(name), chosen.indices.contains(index) else {
        let labels = program.parameters.enumerated().map { $1.label?.text ?? "\($0)" }
        throw BloxError(
          .usage, "\(template): @\(program.name) has no parameter '\(name)'; it has \(labels.joined(separator: ", "))")
      }
      chosen[index] = true
    }
    return chosen
  }
}

/// `; did you mean X?` for the candidate nearest to a word; empty where none is near.
func nearestName(_ word: String, among names: [String]) -> String {
  guard let nearest = names.min(by: { editDistance(word, $0) < editDistance(word, $1) }),
    editDistance(word, nearest) <= 2
  else { return "" }
  return "; did you mean \(nearest)?"
}
