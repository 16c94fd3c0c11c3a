// Random keys and bits against values drawn with JAX 0.10.2, and erf_inv, which turns them into normals.

import BloxIR
import Testing

@testable import BloxRuntime

struct ReferenceRandomTests: ReferenceSuite {
  /// Keys from seeds, in any integer dtype.
  private func key(_ seeds: DenseConstant) throws -> DenseConstant { try evaluate(.random(.seed), seeds) }
  private func words(_ keys: DenseConstant) throws -> [UInt64] { try evaluate(.random(.unwrap), keys).patterns }
  private var key42: DenseConstant { get throws { try key(tensor(.i32, [42], [])) } }

  @Test("seeds become keys: 32 bits into the second word, 64 bits into both")
  func seed() throws {
    #expect(try words(key(tensor(.i32, [42], []))) == [0, 42])
    #expect(try words(key(tensor(.i32, [-1], []))) == [0, 0xFFFF_FFFF])
    #expect(try words(key(tensor(.i8, [-1, 5]))) == [0, 0xFFFF_FFFF, 0, 5])
    #expect(try words(key(tensor(.u16, [65535], []))) == [0, 65535])
    #expect(try words(key(tensor(.i64, bits: [0x2_0000_0005], []))) == [2, 5])
    #expect(try words(key(tensor(.i64, [-1], []))) == [0xFFFF_FFFF, 0xFFFF_FFFF])
    #expect(try words(key(tensor(.u64, bits: [0x1_0000_0005], []))) == [1, 5])
  }

  @Test("wrap and unwrap are inverse and keep the order of the words")
  func wrap() throws {
    let pairs = tensor(.u32, [1, 2, 3, 4], [2, 2])
    let keys = try evaluate(.random(.wrap), pairs)
    #expect(keys == tensor(.key, bits: [0x1_0000_0002, 0x3_0000_0004]))
    #expect(try evaluate(.random(.unwrap), keys) == pairs)
  }

  @Test("fold_in equals JAX's")
  func foldIn() throws {
    let fold = { (key: DenseConstant, data: UInt64) in
      try self.words(evaluate(.random(.foldIn), key, tensor(.u32, bits: [data], [])))
    }
    #expect(try fold(key42, 0) == [1_832_780_943, 270_669_613])
    #expect(try fold(key42, 7) == [2_547_012_911, 1_371_500_959])
    #expect(try fold(key(tensor(.i32, [-1], [])), 0xFFFF_FFFF) == [3_708_439_410, 3_860_806_197])
  }

