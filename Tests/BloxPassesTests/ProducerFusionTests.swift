// Producers: which arithmetic becomes part of the products that read it, and what of it must not be overwritten.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import Testing

@testable import BloxPasses

@Suite("Fusion of products with what makes their operands")
struct ProducerFusionTests {
  private let context = PassContext(leastProducedBytes: 0)

  private func program(_ signature: String, _ body: String) throws -> Program {
    try SimplificationCase(rule: "", signature: signature, before: body, after: body).program(body)
  }

  private func fused(_ signature: String, _ body: String, donated: [Int] = []) throws -> Program {
    var program = try program(signature, body)
    for index in donated { program.parameters[index].isDonated = true }
    let fused = try program.fused(context)
    try fused.verify()
    #expect(try fused.fused(context) == fused)
    return fused
  }

  @Test("Scaled integers become an operand where the product packs them, beside bias and activation")
  func dequantisation() throws {
    let fused = try fused(
      "f32[4,8], i8[8,6], f32[6], f32[6] -> f32[4,6]",
      """
      %4: f32[8,6] = convert %1
      %5: f32[8,6] = broadcast_in_dim %2 {dims=[1]}
      %6: f32[8,6] = mul %4, %5
      %7: f32[4,6] = dot_general %0, %6 {contract=[1]x[0]}
      %8: f32[4,6] = broadcast_in_dim %3 {dims=[1]}
      %9: f32[4,6] = add %7, %8
      %10: f32[4,6] = max %9, 0.0
      return %10
      """)
    #expect(
      fused.regions == [["broadcast_in_dim", "convert", "mul", "dot_general", "broadcast_in_dim", "add", "max"]]
        || fused.regions == [["convert", "broadcast_in_dim", "mul", "dot_general", "broadcast_in_dim", "add", "max"]])
    #expect(fused.instructions.count == 1)
  }

  @Test("Two products make what both read, if that reads no more than it is; both operands of one may be made")
  func severalReaders() throws {
    let both = try fused(
      "f32[8,8], f32[8,8] -> f32[8,8], f32[8,8]",
      """
      %2: f32[8,8] = max %0, 0.0
      %3: f32[8,8] = neg %1
      %4: f32[8,8] = dot_general %2, %1 {contract=[1]x[0]}
      %5: f32[8,8] = dot_general %2, %3 {contract=[1]x[0]}
      return %4, %5
      """)
    #expect(both.regions == [["max", "dot_general"], ["max", "neg", "dot_general"]])
    let wide = try fused(
      "f32[8,8], bool[8,8], f32[8,8] -> f32[8,8], f32[8,8]",
      """
      %3: f32[8,8] = select %1, %0, 0.0
      %4: f32[8,8] = dot_general %3, %2 {contract=[1]x[0]}
      %5: f32[8,8] = dot_general %3, %2 {contract=[0]x[0]}
      return %4, %5
      """)
    #expect(wide.regions == [["select"]])
  }

  @Test(
    "What is returned, read elsewhere, a function, much to read or donated stays where it is",
    arguments: [
      ("max %0, 0.0", "%3", 0), ("max %0, 0.0", "%5", 0), ("exp %0", "%4", 0), ("max %0, 0.0", "%4", 1),
      ("max %0, %2", "%4", 0), ("max %0, 0.0", "%6", 0),
    ])
  func staysApart(op: String, result: String, donated: Int) throws {
    let fused = try fused(
      "f32[8,8], f32[8,8], f32[8,8] -> f32[8,8], f32[8,8]",
      """
      %3: f32[8,8] = \(op)
      %4: f32[8,8] = dot_general %3, %1 {contract=[1]x[0]}
      %5: f32[8,8] = sort %3 {axis=0}
      %6: f32[8,8] = dot_general %3, %3 {contract=[1]x[0]}
      return %4, \(result)
      """, donated: donated == 1 ? [0] : [])
    #expect(!fused.regions.contains { $0.contains("dot_general") && $0.count > 1 }, "\(fused)")
  }

  @Test("Small operands stay in the caches")
  func small() throws {
    let program = try makeProgram([.f32(64, 64), .f32(64, 64)]) { (b, p) throws(BloxError) in
      let x = try b.unary(.neg, p[0])
      return [try b.emitOne(.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0])), [x, p[1]])]
    }
    #expect(try program.fused(PassContext(leastProducedBytes: 64 * 64 * 4)).instructions.count == 1)
    #expect(try program.fused(PassContext(leastProducedBytes: 64 * 64 * 4 + 1)).instructions.count == 2)
  }

  @Test("The result does not take the memory of what its operand is made of")
  func memory() throws {
    let unfused = try program(
      "f32[8,8], f32[8,8] -> f32[8,8]",
      """
      %2: f32[8,8] = sort %0 {axis=0}
      %3: f32[8,8] = neg %2
      %4: f32[8,8] = dot_general %3, %1 {contract=[1]x[0]}
      %5: f32[8,8] = add %4, %1
      %6: f32[8,8] = sort %5 {axis=0}
      return %6
      """)
    let fused = try unfused.fused(context)
    #expect(fused.regions == [["neg", "dot_general", "add"]])
    let planned = try planBuffers(fused)
    #expect(planned.instructions[0].buffers != planned.instructions[1].buffers)
    let arguments = randomArguments(fused, seed: 3)
    let want = try Executable(planned: planBuffers(unfused)).run(arguments)
    #expect(try sameBits(Executable(planned: planned).run(arguments), want))
  }
}
