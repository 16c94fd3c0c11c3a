// Which products take their readers into their regions, where these go, and what memory that saves.

import BloxIR
import Testing

@testable import BloxPasses

struct ContractionFusionTests {
  @Test("A parameter is updated by its gradient in its own memory, and the gradient is stored nowhere")
  func update() throws {
    let planned = try planBuffers(
      fuse(
        "f32[64,32], f32[8,64], f32[8,32] -> f32[64,32]",
        """
        %3: f32[64,32] = dot_general %1, %2 {contract=[0]x[0]}
        %4: f32[64,32] = mul %3, 0.1
        %5: f32[64,32] = sub %0, %4
        return %5
        """, donated: [0]))
    #expect(planned.regions == [["dot_general", "mul", "sub"]])
    #expect(planned.instructions.map(\.buffers) == [[.parameter(0)]])
    #expect(planned.memory == MemorySummary(arenaBytes: 0, resultBytes: 0, aliasedBytes: 64 * 32 * 4))
  }

  @Test("What the product is made of is not written over, even where it is also read element by element")
  func factors() throws {
    let planned = try planBuffers(
      fuse(
        "f32[8,8], f32[8,8] -> f32[8,8]",
        """
        %2: f32[8,8] = dot_general %0, %1 {contract=[1]x[0]}
        %3: f32[8,8] = add %0, %2
        return %3
        """, donated: [0]))
    #expect(planned.instructions.map(\.buffers) == [[.result(0)]])
  }

  @Test("An update goes where the product stood, or after the last reader of the parameter that it writes over")
  func places() throws {
    // As autodiff leaves it: the gradient of %0 before that of %1 is passed on through %0, the updates at the end.
    let fused = try fuse(
      "f32[8,8], f32[4,8], f32[4,8] -> f32[8,8], f32[4,8]",
      """
      %3: f32[8,8] = dot_general %1, %2 {contract=[0]x[0]}
      %4: f32[4,8] = dot_general %2, %0 {contract=[1]x[1]}
      %5: f32[4,8] = reverse %4 {axes=[0]}
      %6: f32[4,8] = cumsum %5 {axis=0}
      %7: f32[8,8] = mul %3, 0.1
      %8: f32[8,8] = sub %0, %7
      return %8, %6
      """, donated: [0])
    #expect(fused.instructions.map(\.op.name) == ["dot_general", "fusion", "reverse", "cumsum"])
    #expect(try planBuffers(fused).instructions[1].buffers == [.parameter(0)])
  }

  @Test("A number that is computed behind all gradients holds no update up")
  func rate() throws {
    let fused = try fuse(
      "f32[8,8], f32[4,8], f32[4,8], f32[] -> f32[8,8], f32[4,8]",
      """
      %4: f32[8,8] = dot_general %1, %2 {contract=[0]x[0]}
      %5: f32[4,8] = cumsum %2 {axis=0}
      %6: f32[] = exp %3
      %7: f32[8,8] = broadcast_in_dim %6 {dims=[]}
      %8: f32[8,8] = mul %4, %7
      %9: f32[8,8] = sub %0, %8
      return %9, %5
      """, donated: [0])
    #expect(fused.regions == [["exp"], ["dot_general", "broadcast_in_dim", "mul", "sub"]])
    #expect(fused.instructions.map(\.op.name) == ["fusion", "fusion", "cumsum"])
  }

  @Test("A product that others read too is a result of its region")
  func sharedProduct() throws {
    let fused = try fuse(
      "f32[4,4], f32[4,4] -> f32[4,4], f32[4]",
      """
      %2: f32[4,4] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[4,4] = tanh %2
      %4: f32[4] = reduce_max %2 {axes=[0]}
      return %3, %4
      """)
    #expect(fused.regions == [["dot_general", "tanh"]])
    #expect(fused.instructions[0].results.count == 2)
  }

  @Test("So is one that others read through a cheap value which its region stores and they repeat")
  func repeatedReader() throws {
    let fused = try fuse(
      "f32[4,4], f32[4,4] -> f32[4,4]",
      """
      %2: f32[4,4] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[4,4] = stop_gradient %2
      %4: f32[4,4] = reverse %3 {axes=[0]}
      %5: f32[4,4] = min %4, %3
      return %5
      """)
    #expect(fused.regions == [["dot_general", "stop_gradient"], ["stop_gradient", "min"]])
    #expect(fused.instructions[0].results.count == 2)
  }

  @Test("A product stays alone if another of its readers leads to the region that would take it")
  func wayBack() throws {
    let fused = try fuse(
      "f32[4,4], f32[4,4] -> f32[4,4]",
      """
      %2: f32[4,4] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[4,4] = cumsum %2 {axis=0}
      %4: f32[4,4] = add %2, %3
      return %4
      """)
    #expect(fused.instructions.map(\.op.name) == ["dot_general", "cumsum", "fusion"])
    #expect(fused.regions == [["add"]])
  }

