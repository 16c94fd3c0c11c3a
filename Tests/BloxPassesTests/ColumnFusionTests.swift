// Which reductions over leading dimensions join a region, and how they are cut into pieces.

import BloxIR
import Testing

@testable import BloxPasses

struct ColumnFusionTests {
  @Test("The gradients of a norm's scale and bias are sums in its region: of what it computes, and of what it reads")
  func scaleAndBias() throws {
    let fused = try fuse(
      "f32[64,256], f32[64,256] -> f32[64,256], f32[256], f32[256]",
      """
      %2: f32[64,256] = mul %0, %1
      %3: f32[64] = reduce_sum %2 {axes=[1]}
      %4: f32[64,256] = broadcast_in_dim %3 {dims=[0]}
      %5: f32[64,256] = sub %0, %4
      %6: f32[256] = reduce_sum %2 {axes=[0]}
      %7: f32[256] = reduce_sum %0 {axes=[0]}
      return %5, %6, %7
      """)
    #expect(
      fused.body == """
        %2: f32[64,256], %3: f32[256], %4: f32[256] = fusion %0, %1 {kind=row}
            region(%5: f32[64,256], %6: f32[64,256]) {
          %7: f32[64,256] = mul %5, %6
          %8: f32[64] = reduce_sum %7 {axes=[1]}
          %9: f32[64,256] = broadcast_in_dim %8 {dims=[0]}
          %10: f32[64,256] = sub %5, %9
          %11: f32[256] = reduce_sum %7 {axes=[0]}
          %12: f32[256] = reduce_sum %5 {axes=[0]}
          return %10, %11, %12
        }
        return %2, %3, %4
        """)
  }

  @Test("What only a reduction reads is not written: a loss reads its operands and writes a scalar")
  func loss() throws {
    let fused = try fuse(
      "f32[512,128], f32[512,128] -> f32[]",
      """
      %2: f32[512,128] = sub %0, %1
      %3: f32[512,128] = mul %2, %2
      %4: f32[] = reduce_sum %3 {axes=[0,1]}
      %5: f32[] = mul %4, 0.5
      return %5
      """)
    #expect(fused.regions == [["sub", "mul", "reduce_sum"], ["mul"]])
    #expect(fused.instructions[0].results.map { fused.type(of: $0) } == [.f32()])
  }

  @Test("A renamed value is reduced in the region that computes it, unless it is needed under both names")
  func renamed() throws {
    func body(_ result: String) -> String {
      """
      %1: f32[8,128,3,8] = exp %0
      %2: f32[8,128,24] = reshape %1
      %3: f32[24] = reduce_sum %2 {axes=[0,1]}
      return \(result)
      """
    }
    let one = try fuse("f32[8,128,3,8] -> f32[8,128,24], f32[24]", body("%2, %3"))
    #expect(one.instructions.map(\.op.name) == ["fusion"])
    let both = try fuse("f32[8,128,3,8] -> f32[8,128,3,8], f32[8,128,24], f32[24]", body("%1, %2, %3"))
    #expect(both.instructions.map(\.op.name) == ["fusion", "reshape", "reduce_sum"])
  }

  @Test("A region keeps what another one repeats a broadcast of, although the broadcast is reduced inside")
  func repeatedBroadcast() throws {
    let fused = try fuse(
      "f32[64,256] -> f32[64,256]",
      """
      %1: f32[64] = reduce_sum %0 {axes=[1]}
      %2: f32[64] = exp %1
      %3: f32[64,256] = broadcast_in_dim %2 {dims=[0]}
      %4: f32[256] = reduce_sum %3 {axes=[0]}
      %5: f32[] = dot_general %4, %4 {contract=[0]x[0]}
      %6: f32[64,256] = broadcast_in_dim %5 {dims=[]}
      %7: f32[64,256] = add %3, %6
      return %7
      """)
    #expect(fused.instructions[0].results.map { fused.type(of: $0) } == [.f32(64), .f32(256)])
  }

  @Test("A region that needs the sums of what it reads stays apart from them")
  func batchNorm() throws {
    let fused = try fuse(
      "f32[64,256] -> f32[64,256]",
      """
      %1: f32[256] = reduce_sum %0 {axes=[0]}
      %2: f32[256] = mul %1, 0.015625
      %3: f32[64,256] = broadcast_in_dim %2 {dims=[1]}
      %4: f32[64,256] = sub %0, %3
      return %4
      """)
    #expect(fused.instructions.first?.op.name == "reduce_sum")
    #expect(fused.regions == [["mul"], ["broadcast_in_dim", "sub"]])
  }

  @Test(
    "Halves, rows that leave too few pieces, and pieces that end within a row are reduced outside",
    arguments: [
      ("bf16[64,256] -> bf16[256]", "%1: bf16[64,256] = exp %0\n%2: bf16[256] = reduce_sum %1 {axes=[0]}\nreturn %2"),
      (
        "f32[8,60000] -> f32[60000]",
        "%1: f32[8,60000] = exp %0\n%2: f32[60000] = reduce_sum %1 {axes=[0]}\nreturn %2"
      ),
      (
        "f32[100,1000] -> f32[100], f32[]",
        """
        %1: f32[100,1000] = exp %0
        %2: f32[100] = reduce_sum %1 {axes=[1]}
        %3: f32[] = reduce_sum %1 {axes=[0,1]}
        return %2, %3
        """
      ),
    ])
  func outside(signature: String, body: String) throws {
    #expect(try fuse(signature, body).instructions.contains { $0.op.name == "reduce_sum" })
  }

  @Test("Pieces cover all rows, are at most 32, and end where blocks of a kernel do")
  func pieces() {
    for length in [1, 2, 15, 16, 17, 31, 100, 1000, 1023, 1024, 4096, 65_537, 1_000_003] {
      for inner in [1, 2, 3, 10, 64, 1000, 4096, 65_536, 65_537] {
        let pieces = ReductionPieces(length: length, inner: inner)
        #expect((1...32).contains(pieces.count) && pieces.rows <= length)
        #expect((pieces.count - 1) * pieces.rows < length && pieces.count * pieces.rows >= length)
        #expect(pieces.count == 1 || pieces.rows % (inner == 1 ? 1024 : 16) == 0)
        #expect(pieces.count == 1 || pieces.elements >= 8192)
      }
    }
  }
}
