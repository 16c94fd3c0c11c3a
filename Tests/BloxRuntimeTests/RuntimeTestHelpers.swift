// Building, running and checking small programs.
import BloxIR
import BloxPasses
import BloxRuntime
import TestSupport

/// A program of one instruction, or of what `body` adds, over parameters of given types.
func program(
  _ types: [TensorType], donated: [Int] = [],
  _ body: (inout ProgramBuilder, [Operand]) throws -> [Operand]
) throws -> Program {
  var builder = ProgramBuilder(name: "test")
  let parameters = types.enumerated().map { index, type in
    Operand.value(builder.parameter(Parameter(type, isDonated: donated.contains(index))))
  }
  let results = try body(&builder, parameters)
  return builder.finish(results: results.map { ProgramResult($0) })
}

/// Compiles without other passes than buffer planning, so that the test decides what runs.
func executable(_ program: Program) throws -> Executable { try Executable(planned: planBuffers(program)) }

/// Runs a program over arrays and returns the first result.
func run<Input: BitwiseCopyable, Output: BitwiseCopyable>(
  _ program: Program, _ inputs: [[Input]], as type: Output.Type = Output.self
) throws -> [Output] {
  try executable(program).run(inputs.map { try Storage($0) })[0].elements(as: type)
}

/// Small integers as floats, so that sums and products are exact; never all the same.
func ramp(_ count: Int, modulo: Int = 13, from first: Int = -5) -> [Float] {
  (0..<count).map { Float(($0 * 7 + $0 / 3) % modulo + first) }
}

/// A fusion of what `body` adds.
func fusion(_ types: [TensorType], _ body: (inout ProgramBuilder, [Operand]) throws -> [Operand]) throws -> Op {
  .fusion(Op.Fusion(kind: .loop, region: try program(types, body)))
}

func splat(_ value: Double, _ type: TensorType) -> Operand { .splat(Literal(value, as: type.dtype), shape: type.shape) }

/// Row-major positions of every index of a shape.
func indices(of shape: [Int]) -> [[Int]] {
  shape.reduce([[]]) { prefixes, size in prefixes.flatMap { prefix in (0..<size).map { prefix + [$0] } } }
}

func position(_ index: [Int], in shape: [Int]) -> Int { zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 } }
