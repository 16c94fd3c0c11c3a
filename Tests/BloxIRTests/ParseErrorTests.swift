import Testing

@testable import BloxIR

@Suite("Errors of program text")
struct ParseErrorTests {
  private func failure(of text: String) -> BloxError? {
    do {
      _ = try Program(parsing: text, fileName: "m")
      return nil
    } catch { return error }
  }

  /// Statements of a program with the parameters `%0: f32[3]` and `%1: i32[3]`; they stand on line 3.
  static let statements: [(String, String)] = [
    (
      "%2: f32[3] = ad %0, %0",
      "m:3:16: got 'ad', expected an op (did you mean 'add'?)"
    ),
    (
      "%2: f32[3] = exponential %0",
      "m:3:16: got 'exponential', expected an op"
    ),
    (
      "%2: f32[3] = add %0, %7",
      "m:3:24: got '%7', expected a value that is defined before"
    ),
    (
      "%2: f32[3] = add %0, 1.0.0",
      "m:3:24: got '1.0.0', expected a number for f32"
    ),
    (
      "%2: f32[3] = add %0, 1e99",
      "m:3:24: got '1e99', expected a number in the range of f32"
    ),
    (
      "%2: f32[3] = add %0, true",
      "m:3:24: got 'true', expected a number for f32"
    ),
    (
      "%2: i32[3] = add %1, 3000000000",
      "m:3:24: got '3000000000', expected an integer from -2147483648 to 2147483647 for i32"
    ),
    (
      "%2: i32[3] = add %1, 1.0",
      "m:3:24: got '1.0', expected an integer from -2147483648 to 2147483647 for i32"
    ),
    (
      "%2: f32[3] = add %0",
      "m:3:16: add: takes 2 operands; got f32[3]"
    ),
    (
      "%2: f32[3] = add %0, %1",
      "m:3:16: add: operands must have one dtype; got f32[3], i32[3]"
    ),
    (
      "%2: f32[4] = add %0, %0",
      "m:3:7: got f32[4], expected f32[3] as add gives"
    ),
    (
      "%2: f32[4] = add %0, 1.0",
      "m:3:16: add: operands must have one shape; got f32[3], f32[4]"
    ),
    (
      "%2: f32[3] = add %0 %0",
      "m:3:23: got '%0', expected ',' or the end of the line"
    ),
    (
      "%2: f32[3] = add %0, %0,",
      "m:4:3: got 'return', expected a value or a literal"
    ),
    (
      "%2: f32[3] = add %0, {x=1}",
      "m:3:24: got '{', expected a value or a literal"
    ),
    (
      "%2: f32[3] = add %0, %0 {axis=1}",
      "m:3:28: got 'axis', expected no attribute here"
    ),
    (
      "%0: f32[3] = neg %0",
      "m:3:3: got '%0', expected a name that is not defined yet"
    ),
    (
      "%2: f32[3], %2: f32[3] = neg %0",
      "m:3:28: got 2 results, expected 1 from neg"
    ),
    (
      "%2: f32[3], %3: f32[3] = neg %0",
      "m:3:28: got 2 results, expected 1 from neg"
    ),
    (
      "%2: f32[3] neg %0",
      "m:3:14: got 'neg', expected ',' or '=' and an op"
    ),
    (
      "%2 = neg %0",
      "m:3:6: got '=', expected ':' and a type"
    ),
    (
      "%2: f33[3] = neg %0",
      "m:3:7: got 'f33', expected a dtype (did you mean 'f32'?): bool, i8, i16, i32, i64, u8, u16, u32,"
        + " u64, bf16, f16, f32, f64, key"
    ),
    (
      "%2: tensor[3] = neg %0",
      "m:3:7: got 'tensor', expected a dtype: bool, i8, i16, i32, i64, u8, u16, u32, u64, bf16, f16, f32, f64, key"
    ),
    (
      "%2: f32 = neg %0",
      "m:3:11: got '=', expected '[' and the shape"
    ),
    (
      "%2: f32[3 = neg %0",
      "m:3:13: got '=', expected ',' or ']'"
    ),
    (
      "%2: f32[-3] = neg %0",
      "m:3:7: the shape f32[-3] has a negative dimension"
    ),
    (
      "%2: f32[99999999999999999999] = neg %0",
      "m:3:11: got '99999999999999999999', expected an integer of 64 bits"
    ),
    (
      "%2: f32[1000000,1000000,1000000] = neg %0",
      "m:3:7: a tensor of type f32[1000000,1000000,1000000] does not fit in memory; at most 2^47 bytes are allowed"
    ),
    (
      "%2: f32[3] =",
      "m:4:3: got 'return', expected the name of an op"
    ),
    (
      "neg %0",
      "m:3:3: got 'neg', expected '%name: type =' before an op with a result"
    ),
    (
      "%2: f32[3] = exp 1.0",
      "m:3:20: got '1.0', expected a value: exp takes no literal as operand 1; use constant"
    ),
    (
      "%2: f32[] = reduce_sum %0",
      "m:3:15: got 'reduce_sum', expected the attribute axes=[INTEGERS]"
    ),
    (
      "%2: f32[] = reduce_sum %0 {axis=0}",
      "m:3:15: got 'reduce_sum', expected the attribute axes=[INTEGERS]"
    ),
    (
      "%2: f32[] = reduce_sum %0 {axes=0}",
      "m:3:35: got '0', expected axes=[INTEGERS]"
    ),
    (
      "%2: f32[] = reduce_sum %0 {axes=[0], axes=[0]}",
      "m:3:40: got 'axes' twice, expected each attribute once"
    ),
    (
      "%2: f32[] = reduce_sum %0 {axes=[0], keep}",
      "m:3:40: got 'keep', expected one of the attributes axes"
    ),
    (
      "%2: f32[] = reduce_sum %0 {axes=[1]}",
      "m:3:15: reduce_sum: axis 1 is out of range for rank 1; got f32[3]"
    ),
    (
      "%2: f32[] = reduce_sum %0 {axes=[0",
      "m:4:3: got 'return', expected ',' or ']'"
    ),
    (
      "%2: f32[] = reduce_mean %0 {axes=[0]}",
      "m:3:15: got 'reduce_mean', expected an op (did you mean 'reduce_max'?)"
    ),
    (
      "%2: bool[3] = compare %0, 1.0 {direction=up}",
      "m:3:44: got 'up', expected direction=eq|ne|lt|le|gt|ge"
    ),
    (
      "%2: bool[3] = compare 1.0, 2.0 {direction=lt}",
      "m:3:25: got '1.0', expected a value: compare takes no literal as operand 1; use constant"
    ),
    (
      "%2: f32[] = dot_general %0, %0 {contract=[0]}",
      "m:3:44: got '[', expected contract=[INTEGERS]x[INTEGERS]"
    ),
    (
      "%2: f32[] = dot_general %0, %0 {contract=[0]x[0], batch=[1]x[]}",
      "m:3:15: dot_general: needs as many batch dimensions on both sides; got f32[3], f32[3]"
    ),
    (
      "%2: i32[] = axis_index {axis=batch}",
      #"m:3:32: got 'batch', expected axis="TEXT""#
    ),
    (
      "%2: f32[6] = slice %0 {start=[0], limit=[9]}",
      "m:3:16: slice: the window 0..<9 is outside dimension 0 of size 3; got f32[3]"
    ),
    (
      "%2: f32[3] = constant",
      "m:3:16: got 'constant', expected constant with a literal or dense<[…]>"
    ),
    (
      "%2: f32[3] = constant %0",
      "m:3:16: got 'constant', expected constant with a literal or dense<[…]>"
    ),
    (
      "%2: f32[3] = constant dense<[1.0, 2.0]>",
      "m:3:25: got 2 elements, expected 3 for f32[3]"
    ),
    (
      "%2: f32[3] = constant dense<[1.0, 2.0, 3.0, 4.0]>",
      "m:3:25: got more elements, expected 3 for f32[3]"
    ),
    (
      "%2: f32[3] = constant dense<[1.0, x",
      "m:3:37: got 'x', expected a number for f32"
    ),
    (
      "%2: f32[1000000000] = constant 0.0",
      "m:3:25: constants of one value take more than 2^28 bytes; use broadcast_in_dim"
    ),
    (
      "%2: f32[3] = call @g %0",
      "m:3:21: got '@g', expected a program of this file"
    ),
    (
      "%2: f32[3] = call g %0",
      "m:3:21: got 'g', expected a program name such as '@main'"
    ),
    (
      "%2: f32[3] = call @m %0, %1",
      "m:3:21: @m calls itself, directly or through others; programs cannot be recursive"
    ),
    (
      "%2: f32[3] = fusion %0 {kind=loop}",
      "m:3:16: got 'fusion', expected fusion with a region"
    ),
    (
      "%2: f32[3] = fusion %0 {kind=tile} region(%3: f32[3]) { return %3 }",
      "m:3:32: got 'tile', expected kind=loop|row|contraction|attention"
    ),
    (
      "%2: f32[3] = fusion %0 {kind=loop} body(%3: f32[3]) { return %3 }",
      "m:3:38: got 'body', expected 'region'"
    ),
    (
      "%2: f32[3] = fusion %0 {kind=loop} region(%3: f32[3]) { return %0 }",
      "m:3:66: got '%0', expected a value of this body; values do not pass into or out of regions by name"
    ),
    (
      "%2: f32[3] = fusion %0 {kind=loop} region(%3: f32[3]) { return %3, %3 }",
      "m:3:59: got 2 returned values, expected 1 as fusion defines"
    ),
    (
      "%2: f32[3] = fusion %0 {kind=loop} region(%3: f32[4]) { return 1.0 }",
      "m:3:16: fusion: the region takes (f32[4]); got f32[3]"
    ),
    (
      "%2: f32[3] = neg %0 region(%3: f32[3]) { return %3 }",
      "m:3:23: got 'region', expected no region: neg has none"
    ),
    (
      "%2: f32[3] = neg %0 {buffer=heap[0]}",
      "m:3:31: got 'heap', expected buffer=arena[OFFSET], result[INDEX], param[INDEX], operand[OFFSET] or const"
    ),
    (
      "%2: f32[3] = neg %0 {buffers=[const, const]}",
      "m:3:32: got 2 buffers, expected as many as the 1 result"
    ),
    (
      "%2: f32[3] = pad %0, 0.0 {low=[0], high=[0], interior=[-1]}",
      "m:3:16: pad: interior padding -1 in dimension 0 is negative; got f32[3], f32[]"
    ),
    (
      "%2: key[3] = random_seed 1",
      "m:3:28: got '1', expected a value: random_seed takes no literal as operand 1; use constant"
    ),
    (
      #"%2: f32[3] = neg "x"#,
      #"m:3:20: got '"x', expected the end of the line"#
    ),
    (
      "return %0, %0",
      "m:4:3: got 'return', expected ',' or '}'"
    ),
    (
      "return",
      "m:4:3: got 'return', expected a value, a literal or '}'"
    ),
    (
      #""unclosed"#,
      #"m:3:3: got '"unclosed', expected an instruction or 'return'"#
    ),
  ]

