// A failing case of the fuzzer as a file that `blox-ir check` repeats.

import BloxIR
import ProgramFuzzing

extension FuzzCase {
  /// The program with its inputs in a directive, bit for bit.
  package var reproducer: String {
    // Inputs in order need no names, and the labels of derivatives may hold blanks.
    let inputs = arguments.map(\.written).joined(separator: " ")
    let lines = ["// \(name)", "// test: run \(inputs)\(inputs.isEmpty ? "" : " ")engines-agree"]
    var text = program.text().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    text.insert(contentsOf: lines, at: 1)
    return text.joined(separator: "\n")
  }
}
