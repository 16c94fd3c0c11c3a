// Values as they are written on command lines and in directives.

import BloxIR
import BloxNN
import BloxTools
import Testing

@Suite("Values as text")
struct ValueSpecTests {
  private func value(_ text: String, _ type: TensorType? = nil, seed: UInt64 = 0) throws -> DenseConstant {
    try ValueSpec(text).value(for: type, seed: seed, index: 0)
  }

  private func numbers(_ x: DenseConstant) -> [Double] { (0..<x.type.elementCount).map { x[$0].doubleValue } }

  @Test("Elements, splats, scalars, and types in both notations")
  func elements() throws {
    #expect(try numbers(value("3xf32=1,2.5,-3e2")) == [1, 2.5, -300])
    #expect(try value("3xf32=1,2,3") == value("f32[3]=1 2 3"))
    #expect(try value("2x3xf32=0.5") == DenseConstant(Literal(0.5, as: .f32), shape: [2, 3]))
    #expect(try value("i64=-9223372036854775808") == DenseConstant(.lowest(.i64), shape: []))
    #expect(try value("u64=18446744073709551615") == DenseConstant(.highest(.u64), shape: []))
    #expect(try numbers(value("4xbool=true,false,1,0")) == [1, 0, 1, 0])
    #expect(try numbers(value("2xf16=inf,-inf")) == [.infinity, -.infinity])
    #expect(try value("0x3xf32=").type == TensorType(.f32, [0, 3]))
    #expect(try value("1.5", TensorType(.bf16, [2])) == DenseConstant(Literal(1.5, as: .bf16), shape: [2]))
    #expect(try value("key(42)") == Key(42).tensor.constant())
    #expect(try value("2xkey=key(1),key(0x0000000200000003)")[1].bits == 0x2_0000_0003)
    #expect(try numbers(value("2x3xi8=iota")) == [0, 1, 2, 3, 4, 5])
  }

  @Test("Any tensor is written so that it comes back bit for bit", arguments: DType.allCases)
  func written(dtype: DType) throws {
    let elements = (0..<6).map { Literal(dtype: dtype, bits: UInt64($0) &* 0xFEDC_BA98_7654_3211 ^ 0x7FF8_7FC0_7E00) }
    for type in [TensorType(dtype, [2, 3]), TensorType(dtype, [6])] {
      let x = DenseConstant(type: type, elements: elements)
      #expect(try value(x.written) == x)
    }
    #expect(try value(DenseConstant(elements[1], shape: []).written) == DenseConstant(elements[1], shape: []))
  }

  @Test("Random values are those of JAX's keys, by position")
  func random() throws {
    let type = TensorType(.f32, [5])
    #expect(try value("random", type, seed: 7) == Key(7).foldIn(0).normal([5]).constant())
    #expect(try value("5xf32=random:uniform", seed: 7) == Key(7).foldIn(0).uniform([5]).constant())
    #expect(try numbers(value("100xf64=random:-3..-2")).allSatisfy { (-3 ..< -2).contains($0) })
    #expect(try Set(numbers(value("500xi8=random:-2..3"))) == [-2, -1, 0, 1, 2, 3])
    #expect(try Set(numbers(value("500xu8=random"))) == Set((0...9).map(Double.init)))
    for dtype in DType.allCases {
      #expect(try value("random", TensorType(dtype, [2, 0])).type == TensorType(dtype, [2, 0]))
    }
  }

  @Test("What is no value says why")
  func errors() throws {
    for (text, type, message) in [
      ("banana", nil, "'banana' is no value; write a type and elements such as 3xf32=1,2,3"),
      ("3xf32=1,2", nil, "'3xf32=1,2' gives 2 elements; f32[3] has 3, or 1 for all"),
      ("u8=300", nil, "'300' in 'u8=300' is no u8; it holds whole numbers from 0 to 255"),
      ("i32=1.5", nil, "'1.5' in 'i32=1.5' is no i32"),
      ("f32=1e99", nil, "'1e99' in 'f32=1e99' is no f32"),
      ("bool=2", nil, "'2' in 'bool=2' is no bool; write true or false"),
      ("key=42", nil, "'42' in 'key=42' is no key; write key(42)"),
      ("random:gamma", nil, "random:gamma: there are random:normal, random:uniform and ranges"),
      ("random:3..1", nil, "random:3..1: there are random:normal"),
      ("f32=random:-3e38..3e38", nil, "'f32=random:-3e38..3e38': f32 does not hold the bounds and their difference"),
      ("f16=random:0..1e5", nil, "f16 does not hold the bounds"),
      ("i8=random:0..300", nil, "the bounds are no whole numbers of i8"),
      ("bool=random:normal", nil, "cannot be drawn for bool[]"),
      ("random", nil, "'random' needs a type before it, as in 3xf32=random"),
      ("2xf32=1", TensorType(.f32, [3]), "'2xf32=1' is of type f32[2]; f32[3] is needed"),
      ("99999999999xf64=1", nil, "f64[99999999999] is too large to be written down; load it from a file"),
      ("9223372036854775807x2xf64=1", nil, "does not fit in memory"),
      ("@x.bin", nil, "cannot tell the format of this file"),
      ("@missing.npy", nil, "cannot read missing.npy: No such file or directory"),
    ] as [(String, TensorType?, String)] {
      let error = #expect(throws: BloxError.self, "\(text)") { try value(text, type) }
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
  }

  private func arguments(_ texts: String...) throws -> [[Double]] {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @f(%0: f32[2] {arg="x"}, %1: i32[] {path="net/w=1"}, %2: f32[3]) -> (f32[2]) {
          return %0
        }
        """)
    return try Binding.arguments(texts, for: program, seed: 0).map(numbers)
  }

  @Test("Names go first, positions after, and the last one without a type fills up")
  func binding() throws {
    #expect(try arguments("x=1,2", "3", "f32[3]=4") == [[1, 2], [3], [4, 4, 4]])
    #expect(try arguments("f32[3]=4", "net/w=1=5", "x=iota") == [[0, 1], [5], [4, 4, 4]])
    #expect(try arguments("1,2", "iota") == [[1, 2], [0], [0, 1, 2]])
    #expect(try arguments("7") == [[7, 7], [7], [7, 7, 7]])
    for (texts, message) in [
      ([], "@f needs a value for x: f32[2], net/w=1: i32[], input 2: f32[3]; give --input once for each"),
      (["x=1", "x=2", "3"], "the input x is given twice"),
      (["y=1"], "there is no input named 'y'; there are x, net/w=1"),
      (["2xf32=1", "i32=2", "f32[3]=1", "4"], "4 values are given for 3 inputs: '4' is one too many"),
      (["2xf32=1"], "@f needs a value for net/w=1: i32[], input 2: f32[3]"),
      (["1,2,3", "1"], "x: '1,2,3' gives 3 elements; f32[2] has 2, or 1 for all"),
    ] as [([String], String)] {
      let program = try Program(
        parsing: """
          // blox-ir 1
          program @f(%0: f32[2] {arg="x"}, %1: i32[] {path="net/w=1"}, %2: f32[3]) -> (f32[2]) {
            return %0
          }
          """)
      let error = #expect(throws: BloxError.self) { try Binding.arguments(texts, for: program, seed: 0) }
      #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }
  }
}