  @Test("split equals JAX's, for one key, for a shape and key by key")
  func split() throws {
    let three = try evaluate(.random(.split([3])), key42)
    #expect(three.type == TensorType(.key, [3]))
    let expected: [UInt64] = [
      1_832_780_943, 270_669_613, 64_467_757, 2_916_123_636, 2_465_931_498, 255_383_827,
    ]
    #expect(try words(three) == expected)
    let square = try evaluate(.random(.split([2, 2])), key(tensor(.i32, [5], [])))
    #expect(square.type == TensorType(.key, [2, 2]))
    #expect(
      try words(square) == [
        2_724_472_204, 3_573_582_090, 202_567_368, 3_886_822_060, 3_594_430_910, 1_784_718_894, 2_939_540_675,
        3_076_691_462,
      ])
    let twoKeys = try evaluate(.random(.split([2])), key42)
    #expect(
      try evaluate(.random(.bits(shape: [2], .u32)), twoKeys)
        == tensor(.u32, [2_277_453_133, 1_345_880_512, 3_125_294_276, 3_383_865_362], [2, 2]))
  }

  @Test("bits of every width equal JAX's")
  func bits() throws {
    let draw = { (shape: [Int], dtype: DType) in try evaluate(.random(.bits(shape: shape, dtype)), key42) }
    #expect(
      try draw([2, 3], .u32)
        == tensor(
          .u32, [2_098_992_034, 2_919_706_841, 2_646_866_425, 2_409_546_199, 1_935_504_149, 2_516_274_904], [2, 3]))
    #expect(try draw([2, 3], .u16) == tensor(.u16, [5026, 12505, 63993, 49623, 29461, 20184], [2, 3]))
    #expect(try draw([2, 3], .u8) == tensor(.u8, [162, 217, 249, 215, 21, 216], [2, 3]))
    #expect(
      try draw([3], .u64)
        == tensor(.u64, bits: [7_871_734_211_187_709_741, 276_886_910_877_598_708, 10_591_095_138_341_673_235]))
    #expect(try draw([0], .u32).type == TensorType(.u32, [0]))
  }

  // MARK: - erf_inv

  /// 40 uniforms on (-1, 1), then special values and the seams of the approximations, and XLA's results.
  static let erfInvInputs: [UInt64] = [
    0x3EB2_44A2, 0x3F73_00FD, 0xBEC9_E35E, 0xBDE5_8BB8, 0x3EEC_6D8A, 0x3E86_126A, 0xBDD2_BCD8, 0xBE35_495C,
    0xBF5C_47E3, 0xBF52_0E9F, 0xBE83_E5C6, 0x3F2E_B879, 0x3ECE_2182, 0xBF6B_53DB, 0x3F5C_0941, 0xBCF6_7460,
    0xBE4D_E9BC, 0x3F09_222D, 0xBE89_4626, 0x3F72_EEE1, 0x3F5E_C671, 0xBE53_1B0C, 0xBE99_4ED6, 0x3EB7_99DA,
    0x3F02_A121, 0xBF44_A077, 0x3F12_A635, 0xBE91_300E, 0x3D4B_4B90, 0xBED3_0C8E, 0x3F6A_0C4D, 0xBF70_A547,
    0x3F55_A119, 0xBEE4_60BE, 0xBF72_1017, 0x3F66_B55D, 0xBF56_BAB3, 0x3D27_7E10, 0x3E30_28A4, 0xBE97_777E,
    0x0000_0000, 0x8000_0000, 0x3F80_0000, 0xBF80_0000, 0x4000_0000, 0x7FC0_0000, 0x7F80_0000, 0x0001_16C2,
    0x0DA2_4260, 0xB727_C5AC, 0x3ED4_13CB, 0x3F00_0000, 0x3F24_C297, 0x3F7D_70A4, 0x3F7E_353F, 0x3F7E_425B,
    0x3F7E_48E9, 0x3F7F_BE77, 0xBF7F_F972, 0x3F7F_FF58, 0x3F7F_FFFF, 0xBF7F_FFFF, 0x3E80_0000, 0x3F40_0000,
  ]
  static let erfInvResults: [UInt64] = [
    0x3EA3_5D55, 0x3FB0_CE63, 0xBEBA_E60E, 0xBDCC_1A75, 0x3EDE_D567, 0x3E72_122D, 0xBDBB_483A, 0xBE22_00A6,
    0xBF85_BB8D, 0xBF73_0060, 0xBE6D_FFD4, 0x3F34_F307, 0x3EBF_353C, 0xBF9E_0F8C, 0x3F85_6918, 0xBCDA_776A,
    0xBE38_762F, 0x3F04_75E8, 0xBE78_14C7, 0x3FB0_986E, 0x3F89_1E2A, 0xBE3D_3823, 0xBE8B_38E3, 0x3EA8_9D52,
    0x3EFA_131C, 0xBF58_647C, 0x3F0F_BE38, 0xBE83_8134, 0x3D34_4831, 0xBEC4_3CC7, 0x3F9B_84D2, 0xBFAA_3E9D,
    0x3F7B_0872, 0xBED6_4604, 0xBFAE_13D8, 0x3F95_680A, 0xBF7D_9BBD, 0x3D14_8057, 0x3E1D_58A5, 0xBE89_7787,
    0x0000_0000, 0x8000_0000, 0x7F80_0000, 0xFF80_0000, 0x7FFF_FFFF, 0x7FC0_0000, 0x7FFF_FFFF, 0x0000_0000,
    0x0D8F_CC6C, 0xB714_AF27, 0x3EC5_4B33, 0x3EF4_30FE, 0x3F26_F144, 0x3FE9_2333, 0x3FF4_1722, 0x3FF4_F685,
    0x3FF5_686C, 0x4014_E999, 0xC030_10D3, 0x4047_E297, 0x4075_47CA, 0xC075_47CA, 0x3E66_B835, 0x3F50_3C48,
  ]

  @Test("erf_inv in f32 is XLA's, bit for bit")
  func erfInv() throws {
    let results = try evaluate(.unary(.erfInv), tensor(.f32, bits: Self.erfInvInputs)).patterns
    for (index, (result, expected)) in zip(results, Self.erfInvResults).enumerated() {
      let bothNaN =
        Literal(dtype: .f32, bits: result).doubleValue.isNaN
        && Literal(dtype: .f32, bits: expected).doubleValue.isNaN
      #expect(bothNaN || result == expected, "at \(Literal(dtype: .f32, bits: Self.erfInvInputs[index]).doubleValue)")
    }
  }

  @Test("a program that draws normals draws JAX's, bit for bit")
  func normal() throws {
    // normal = √2 · erf_inv(u), u = max(low, fma(f, 2, low)), f in [0, 1) from 23 random bits.
    var b = ProgramBuilder(name: "normal")
    let shape = [8]
    let splat = { (value: Double, dtype: DType) in Operand.splat(Literal(value, as: dtype), shape: shape) }
    let low = splat(-0.99999994, .f32)
    let key = Operand.value(b.parameter(TensorType(.key)))
    let words = try b.emitOne(.random(.bits(shape: shape, .u32)), [key])
    let mantissa = try b.emitOne(.binary(.shiftRightLogical), [words, splat(9, .u32)])
    let pattern = try b.emitOne(.binary(.or), [mantissa, splat(0x3F80_0000, .u32)])
    let unit = try b.emitOne(.binary(.sub), [try b.emitOne(.bitcastConvert(.f32), [pattern]), splat(1, .f32)])
    let uniform = try b.emitOne(.binary(.max), [low, try b.emitOne(.fma, [unit, splat(2, .f32), low])])
    let root = splat(Double(Float(2).squareRoot()), .f32)
    let normal = try b.emitOne(.binary(.mul), [root, try b.emitOne(.unary(.erfInv), [uniform])])
    let program = b.finish(results: [ProgramResult(normal)])

    #expect(
      try ReferenceInterpreter.run(program, [self.key(tensor(.i32, [3], []))])[0].patterns == [
        0xBFB9_1EF3, 0x3FC5_0A70, 0x3EC3_D7DC, 0x3FFC_3FF5, 0xBF16_715F, 0x3E56_710D, 0xBF9F_66ED, 0xBE9A_4D35,
      ])
  }

  @Test("erf_inv in f64 is accurate to a few units in the last place up to the ends")
  func erfInvDouble() throws {
    // Computed with 60 digits; XLA's own f64 is off in the twelfth at the second last of them.
    let inputs = [1e-300, 1e-10, 0.05, 0.3, -0.5, 0.9, 0.999, 1 - 1e-10, 1 - 0x1p-53]
    let expected = [
      8.862269254527580e-301, 8.862269254527581e-11, 0.044340387910005497, 0.2724627147267543, -0.4769362762044699,
      1.1630871536766743, 2.3267537655135246, 4.572824958544925, 5.8635847487551676,
    ]
    let results = try evaluate(.unary(.erfInv), tensor(.f64, inputs)).numbers
    for (result, expected) in zip(results, expected) { #expect(abs(result - expected) <= 1e-15 * abs(expected)) }
  }

  @Test("Float.addingProduct rounds once, which erf_inv and fma rely on")
  func fusedMultiplyAdd() {
    let x = Float(1 + 0x1p-12)
    #expect(Float(-1).addingProduct(x, x) == Float(0x1p-11 + 0x1p-24))
    #expect(Float(-1) + x * x == Float(0x1p-11))
  }
}