  @Test("A wrong statement is answered by its place, what was found and what was expected", arguments: statements)
  func statement(statement: String, message: String) throws {
    let text = """
      // blox-ir 1
      program @m(%0: f32[3], %1: i32[3]) -> (f32[3]) {
        \(statement)
        return %0
      }

      """
    let error = try #require(failure(of: text))
    #expect(error.message == message)
    #expect(error.code == .syntax)
    let line = message.split(separator: ":")[1]
    #expect(error.location == SourceLocation(file: "m", line: try #require(Int(line))))
    #expect(error.description == message, "the place is not said twice")
  }

  static let files: [(String, String)] = [
    (
      "",
      "m:1:1: got the end of the file, expected the header '// blox-ir 1' on the first line"
    ),
    (
      "program @m() -> () { return }",
      "m:1:1: got 'program', expected the header '// blox-ir 1' on the first line"
    ),
    (
      "// blox-ir 2",
      "m:1:1: got '// blox-ir 2', expected '// blox-ir 1', the only version that this build reads"
    ),
    (
      "// blox-ir 1\n",
      "m:2:1: got the end of the file, expected 'program'"
    ),
    (
      "// blox-ir 1\n// nothing",
      "m:2:11: got the end of the file, expected 'program'"
    ),
    (
      "// blox-ir 1\nprogramme",
      "m:2:1: got 'programme', expected 'program'"
    ),
    (
      "// blox-ir 1\nprogram m",
      "m:2:9: got 'm', expected a program name such as '@main'"
    ),
    (
      "// blox-ir 1\nprogram @m",
      "m:2:11: got the end of the file, expected '(' and the parameters"
    ),
    (
      "// blox-ir 1\nprogram @m(x",
      "m:2:12: got 'x', expected a value such as '%0'"
    ),
    (
      "// blox-ir 1\nprogram @m(%x",
      "m:2:14: got the end of the file, expected ':' and a type"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[]) {\n  return %x\n}",
      "m:2:23: got '{', expected '->'"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[]) -> (f32[]) {\n}",
      "m:3:1: got '}', expected an instruction or 'return'"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[]) -> (f32[]) {\n  return\n}",
      "m:3:3: got 0 returned values, expected 1 as declared"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[]) -> (i32[]) {\n  return %x\n}",
      "m:3:10: got %x of type f32[], expected i32[] as declared"
    ),
    (
      "// blox-ir 1\nprogram @m() -> (i32[]) {\n  return 1.5\n}",
      "m:3:10: got '1.5', expected an integer from -2147483648 to 2147483647 for i32"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[] {arg=\"x\", path=\"y\"}) -> () {\n  return\n}",
      "m:2:12: got both path and arg, expected one label"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[] {frozen}) -> () {\n  return\n}",
      "m:2:23: got 'frozen', expected one of the attributes path, arg, trainable, donated"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[] {donated=1}) -> () {\n  return\n}",
      "m:2:31: got '1', expected donated without a value"
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[] {arg=\"x\n  return",
      #"m:2:27: got '"x', expected a closing quote on the same line"#
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[] {arg=\"\\q\"}) -> () {\n  return\n}",
      #"m:2:28: got '\', expected an escape: \" \\ \n \t \r or \u{…}"#
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[] {arg=\"\\u{110000}\"}) -> () {\n  return\n}",
      #"m:2:28: got '\', expected an escape: \" \\ \n \t \r or \u{…}"#
    ),
    (
      "// blox-ir 1\nprogram @m(%x: f32[], %x: f32[]) -> () {\n  return\n}",
      "m:2:23: got '%x', expected a name that is not defined yet"
    ),
    (
      "// blox-ir 1\nprogram @m() -> () {plan=\"arena 1 B, results 2 B, peak 4 B\"} {\n  return\n}",
      #"m:2:26: got '"arena 1 B, results 2 B, peak 4 B"', expected a plan such as "arena 64 B, results 8 B,"#
        + #" aliased 0 B, peak 72 B" whose peak is arena plus results"#
    ),
    (
      "// blox-ir 1\nprogram @m() -> () {\n  return\n}\nprogram @m() -> () {\n  return\n}",
      "m:5:9: got '@m', expected a program name that is not taken"
    ),
    (
      "// blox-ir 1\nprogram @m() -> () {\n  call @f\n  return\n}\nprogram @f() -> () {\n  call @g\n"
        + "  return\n}\nprogram @g() -> () {\n  call @f\n  return\n}",
      "m:11:8: @f calls itself, directly or through others; programs cannot be recursive"
    ),
    (
      "// blox-ir 1\nprogram @m() -> () {\n  call @fast\n  return\n}\nprogram @last() -> () {\n  return\n}",
      "m:3:8: got '@fast', expected a program of this file (did you mean 'last'?)"
    ),
    (
      "// blox-ir 1\nprogram @m() -> () {\n  return\n}\nprogram @unused() -> () {\n  return 1\n}",
      "m:6:3: got 1 returned value, expected 0 as declared"
    ),
    (
      "// blox-ir 1\nprogram @größe() -> () {\n  return\n}",
      "m:2:12: got 'ö', expected '(' and the parameters"
    ),
    (
      "// blox-ir 1\nprogram @m() -> () {\n  return\n} \u{1b}[31m",
      #"m:4:3: got '\u{1b}', expected 'program'"#
    ),
  ]

  @Test("A wrong file is answered by its place, what was found and what was expected", arguments: files)
  func file(text: String, message: String) throws {
    #expect(failure(of: text)?.message == message)
  }
}
