// One trial of the fuzzer: a random program, now and then transformed, and arguments for it.

import BloxIR
import BloxPasses

/// A program and arguments that a seed and a number determine.
package struct FuzzCase: Sendable {
  /// Which program, as in `case 17 of seed 1: vjp of vmap`.
  package let name: String
  /// The program.
  package var program: Program
  /// An argument for each parameter.
  package var arguments: [DenseConstant]
  /// Whether the reference interpreter takes part, which is for small tensors only.
  package var isSmall = true

  /// Creates a case from its parts.
  package init(name: String, program: Program, arguments: [DenseConstant], isSmall: Bool = true) {
    self.name = name
    self.program = program
    self.arguments = arguments
    self.isSmall = isSmall
  }

  /// Makes case `number` of a seed.
  package init(seed: UInt64, number: UInt64) throws {
    // The generator mixes its seed, so neighbours have nothing in common.
    var random = SeededGenerator(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ number)
    let isLarge = random.next() % 16 == 0
    // Transformed programs are several times as long, so they start short; large tensors are divided among threads.
    let transforms = isLarge ? [] : FuzzCase.transforms(&random)
    // Programs whose first transformation gives them lanes may exchange between these.
    let lanes = transforms.first == .vmap && random.next() & 1 == 0 ? ["lane": 4] : [:]
    let options =
      isLarge
      ? ProgramGenerator.Options(steps: 4...12, maximumElements: 300_000, sizes: [1, 3, 61, 500, 700])
      : transforms.isEmpty
        ? ProgramGenerator.Options()
        : ProgramGenerator.Options(steps: 2...9, maximumElements: 40, calls: 1, donates: false, axes: lanes)
    var generator = ProgramGenerator(random, options, name: "fuzz")
    var program = try generator.make()
    var applied: [String] = []
    for (index, transform) in transforms.enumerated() {
      guard let next = try transform.apply(program, lanes: index == 0 ? lanes : [:], &random) else { continue }
      program = next
      applied.insert(transform.rawValue, at: 0)
    }
    let what = applied.isEmpty ? isLarge ? "large tensors" : "plain" : applied.joined(separator: " of ")
    self.init(
      name: "case \(number) of seed \(seed): \(what)", program: program,
      arguments: program.parameters.map { randomArgument($0.type, &random) }, isSmall: !isLarge)
  }

  /// Says what is wrong with the case; `nil` when nothing is. An error is something wrong, too.
  package func failure() -> String? {
    do {
      return try ProgramFuzzing.failure(of: program, arguments, slowly: isSmall)
    } catch {
      return "\(error)"
    }
  }

  // MARK: Transformations

  enum Transform: String, CaseIterable {
    case jvp, vjp, vmap

    /// The transformed program; `nil` where it does not apply, such as to ops without a derivative.
    func apply(
      _ program: Program, lanes: [String: Int] = [:], _ random: inout SeededGenerator
    ) throws -> Program? {
      let active = program.parameters.map(\.type.dtype.isFloating)
      let differentiated = program.resultTypes.map(\.dtype.isFloating)
      do throws(BloxError) {
        switch self {
        case .jvp:
          guard active.contains(true) else { return nil }
          let derivative = try program.jvp(active: active).program
          // A function with a backward program has no forward derivative that could be evaluated.
          return derivative.instructions.contains { $0.op.name == "custom_linear" } ? nil : derivative
        case .vjp:
          guard active.contains(true), differentiated.contains(true) else { return nil }
          return try program.vjp(active: active, differentiated: differentiated)
        case .vmap:
          let inAxes = program.parameters.map { parameter in
            random.next() % 3 == 0 ? nil : Int(random.next() % UInt64(parameter.type.rank + 1))
          }
          let size = [3, 3, 3, 1, 0][Int(random.next() % 5)]
          let named = lanes.first
          return try batched(
            program, size: named?.value ?? size, axisName: named?.key, inAxes: inAxes, axes: [:]
          ).program
        }
      } catch {
        guard error.code == .notDifferentiable || error.code == .gradientOfInteger else { throw error }
        return nil
      }
    }
  }

  /// None for half of the programs; one or two, nested, for the others.
  private static func transforms(_ random: inout SeededGenerator) -> [Transform] {
    guard random.next() & 1 == 0 else { return [] }
    let count = random.next() % 3 == 0 ? 2 : 1
    return (0..<count).map { _ in Transform.allCases[Int(random.next() % UInt64(Transform.allCases.count))] }
  }
}

/// Moderate numbers with zeros of both signs, infinities and NaN among them, but no subnormals.
package func randomArgument(_ type: TensorType, _ generator: inout SeededGenerator) -> DenseConstant {
  if type.elementCount > 1000 { return type.repeating(randomArgument(type.with(shape: [997]), &generator)) }
  let x = randomTensor(type, specials: false, &generator)
  guard type.dtype.isFloating else { return x }
  let specials = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e4].map { Literal($0, as: type.dtype) }
  return DenseConstant(
    type: type,
    elements: (0..<type.elementCount).map { index in
      generator.next() % 16 == 0 ? specials[Int(generator.next() % 8)] : x[index]
    })
}
