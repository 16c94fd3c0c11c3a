// Runs passes in order, checks their results, and lets others watch.

import BloxIR

/// How long a pass took.
public struct PassTiming: Sendable {
  /// The name of the pass.
  public let pass: String
  /// The time it took, verification not included.
  public let duration: Duration
  /// The number of instructions it left.
  public let instructionCount: Int
}

/// Passes in the order in which they run.
public struct PassPipeline: Sendable {
  /// The passes.
  public var passes: [Pass]
  /// Whether the verifier checks the program after each pass; so by default in debug builds.
  public var verifies: Bool
  /// Sizes of the axis names that the passes bind, which the program may mention before.
  public var axes: [String: Int] = [:]

  /// Creates a pipeline.
  public init(_ passes: [Pass], verifies: Bool? = nil) {
    self.passes = passes
    self.verifies = verifies ?? PassPipeline.isDebugBuild
  }

  /// What every compiled program goes through before its buffers are planned.
  public static var standard: PassPipeline { PassPipeline([.inline, .simplify, .sink, .fuse, .schedule]) }

  /// The transformed program.
  ///
  /// - Parameter onStage: Sees the program after each pass.
  public func run(
    _ program: Program, context: PassContext = PassContext(), onStage: ((Pass, Program) -> Void)? = nil
  ) throws(BloxError) -> Program {
    try runTimed(program, context: context, onStage: onStage).program
  }

  /// The transformed program, and how long each pass took.
  ///
  /// - Parameter onStage: Sees the program after each pass.
  public func runTimed(
    _ program: Program, context: PassContext = PassContext(), onStage: ((Pass, Program) -> Void)? = nil
  ) throws(BloxError) -> (program: Program, timings: [PassTiming]) {
    let clock = ContinuousClock()
    var program = program
    var timings: [PassTiming] = []
    for pass in passes {
      let start = clock.now
      program = try pass.run(program, context: context)
      timings.append(
        PassTiming(
          pass: pass.name, duration: start.duration(to: clock.now), instructionCount: program.instructions.count))
      if verifies { try check(program, after: pass, axes: context.axes) }
      onStage?(pass, program)
    }
    return (program, timings)
  }

  /// A pass that breaks a program is a bug of the pass, and the message says so.
  private func check(_ program: Program, after pass: Pass, axes: [String: Int]) throws(BloxError) {
    do throws(BloxError) {
      try program.verify(axes: axes)
    } catch {
      throw BloxError(
        error.code, "the pass \(pass.name) made an invalid program (a bug of the pass): \(error.message)",
        modulePath: error.modulePath, location: error.location)
    }
  }

  private static var isDebugBuild: Bool {
    var isDebug = false
    // The body of an assertion runs in debug builds only.
    assert(
      {
        isDebug = true; return true
      }())
    return isDebug
  }
}
