// Runs reference vectors: forward eagerly and compiled, vjp and jvp of the same program, and counts what is left out.

import BloxIR
import BloxPasses
import TestSupport
import Testing

@testable import BloxTrace

/// A case as a Swift function of its inputs.
typealias CaseFunction = ([Tensor]) throws -> [Tensor]

/// What there is for a case.
enum CaseBinding {
  /// The function.
  case run(CaseFunction)
  /// A function that reads elements and so cannot be compiled.
  case runOnHost(CaseFunction)
  /// Why the case cannot be run yet.
  case skip(String)
}

/// Cases that differ from JAX, and why. A case that no longer differs must leave the list.
let knownDifferences = [
  "pow/kink_grad": "the slope of x^0 at 0 is 0, in JAX 0 * inf",
  "nn.silu/(2, 3)": "the slope of the logistic is rounded as ct * (s * (1 - s)), in JAX as (ct * s) * (1 - s)",
]

/// What was run of a group, and why the rest was not.
struct GroupReport {
  var ran = 0
  var checks = 0
  var skipped: [String: Int] = [:]
  /// Cases in `knownDifferences` with the number of results that differ.
  var different: [String: Int] = [:]

  /// Prints the counts, so that what is left out can be read in the output of every test run.
  func printSummary(_ group: String) {
    print("conformance \(group): \(ran) cases run, \(checks) results compared")
    for reason in skipped.keys.sorted() { print("  not run: \(skipped[reason] ?? 0) x \(reason)") }
    for name in different.keys.sorted() { print("  differs: \(name): \(knownDifferences[name] ?? "")") }
  }
}

extension GroupReport {
  /// Runs a case and records an issue for each result that differs.
  mutating func run(_ testCase: ConformanceCase, _ function: @escaping CaseFunction, isCompiled: Bool) throws {
    ran += 1
    let (checks, issues) = try check(testCase, function, isCompiled: isCompiled)
    self.checks += checks
    if let reason = knownDifferences[testCase.name] {
      different[testCase.name] = issues.count
      if issues.isEmpty { Issue.record("\(testCase.name) no longer differs (\(reason)): take it off the list") }
    } else {
      for issue in issues { Issue.record("\(testCase): \(issue)") }
    }
  }
}

/// Runs all cases of a group and records an issue for each result that differs.
func runGroup(
  _ name: String, from folder: String = "Conformance", bind: (ConformanceCase) throws -> CaseBinding
) throws -> GroupReport {
  var report = GroupReport()
  for testCase in try ConformanceGroup.load(name, from: folder).cases {
    do {
      switch try bind(testCase) {
      case .skip(let reason): report.skipped[reason, default: 0] += 1
      case .run(let function):
        try report.run(testCase, function, isCompiled: true)
      case .runOnHost(let function):
        try report.run(testCase, function, isCompiled: false)
      }
    } catch {
      Issue.record("\(testCase): \(error)")
    }
  }
  report.printSummary(name)
  return report
}

