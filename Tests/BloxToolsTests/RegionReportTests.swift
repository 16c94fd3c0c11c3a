// What regions become, as text.

import BloxIR
import BloxPasses
import BloxTools
import Testing

@testable import BloxRuntime

struct RegionReportTests {
  private func report(_ text: String) throws -> String {
    try RegionReport(compiling: Program(parsing: "// blox-ir 1\n" + text)).text
  }

  @Test("Machine code is listed with its vector instructions", .enabled(if: MachineCode.isAvailable))
  func machineCode() throws {
    let text = try report(
      """
      program @chain(%0: f32[4,1000], %1: f32[4,1000], %2: i32[4,1000]) -> (f32[4,1000]) {
        %3: f32[4,1000] = mul %0, 2.5
        %4: bool[4,1000] = compare %3, %1 {direction=lt}
        %5: f32[4,1000] = convert %2
        %6: f32[4,1000] = select %4, %3, %5
        return %6
      }

      """)
    #expect(
      text.hasPrefix(
        """
        %3 loop mul+compare+convert+select: f32[4,1000]
          4000 elements in tiles of 2048
          s0 = operand 0, f32, in place
        """), "\(text)")
    let lines = text.split(separator: "\n").map { $0.drop { $0 == " " } }
    #expect(
      lines.contains { $0.hasPrefix("machine code, ") && $0.hasSuffix(" bytes, 4 vectors side by side") }, "\(text)")
    for line in [
      "v0 = s0", "v2 = multiply v0, 2.5", "v4 = less v2, v3", "v6 = fromSigned v5", "v7 = select v4, v2, v6",
    ] {
      #expect(lines.contains { $0 == line }, "\(text)")
    }
    #expect(lines.last?.hasPrefix("result 0 = s") == true, "\(text)")
  }

  @Test("Micro-ops that are kernels are listed by name: pairs, reductions of rows, sums of columns, streams")
  func microOps() throws {
    let text = try report(
      """
      program @rows(%0: f64[64,8], %1: f64[8,64], %2: key[]) -> (f64[64,8], f64[8], u32[64,8]) {
        %3: f64[64,8] = transpose %1 {permutation=[1,0]}
        %4: f64[64] = reduce_max %0 {axes=[1]}
        %5: f64[64,8] = broadcast_in_dim %4 {dims=[0]}
        %6: f64[64,8] = sub %0, %5
        %7: f64[64,8] = mul %6, %6
        %8: f64[64,8] = add %7, %3
        %9: f64[8] = reduce_sum %8 {axes=[0]}
        %10: u32[64,8] = random_bits %2 {shape=[64,8]}
        return %8, %9, %10
      }

      """)
    for line in [
      "512 elements in tiles of 512, rows of 8", "= max of each row of s", "for each element of its row",
      "gathered", "= mul f64+add f64 s", "sum 0 of columns takes s",
    ] {
      #expect(text.contains(line), "\(line)\n\(text)")
    }
    #expect(text.contains("= random bits of the keys in operand "), "\(text)")
  }

  @Test("Regions in loops are listed with the loop around them; a program without regions says so")
  func places() throws {
    let text = try report(
      """
      program @loop(%0: f32[8]) -> (f32[8]) {
        %1: f32[8] = scan %0 {length=3, consts=0, carry=1}
            body(%2: f32[8]) {
          %3: f32[8] = tanh %2
          return %3
        }
        return %1
      }

      """)
    #expect(text.hasPrefix("loop tanh: f32[8], in %1 scan\n"), "\(text)")
    #expect(
      try report("program @same(%0: f32[8]) -> (f32[8]) {\n  return %0\n}\n") == "no instruction runs tile by tile\n")
  }
}
