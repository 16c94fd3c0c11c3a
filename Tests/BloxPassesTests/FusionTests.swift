// Which regions the fusion pass makes, and why.

import BloxIR
import Testing

@testable import BloxPasses

struct FusionTests {
  @Test("Bias and activation become one region with the product, and the region before it another")
  func boundaries() throws {
    let fused = try fuse(
      "f32[8,4], f32[4,6], f32[6] -> f32[8,6]",
      """
      %3: f32[8,4] = tanh %0
      %4: f32[8,6] = dot_general %3, %1 {contract=[1]x[0]}
      %5: f32[8,6] = broadcast_in_dim %2 {dims=[1]}
      %6: f32[8,6] = add %4, %5
      %7: f32[8,6] = max %6, 0.0
      return %7
      """)
    #expect(
      fused.body == """
        %3: f32[8,4] = fusion %0 {kind=loop} region(%4: f32[8,4]) {
          %5: f32[8,4] = tanh %4
          return %5
        }
        %6: f32[8,6] = fusion %3, %1, %2 {kind=contraction}
            region(%7: f32[8,4], %8: f32[4,6], %9: f32[6]) {
          %10: f32[8,6] = dot_general %7, %8 {contract=[1]x[0]}
          %11: f32[8,6] = broadcast_in_dim %9 {dims=[1]}
          %12: f32[8,6] = add %10, %11
          %13: f32[8,6] = max %12, 0.0
          return %13
        }
        return %6
        """)
  }

  @Test("Cheap values are repeated by their readers, expensive ones are computed once")
  func recomputation() throws {
    let fused = try fuse(
      "f32[4], f32[4,4] -> f32[4,4], f32[4,4]",
      """
      %2: f32[4] = exp %0
      %3: f32[4,4] = broadcast_in_dim %2 {dims=[1]}
      %4: f32[4,4] = add %1, %3
      %5: f32[4,4] = dot_general %4, %1 {contract=[1]x[0]}
      %6: f32[4,4] = mul %5, %3
      return %4, %6
      """)
    #expect(fused.regions == [["exp"], ["broadcast_in_dim", "add"], ["dot_general", "broadcast_in_dim", "mul"]])
  }

  @Test("What a cheap member is computed from is a result where others repeat the member")
  func repeatedMember() throws {
    // The broadcast is stored for the product, and repeated for the last region, which then needs the maxima.
    let fused = try fuse(
      "f32[4,4], f32[4,4] -> f32[4,4], f32[4,4]",
      """
      %2: f32[4,4] = tanh %0
      %3: f32[4] = reduce_max %2 {axes=[1]}
      %4: f32[4,4] = broadcast_in_dim %3 {dims=[0]}
      %5: f32[4,4] = mul %2, %4
      %6: f32[4,4] = dot_general %1, %4 {contract=[1]x[0]}
      %7: f32[4,4] = dot_general %1, %6 {contract=[1]x[0]}
      %8: f32[4,4] = exp %7
      %9: f32[4,4] = mul %8, %4
      return %5, %9
      """)
    #expect(
      fused.regions == [
        ["tanh", "reduce_max", "broadcast_in_dim", "mul"], ["dot_general", "exp", "broadcast_in_dim", "mul"],
      ]
    )
    #expect(fused.instructions[0].results.map { fused.type(of: $0).shape } == [[4], [4, 4], [4, 4]])
  }

  @Test("The updates of one parameter and its moments are one region, those of another parameter another")
  func siblings() throws {
    let fused = try fuse(
      "f32[3], f32[3], f32[3], f32[3], f32[3], f32[] -> f32[3], f32[3], f32[3]",
      """
      %6: f32[3] = mul %1, 0.9
      %7: f32[3] = mul %2, 0.1
      %8: f32[3] = add %6, %7
      %9: f32[3] = broadcast_in_dim %5 {dims=[]}
      %10: f32[3] = mul %9, %2
      %11: f32[3] = sub %0, %10
      %12: f32[3] = mul %9, %4
      %13: f32[3] = sub %3, %12
      return %8, %11, %13
      """)
    #expect(
      fused.regions == [
        ["mul", "mul", "add", "broadcast_in_dim", "mul", "sub"], ["broadcast_in_dim", "mul", "sub"],
      ])
  }

  @Test("Regions never depend on each other in a circle")
  func noCycles() throws {
    // %2 and %4 share %0, but %4 waits for the product of %2.
    let fused = try fuse(
      "f32[4,4] -> f32[4,4], f32[4,4]",
      """
      %1: f32[4,4] = exp %0
      %2: f32[4,4] = dot_general %1, %0 {contract=[1]x[0]}
      %3: f32[4,4] = add %2, %0
      %4: f32[4,4] = mul %3, %1
      return %4, %3
      """)
    #expect(fused.regions == [["exp"], ["dot_general", "add", "mul"]])
  }

  @Test("A dropout mask is drawn where it is used first, a mask of relu is stored for the gradient")
  func sinking() throws {
    let fused = try fuse(
      "key[], f32[4,4], f32[4,4] -> f32[4,4]",
      """
      %3: u32[4,4] = random_bits %0 {shape=[4,4]}
      %4: bool[4,4] = compare %3, 9 {direction=lt}
      %5: f32[4,4] = tanh %1
      %6: bool[4,4] = compare %5, 0.0 {direction=gt}
      %7: f32[4,4] = max %5, 0.0
      %8: f32[4,4] = dot_general %7, %2 {contract=[1]x[0]}
      %9: f32[4,4] = select %4, %8, 0.0
      %10: f32[4,4] = select %6, %9, 0.0
      return %10
      """)
    #expect(
      fused.regions == [["tanh", "compare", "max"], ["dot_general", "random_bits", "compare", "select", "select"]])
  }

  @Test("Transposes and slices are read through, and copied where a product needs them")
  func movement() throws {
    let fused = try fuse(
      "f32[4,6], f32[6,4] -> f32[6,4], f32[6,6], f32[2]",
      """
      %2: f32[6,4] = transpose %0 {permutation=[1,0]}
      %3: f32[6,4] = add %2, %1
      %4: f32[4,6] = transpose %1 {permutation=[1,0]}
      %5: f32[6,6] = dot_general %1, %4 {contract=[1]x[0]}
      %6: f32[2,1] = slice %0 {start=[0,0], limit=[2,1]}
      %7: f32[2] = reshape %6
      return %3, %5, %7
      """)
    #expect(fused.regions == [["transpose", "add"]])
    #expect(fused.instructions.map(\.op.name) == ["fusion", "transpose", "dot_general", "slice", "reshape"])
  }

  @Test("A movement of a computed value reads it from memory, even in a region that repeats it")
  func computedMovement() throws {
    let fused = try fuse(
      "i32[3,3] -> f32[3,3]",
      """
      %1: f32[3,3] = convert %0
      %2: f32[3,3] = transpose %1 {permutation=[1,0]}
      %3: f32[3,3] = add %1, %2
      return %3
      """)
    #expect(fused.regions == [["convert"], ["transpose", "add"]])
    #expect(fused.instructions.allSatisfy { $0.op.region?.isValidRegion != false })
  }

  @Test("Softmax is one region with rows, and with a sum of its columns; a reduction of a value alone stays outside")
  func rows() throws {
    let fused = try fuse(
      "f32[4,8] -> f32[4,8], f32[8], f32[4]",
      """
      %1: f32[4] = reduce_max %0 {axes=[1]}
      %2: f32[4,8] = broadcast_in_dim %1 {dims=[0]}
      %3: f32[4,8] = sub %0, %2
      %4: f32[4,8] = exp %3
      %5: f32[4] = reduce_sum %4 {axes=[1]}
      %6: f32[4,8] = broadcast_in_dim %5 {dims=[0]}
      %7: f32[4,8] = div %4, %6
      %8: f32[8] = reduce_sum %7 {axes=[0]}
      %9: f32[8,4] = transpose %0 {permutation=[1,0]}
      %10: f32[4] = reduce_sum %9 {axes=[0]}
      return %7, %8, %10
      """)
    #expect(
      fused.body == """
        %1: f32[4,8], %2: f32[8] = fusion %0 {kind=row} region(%3: f32[4,8]) {
          %4: f32[4] = reduce_max %3 {axes=[1]}
          %5: f32[4,8] = broadcast_in_dim %4 {dims=[0]}
          %6: f32[4,8] = sub %3, %5
          %7: f32[4,8] = exp %6
          %8: f32[4] = reduce_sum %7 {axes=[1]}
          %9: f32[4,8] = broadcast_in_dim %8 {dims=[0]}
          %10: f32[4,8] = div %7, %9
          %11: f32[8] = reduce_sum %10 {axes=[0]}
          return %10, %11
        }
        %12: f32[8,4] = transpose %0 {permutation=[1,0]}
        %13: f32[4] = reduce_sum %12 {axes=[0]}
        return %1, %2, %13
        """)
  }

  @Test("Regions with rows are joined only if no way leads out of them and back")
  func rowsWithoutCycles() throws {
    // What the product gives is added to what it is made of: exp cannot wait for both.
    let fused = try fuse(
      "f32[4,4] -> f32[4]",
      """
      %1: f32[4,4] = exp %0
      %2: f32[4] = reduce_sum %1 {axes=[1]}
      %3: f32[4,4] = dot_general %1, %0 {contract=[1]x[0]}
      %4: f32[4,4] = broadcast_in_dim %2 {dims=[0]}
      %5: f32[4,4] = add %3, %4
      %6: f32[4] = reduce_max %5 {axes=[1]}
      return %6
      """)
    #expect(fused.regions == [["exp", "reduce_sum"], ["broadcast_in_dim", "add", "reduce_max"]])
    #expect(fused.instructions.map(\.op.name) == ["fusion", "dot_general", "fusion"])
  }

  @Test("What follows two reductions joins them, although a way leads around it until the second one has joined")
  func rowsAlongAWay() throws {
    let fused = try fuse(
      "f32[4,8], f32[4,8] -> f32[4,8]",
      """
      %2: f32[4,8] = mul %0, %1
      %3: f32[4] = reduce_sum %2 {axes=[1]}
      %4: f32[4,8] = broadcast_in_dim %3 {dims=[0]}
      %5: f32[4,8] = add %2, %1
      %6: f32[4,8] = mul %4, %0
      %7: f32[4] = reduce_sum %6 {axes=[1]}
      %8: f32[4,8] = broadcast_in_dim %7 {dims=[0]}
      %9: f32[4,8] = add %5, %6
      %10: f32[4,8] = add %9, %8
      return %10
      """)
    #expect(fused.instructions.map(\.op.name) == ["fusion"])
  }

  @Test("A draw whose key depends on a row is a region of its own, since it reads keys from memory")
  func keysOfRows() throws {
    let fused = try fuse(
      "key[], i32[3] -> u16[3]",
      """
      %2: i32[] = reduce_sum %1 {axes=[0]}
      %3: bool[] = compare %2, 4 {direction=gt}
      %4: key[] = select %3, %0, %0
      %5: u16[3] = random_bits %4 {shape=[3]}
      return %5
      """)
    #expect(fused.regions == [["reduce_sum", "compare", "select"], ["random_bits"]])
  }

  @Test("Rows of two lengths are two regions")
  func rowLengths() throws {
    let fused = try fuse(
      "f32[2,3,4] -> f32[2,3], f32[2]",
      """
      %1: f32[2,3,4] = exp %0
      %2: f32[2,3] = reduce_sum %1 {axes=[2]}
      %3: f32[2,3] = log %2
      %4: f32[2,3] = neg %3
      %5: f32[2] = reduce_max %4 {axes=[1]}
      return %3, %5
      """)
    #expect(fused.regions == [["exp", "reduce_sum", "log", "neg"]])
    #expect(fused.instructions.map(\.op.name) == ["fusion", "reduce_max"])
  }

  @Test("No region reads more tensors than the limit")
  func inputs() throws {
    let program = try makeProgram(Array(repeating: .f32(5), count: 60)) { (b, x) throws(BloxError) in
      var sum = x[0]
      for y in x.dropFirst() { sum = try b.add(sum, y) }
      return [sum]
    }
    let fused = try program.fused()
    let counts = fused.instructions.map(\.operands.count)
    #expect(counts == [24, 24, 14])
  }

  @Test("Twenty thousand instructions with rows fuse within seconds as well", .timeLimit(.minutes(10)))
  func linearWorkOfRows() throws {
    let program = try makeProgram([.f32(4, 4)]) { (b, x) throws(BloxError) in
      var y = x[0]
      for index in 0..<4000 {
        let sum = try b.emitOne(.reduce(.sum, axes: [1]), [y])
        let rows = try b.emitOne(.broadcastInDim(shape: [4, 4], dims: [0]), [sum])
        y = try b.unary(.tanh, b.add(rows, y))
        if index % 3 == 0 {
          y = try b.emitOne(.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0])), [y, x[0]])
        }
      }
      return [y]
    }
    let fused = try program.fused()
    try fused.verify()
    #expect(fused.instructions.allSatisfy { $0.op.region?.isValidRegion != false })
  }

  @Test("Twenty thousand instructions fuse within seconds: work is linear", .timeLimit(.minutes(10)))
  func linearWork() throws {
    let count = 20_000
    let program = try makeProgram([.f32(4, 4)]) { (b, x) throws(BloxError) in
      var y = x[0]
      let dims = Op.DotDimensions(lhsContract: [1], rhsContract: [0])
      for index in 0..<count / 5 {
        let z = try b.add(b.mul(y, y), b.splat(Double(index), like: y))
        y = try b.emitOne(.dotGeneral(dims), [b.unary(.tanh, z), y])
        y = try b.add(y, z)
      }
      return [y]
    }
    #expect(try program.fused().instructions.count == count / 5 + 1)
  }
}

/// Fuses a program of the given parameters, results and instructions.
func fuse(_ signature: String, _ body: String, donated: [Int] = []) throws -> Program {
  let testCase = SimplificationCase(rule: "", signature: signature, before: body, after: body)
  var program = try testCase.program(body)
  for index in donated { program.parameters[index].isDonated = true }
  let fused = try program.fused()
  try fused.verify()
  return fused
}

extension Program {
  /// The names of the instructions in each region.
  var regions: [[String]] {
    instructions.compactMap { $0.op.region?.instructions.map(\.op.name) }
  }

  /// The text between the braces, without indentation.
  var body: String {
    text().split(separator: "\n").filter { $0.hasPrefix("  ") }.map { $0.dropFirst(2) }
      .drop { !$0.hasPrefix("%") || $0.contains("=") == false }.joined(separator: "\n")
  }
}
