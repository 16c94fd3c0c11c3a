// The instruction set that kernels are chosen from: the processor's best, or one that BLOX_ISA names.

import BloxIR
import CBloxKernels

/// Chosen once: asking the processor is slow.
let kernelISA = InstructionSet.chosen(by: environmentVariable("BLOX_ISA")).kernel

/// The sets for which there are kernels.
enum InstructionSet: String, CaseIterable {
  case portable, avx2, avx512, neon

  var kernel: blox_isa {
    switch self {
    case .portable: BLOX_ISA_PORTABLE
    case .avx2: BLOX_ISA_AVX2
    case .avx512: BLOX_ISA_AVX512
    case .neon: BLOX_ISA_NEON
    }
  }

  static var available: [InstructionSet] { allCases.filter { blox_isa_available($0.kernel) } }

  static var best: InstructionSet { available.first { $0.kernel == blox_best_isa() } ?? .portable }

  /// The set that a variable names; the best one if it names none, which is said if it names something else.
  static func chosen(by name: String?, say: (String) -> Void = RuntimeVariable.say) -> InstructionSet {
    guard let name, !name.isEmpty else { return best }
    if let set = available.first(where: { $0.rawValue == name }) { return set }
    let names = available.map(\.rawValue).joined(separator: ", ")
    say("BLOX_ISA is '\(name)'; this processor has \(names). Using \(best)")
    return best
  }
}