  @Test("Two products whose regions would wait for each other are taken apart")
  func circle() throws {
    // %2 would go with %6, which waits for the sum over %3; %3 with %7, which waits for that over %2.
    let fused = try fuse(
      "f32[4,4], f32[4,4] -> f32[4,4], f32[4,4]",
      """
      %2: f32[4,4] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[4,4] = dot_general %1, %0 {contract=[1]x[0]}
      %4: f32[4,4] = cumsum %2 {axis=0}
      %5: f32[4,4] = cumsum %3 {axis=0}
      %6: f32[4,4] = mul %2, %5
      %7: f32[4,4] = sub %3, %4
      return %6, %7
      """)
    #expect(fused.instructions.count == 5)
    #expect(fused.instructions.count { $0.op.name == "fusion" } == 2)
  }

  @Test("So are those of which the search does not see that they wait for each other")
  func longCircle() throws {
    // %2 goes with %9 and %3 with %5; then %5 waits for %2, and %9 for %3, over three instructions.
    let fused = try fuse(
      "f32[4,4], f32[4,4] -> f32[4,4], f32[4,4]",
      """
      %2: f32[4,4] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[4,4] = dot_general %1, %0 {contract=[1]x[0]}
      %4: f32[4,4] = cumsum %2 {axis=0}
      %5: f32[4,4] = add %3, %4
      %6: f32[4,4] = cumsum %3 {axis=0}
      %7: f32[4,4] = cumsum %6 {axis=0}
      %8: f32[4,4] = cumsum %7 {axis=0}
      %9: f32[4,4] = mul %2, %8
      return %5, %9
      """)
    #expect(fused.regions == [["add"], ["mul"]])
  }

  static let left: [(reason: String, signature: String, body: String)] = [
    (
      "its reader reads it at another index", "f32[4,4], f32[4,4] -> f32[4,4]",
      """
      %2: f32[4,4] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[4,4] = transpose %2 {permutation=[1,0]}
      %4: f32[4,4] = add %3, %2
      return %4
      """
    ),
    (
      "its reader is a region with rows", "f32[4,6], f32[6,8] -> f32[4,8]",
      """
      %2: f32[4,8] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[4,8] = exp %2
      %4: f32[4] = reduce_sum %3 {axes=[1]}
      %5: f32[4,8] = broadcast_in_dim %4 {dims=[0]}
      %6: f32[4,8] = div %3, %5
      return %6
      """
    ),
    (
      "it is one number", "f32[4], f32[4] -> f32[]",
      """
      %2: f32[] = dot_general %0, %1 {contract=[0]x[0]}
      %3: f32[] = exp %2
      return %3
      """
    ),
    (
      "its features are not innermost", "f32[2,3,8], f32[5,3,3] -> f32[2,5,6]",
      """
      %2: f32[2,5,6] = conv_general_dilated %0, %1 {input=[0,1,2], kernel=[0,1,2], output=[0,1,2]}
      %3: f32[2,5,6] = exp %2
      return %3
      """
    ),
    (
      "its input is spread, so that it is made in phases", "f32[2,8,3], f32[3,3,5] -> f32[2,13,5]",
      """
      %2: f32[2,13,5] = conv_general_dilated %0, %1 {input=[0,2,1], kernel=[2,1,0], output=[0,2,1], input_dilation=[2]}
      %3: f32[2,13,5] = exp %2
      return %3
      """
    ),
  ]

  @Test("A product stays alone if …", arguments: left.indices)
  func leaves(index: Int) throws {
    let (reason, signature, body) = ContractionFusionTests.left[index]
    let fused = try fuse(signature, body)
    #expect(fused.instructions.allSatisfy { $0.fusionKind != .contraction }, "\(reason)")
  }

  @Test("A convolution with its features innermost takes bias and activation")
  func convolution() throws {
    let fused = try fuse(
      "f32[2,8,3], f32[3,3,5], f32[5] -> f32[2,6,5]",
      """
      %3: f32[2,6,5] = conv_general_dilated %0, %1 {input=[0,2,1], kernel=[2,1,0], output=[0,2,1]}
      %4: f32[2,6,5] = broadcast_in_dim %2 {dims=[2]}
      %5: f32[2,6,5] = add %3, %4
      %6: f32[2,6,5] = max %5, 0.0
      return %6
      """)
    #expect(fused.regions == [["conv_general_dilated", "broadcast_in_dim", "add", "max"]])
    #expect(fused.instructions.map(\.fusionKind) == [.contraction])
  }
}

extension Instruction {
  fileprivate var fusionKind: Op.FusionKind? {
    if case .fusion(let fusion) = op { return fusion.kind }
    return nil
  }
}