/// Compares everything a case has; returns the number of comparisons and what differs.
private func check(
  _ testCase: ConformanceCase, _ laneFunction: @escaping CaseFunction, isCompiled: Bool
) throws -> (checks: Int, issues: [String]) {
  let inputs = try testCase.inputs.map { try Tensor($0) }
  let function = testCase.vmap.map { vectorized(laneFunction, $0) } ?? laneFunction
  var checks = 0
  var issues: [String] = []
  func compare(_ got: [Tensor], _ want: [StoredTensor], _ what: String, _ key: String, exact: Bool) throws {
    guard got.count == want.count else {
      issues.append("\(what): got \(got.count) results, want \(want.count)")
      return
    }
    let tolerance = testCase.tolerances(key)
    for (got, want) in zip(got, want) {
      checks += 1
      if let text = try difference(got, want, exact: exact, tolerance) {
        issues.append("\(what), \(want.name): \(text)")
      }
    }
  }

  try compare(try function(inputs), testCase.outputs, "eager", "outputs", exact: testCase.exact)
  guard isCompiled else { return (checks, issues) }
  let compiled = jit { (x: [Tensor]) in try function(x) }
  try compare(try compiled(inputs), testCase.outputs, "compiled", "outputs", exact: testCase.exact)

  guard !testCase.vjps.isEmpty else { return (checks, issues) }
  let program = try makeProgram({ (x: [Tensor]) in try function(x) }, inputs)
  let active = inputs.indices.map { testCase.vjpOfInput.contains($0) }
  let differentiated = testCase.outputs.indices.map { testCase.cotangentOfOutput.contains($0) }
  let vjp = try program.vjp(active: active, differentiated: differentiated)
  let cotangents = try testCase.cotangents.map { try Tensor($0) }
  let pulled = try evaluate(vjp, inputs + cotangents).dropFirst(testCase.outputs.count)
  try compare(Array(pulled), testCase.vjps, "vjp", "vjps", exact: false)
  // The same through the public transformation, compiled.
  let gradient = jit { (x: [Tensor], ct: [Tensor]) in
    try weightedGradient(function, of: testCase.vjpOfInput, outputs: testCase.cotangentOfOutput, at: x, ct)
  }
  try compare(try gradient(inputs, cotangents), testCase.vjps, "jit of grad", "vjps", exact: false)

  guard !testCase.jvps.isEmpty else { return (checks, issues) }
  try compare(
    try pushed(program, active: active, inputs, testCase.tangents.map { try Tensor($0) }, testCase.cotangentOfOutput),
    testCase.jvps, "jvp", "jvps", exact: false)
  return (checks, issues)
}

/// The tangents of some results; zeros where a result's tangent is structurally zero.
private func pushed(
  _ program: Program, active: [Bool], _ inputs: [Tensor], _ tangents: [Tensor], _ outputs: [Int]
) throws -> [Tensor] {
  let jvp = try program.jvp(active: active)
  var given = try evaluate(jvp.program, inputs + tangents).dropFirst(program.results.count)
  let all = try zip(program.resultTypes, jvp.hasTangent).map { type, hasTangent in
    hasTangent ? given.removeFirst() : try Tensor.zeros(type.shape, dtype: type.dtype)
  }
  return outputs.map { all[$0] }
}

/// The gradient of the sum of outputs times cotangents with respect to some inputs: the vjp.
func weightedGradient(
  _ function: CaseFunction, of active: [Int], outputs: [Int], at inputs: [Tensor], _ cotangents: [Tensor]
) throws -> [Tensor] {
  try withoutActuallyEscaping(function) { function in
    try grad { (variables: [Tensor]) in
      var all = inputs
      for (index, variable) in zip(active, variables) { all[index] = variable }
      let results = try function(all)
      var total = Tensor(0.0)
      for (index, cotangent) in zip(outputs, cotangents) {
        total = try total + (results[index] * cotangent).sum().cast(to: .f32)
      }
      return total
    }(active.map { inputs[$0] })
  }
}

/// The function under `vmap` with an axis for each input.
func vectorized(_ function: @escaping CaseFunction, _ axes: ConformanceCase.VectorizedAxes) -> CaseFunction {
  vectorized(function, inAxes: axes.inAxes.map(Axis.init), outAxis: axes.outAxes.first.map(Axis.init) ?? 0)
}

/// The function under `vmap` with an axis for each input.
func vectorized(_ function: @escaping CaseFunction, inAxes: [Axis], outAxis: Axis = 0) -> CaseFunction {
  return { x in
    switch x.count {
    case 1: return try vmap(inAxes: inAxes, outAxes: [outAxis]) { (a: Tensor) in try function([a]) }(x[0])
    case 2:
      return try vmap(inAxes: inAxes, outAxes: [outAxis]) { (a: Tensor, b: Tensor) in
        try function([a, b])
      }(x[0], x[1])
    case 3:
      return try vmap(inAxes: inAxes, outAxes: [outAxis]) { (a: Tensor, b: Tensor, c: Tensor) in
        try function([a, b, c])
      }(x[0], x[1], x[2])
    case 4:
      return try vmap(inAxes: inAxes, outAxes: [outAxis]) { (a: Tensor, b: Tensor, c: Tensor, d: Tensor) in
        try function([a, b, c, d])
      }(x[0], x[1], x[2], x[3])
    case _: preconditionFailure("no case has \(x.count) inputs")
    }
  }
}

extension Axis {
  init(_ axis: Int?) { self = axis.map { .at($0) } ?? .unmapped }
}
