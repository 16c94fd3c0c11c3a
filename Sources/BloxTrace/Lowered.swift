// The stages of compiling as values: a function lowered for some arguments, and compiled for them.

import BloxIR
import BloxRuntime

/// A function traced for arguments of some types: its program can be looked at, and compiled.
///
/// ```swift
/// let lowered = try step.lower(params, x)
/// print(try lowered.text(.fused))
/// let compiled = try lowered.compile()
/// print(compiled.cost, compiled.memory)
/// ```
public struct Lowered<Output, each Input: TensorTree> {
  let traced: TracedFunction<Output>
  let configuration: CompiledConfiguration
  let shape: OutputShape<Output>

  /// The program as it was traced.
  public var program: Program { traced.program }

  /// The program at a stage.
  public func program(at stage: CompilationStage) throws -> Program { try Compiler.lower(traced.program, to: stage) }

  /// The text of the program at a stage.
  public func text(_ stage: CompilationStage = .traced) throws -> String { try program(at: stage).text() }

  /// Compiles the program.
  ///
  /// - Throws: ``BloxError/Code/donatedTensor`` when donation is required and cannot be used.
  public func compile() throws -> CompiledFunction<Output, repeat each Input> {
    let executable = try Compiler.compile(traced.program)
    try executable.donatedArguments.expectUsable(configuration.donation, function: configuration.name)
    return CompiledFunction(executable: executable, traced: traced, configuration: configuration, shape: shape)
  }
}

/// What a compiled function needs to know beside its program.
struct CompiledConfiguration {
  var name: String
  var argumentNames: [String] = []
  var donating: Set<Int> = []
  var donation = DonationPolicy.report
  var structure: TreeStructure
  var types: [TensorType]
  var details: [ArgumentDetails]
}

/// The memory of a compiled function, in bytes. Known before the first call: all of it is planned.
public struct MemoryAnalysis: Hashable, Sendable {
  /// The arguments.
  public let argumentBytes: Int
  /// Results that have memory of their own.
  public let resultBytes: Int
  /// Results that have the memory of donated arguments.
  public let aliasedBytes: Int
  /// Intermediate values.
  public let arenaBytes: Int
  /// What kernels need while they run: copies of operands, and per thread tiles and packed blocks.
  public let scratchBytes: Int
  /// All of it but the arguments.
  public var peakBytes: Int { resultBytes + arenaBytes + scratchBytes }

  init(_ executable: Executable) {
    argumentBytes = executable.argumentBytes
    resultBytes = executable.memory.resultBytes
    aliasedBytes = executable.memory.aliasedBytes
    arenaBytes = executable.memory.arenaBytes
    scratchBytes = executable.scratchBytes
  }
}

/// A function compiled for arguments of one structure and one list of types: it never traces.
///
/// Any number of tasks may call it at the same time.
public struct CompiledFunction<Output, each Input: TensorTree>: @unchecked Sendable {
  // Sendable: the output's prototype is copied before its tensors are replaced, which the rules of TensorTree make a
  // value; everything else is immutable.

  /// The program that runs.
  public let executable: Executable
  let traced: TracedFunction<Output>
  let configuration: CompiledConfiguration
  let shape: OutputShape<Output>

  /// How much the program computes and moves, as it is run.
  public var cost: CostAnalysis { executable.program.cost }

  /// The memory of a call.
  public var memory: MemoryAnalysis { MemoryAnalysis(executable) }

  /// What becomes of each tensor of a donated argument.
  public var donationReport: [DonatedArgument] { executable.donatedArguments }

  /// The program's text, with the place of each value in memory.
  public var text: String { executable.program.text() }

  /// Calls the function.
  ///
  /// - Throws: ``BloxError/Code/structureMismatch`` for arguments of other types, naming what differs.
  public func callAsFunction(
    _ input: repeat each Input, file: String = #fileID, line: Int = #line
  ) throws -> Output {
    let arguments = try TensorFunction<Output, repeat each Input>.flatten(repeat each input)
    guard arguments.structure == configuration.structure, arguments.tensors.map(\.type) == configuration.types else {
      let details = try arguments.makeDetails(configuration.argumentNames)
      let list = differences(from: configuration.details, to: details, axes: ([:], [:]))
      throw BloxError(
        .structureMismatch,
        "\(configuration.name) was compiled for other arguments: \(list.map(\.description).joined(separator: ", "))."
          + " Compile it for these too, or call the function that jit returned",
        location: SourceLocation(file: file, line: line))
    }
    let results: [Tensor]
    if let running = Trace.current {
      results = try traced.emitCall(to: Op.Callee(traced.program), arguments, in: running)
    } else {
      results = try run(
        executable, arguments.tensors, donation: arguments.donation(of: configuration.donating),
        function: configuration.name, at: SourceLocation(file: file, line: line),
        checks: Diagnostics.Box.current.value.checks)
    }
    return try shape.rebuild(traced.prototype, results)
  }
}

extension TensorFunction {
  /// Traces the function for arguments like these, without running it. The cache is neither read nor filled.
  ///
  /// - Throws: ``BloxError/Code/leakedTracer`` for a function that reads tensors of a running trace.
  public func lower(_ input: repeat each Input) throws -> Lowered<Output, repeat each Input> {
    let arguments = try Self.flatten(repeat each input)
    let donating = try cache?.donatedPositions(argumentCount: arguments.counts.count) ?? []
    var options = cache?.traceOptions(donating: donating) ?? TraceOptions(name: name)
    options.bakesConstants = true
    let traced = try traceBody(repeat each input, arguments: arguments, options: options)
    guard traced.captures.isEmpty else {
      throw BloxError(
        .leakedTracer,
        "\(name) cannot be lowered here: it reads a tensor of type \(traced.captures[0].type) of a trace that runs; pass"
          + " the tensor as an argument")
    }
    let details = try arguments.makeDetails(options.argumentNames)
    let configuration = CompiledConfiguration(
      name: name, argumentNames: options.argumentNames, donating: donating,
      donation: cache?.configuration.donation ?? .report, structure: arguments.structure,
      types: arguments.tensors.map(\.type), details: details)
    return Lowered(traced: traced, configuration: configuration, shape: shape)
  }

  /// Compiles the function for arguments like these; see ``lower(_:)``.
  public func compile(_ input: repeat each Input) throws -> CompiledFunction<Output, repeat each Input> {
    try lower(repeat each input).compile()
  }
}
