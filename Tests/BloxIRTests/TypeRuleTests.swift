import Testing

@testable import BloxIR

@Suite("Type rules")
struct TypeRuleTests {
  struct Case: Sendable, CustomStringConvertible {
    let op: Op
    let operands: [TensorType]
    let outcome: String
    var description: String { "\(op.name) \(operands)" }

    init(_ op: Op, _ operands: String, _ outcome: String) {
      self.op = op
      self.operands = operands.split(separator: " ").map { TypeRuleTests.type(String($0)) }
      self.outcome = outcome
    }
  }

  /// A type from its text, through the parser's own reader.
  static func type(_ text: String) -> TensorType {
    var cursor = Cursor(SourceText(file: "type", bytes: Array(text.utf8)))
    do { return try cursor.type() } catch {
      Issue.record(error)
      return TensorType(.bool)
    }
  }

  static let region: Program = {
    var b = ProgramBuilder(name: "r")
    let x = b.parameter(TensorType(.f32, [2]))
    return b.finish(results: [ProgramResult(.value(x)), ProgramResult(.value(x))])
  }()

  static let elementwise: [Case] = [
    Case(.unary(.neg), "i8[2]", "i8[2]"), Case(.unary(.isFinite), "f16[0,3]", "bool[0,3]"),
    Case(.unary(.neg), "bool[]", "neg: needs a number; got bool[]"),
    Case(.unary(.exp), "i32[2]", "exp: needs a floating-point dtype; got i32[2]"),
    Case(.unary(.exp), "", "exp: takes 1 operand; got no operands"),
    Case(.unary(.not), "f32[]", "not: needs bool or an integer dtype; got f32[]"),
    Case(.binary(.add), "u8[2] u8[2]", "u8[2]"), Case(.binary(.max), "bool[] bool[]", "bool[]"),
    Case(.binary(.add), "f32[2] f32[3]", "add: operands must have one shape; got f32[2], f32[3]"),
    Case(.binary(.add), "f32[2] f64[2]", "add: operands must have one dtype; got f32[2], f64[2]"),
    Case(.binary(.add), "key[] key[]", "add: needs numbers; got key[], key[]"),
    Case(.binary(.and), "f32[] f32[]", "and: needs bool or integers; got f32[], f32[]"),
    Case(.binary(.shiftLeft), "bool[] bool[]", "shift_left: needs integers; got bool[], bool[]"),
    Case(.binary(.pow), "f32[]", "pow: takes 2 operands; got f32[]"),
    Case(.compare(.lt), "f32[2] f32[2]", "bool[2]"), Case(.compare(.eq), "bool[] bool[]", "bool[]"),
    Case(.compare(.eq), "key[] key[]", "compare: eq has no meaning for key; got key[], key[]"),
    Case(.select, "bool[2] key[2] key[2]", "key[2]"),
    Case(.select, "i32[2] f32[2] f32[2]", "select: the predicate must be bool; got i32[2], f32[2], f32[2]"),
    Case(
      .select, "bool[] f32[2] f32[2]",
      "select: the predicate must have the shape of the cases; got bool[], f32[2], f32[2]"),
    Case(.clamp, "i8[] i8[] i8[]", "i8[]"),
    Case(.clamp, "bool[] bool[] bool[]", "clamp: needs numbers; got bool[], bool[], bool[]"),
    Case(.fma, "f64[2] f64[2] f64[2]", "f64[2]"),
    Case(.fma, "bf16[] bf16[] bf16[]", "fma: needs f32 or f64; got bf16[], bf16[], bf16[]"),
    Case(.convert(.bool), "f32[2]", "bool[2]"),
    Case(
      .convert(.u32), "key[]", "convert: keys convert to nothing else; use random_unwrap for their words; got key[]"),
    Case(.bitcastConvert(.i32), "f32[2]", "i32[2]"),
    Case(.bitcastConvert(.f64), "f32[2]", "bitcast_convert: f64 has another width; got f32[2]"),
    Case(.bitcastConvert(.u64), "key[]", "bitcast_convert: u64 has another width; got key[]"),
    Case(.integerPow(-2), "f32[]", "f32[]"), Case(.integerPow(2), "i32[]", "i32[]"),
    Case(
      .integerPow(-2), "i32[]", "integer_pow: integers cannot be raised to the negative power -2; got i32[]"),
    Case(.stopGradient, "key[2]", "key[2]"),
  ]

  static let shapes: [Case] = [
    Case(.broadcastInDim(shape: [4, 2, 3], dims: [2, 1]), "f32[1,2]", "f32[4,2,3]"),
    Case(
      .broadcastInDim(shape: [4], dims: []), "f32[2]",
      "broadcast_in_dim: dims=[] must name a result dimension for each operand dimension; got f32[2]"),
    Case(
      .broadcastInDim(shape: [4], dims: [0]), "f32[2]",
      "broadcast_in_dim: dimension 0 of size 2 cannot become dimension 0 of f32[4]; got f32[2]"),
    Case(
      .broadcastInDim(shape: [2, 2], dims: [1, 1]), "f32[2,2]",
      "broadcast_in_dim: dimension given twice in [1, 1]; got f32[2,2]"),
    Case(.reshape([3, 2]), "f32[2,3]", "f32[3,2]"), Case(.reshape([0, 7]), "f32[3,0]", "f32[0,7]"),
    Case(.reshape([4]), "f32[2,3]", "reshape: the shape [4] has 4 elements, not 6; got f32[2,3]"),
    Case(.reshape([-1]), "f32[2]", "reshape: the shape f32[-1] has a negative dimension"),
    Case(.transpose([1, 0]), "f32[2,3]", "f32[3,2]"),
    Case(.transpose([0, 0]), "f32[2,3]", "transpose: [0, 0] is no permutation of 2 dimensions; got f32[2,3]"),
    Case(.slice(Op.Slice(starts: [1], limits: [6], strides: [2])), "f32[7]", "f32[3]"),
    Case(.slice(Op.Slice(starts: [3], limits: [3])), "f32[7]", "f32[0]"),
    Case(.slice(Op.Slice(starts: [0], limits: [7], strides: [.max])), "f32[7]", "f32[1]"),
    Case(
      .slice(Op.Slice(starts: [2], limits: [1])), "f32[7]",
      "slice: the window 2..<1 is outside dimension 0 of size 7; got f32[7]"),
    Case(
      .slice(Op.Slice(starts: [0], limits: [7], strides: [0])), "f32[7]",
      "slice: stride 0 in dimension 0 must be at least 1; got f32[7]"),
    Case(
      .slice(Op.Slice(starts: [], limits: [])), "f32[7]",
      "slice: needs a start, limit and stride for each of 1 dimensions; got f32[7]"),
    Case(.pad(Op.Padding(low: [1], high: [-1], interior: [2])), "f32[3] f32[]", "f32[7]"),
    Case(.pad(Op.Padding(low: [0], high: [0], interior: [5])), "f32[0] f32[]", "f32[0]"),
    Case(
      .pad(Op.Padding(low: [0], high: [0], interior: [.max])), "f32[1] f32[]",
      "pad: the padding in dimension 0 overflows; got f32[1], f32[]"),
    Case(
      .pad(Op.Padding(low: [-4], high: [0])), "f32[3] f32[]",
      "pad: cropping -4 and 0 leaves less than nothing of dimension 0 of size 3; got f32[3], f32[]"),
    Case(
      .pad(Op.Padding(low: [.min], high: [.min])), "f32[3] f32[]",
      "pad: the padding in dimension 0 overflows; got f32[3], f32[]"),
    Case(
      .pad(Op.Padding(low: [0], high: [0])), "f32[3] f64[]",
      "pad: the padding value must have the operand's dtype; got f32[3], f64[]"),
    Case(.concatenate(axis: 1), "f32[2,1] f32[2,3]", "f32[2,4]"),
    Case(.concatenate(axis: 0), "", "concatenate: needs at least one operand; got no operands"),
    Case(
      .concatenate(axis: 0), "f32[2,1] f32[2,3]",
      "concatenate: operands must agree in every dimension but 0; got f32[2,1], f32[2,3]"),
    Case(.iota(TensorType(.u8, [3]), axis: 0), "", "u8[3]"),
    Case(.iota(TensorType(.f32), axis: 0), "", "iota: axis 0 is out of range for rank 0; got no operands"),
    Case(.iota(TensorType(.bool, [2]), axis: 0), "", "iota: makes numbers, not bool; got no operands"),
    Case(
      .broadcastInDim(shape: Array(repeating: 1, count: 65), dims: []), "f32[]",
      "broadcast_in_dim: a shape of 65 dimensions; at most 64 are allowed"),
  ]

  static let others: [Case] = [
    Case(.reduce(.sum, axes: [0, 2]), "f32[2,3,4]", "f32[3]"), Case(.reduce(.max, axes: []), "bool[2]", "bool[2]"),
    Case(.reduce(.sum, axes: [0]), "bool[2]", "reduce_sum: has no meaning for bool; got bool[2]"),
    Case(.reduce(.and, axes: [0]), "f32[2]", "reduce_and: has no meaning for f32; got f32[2]"),
    Case(.reduce(.sum, axes: [1, 0]), "f32[2,2]", "reduce_sum: axes [1, 0] must be in order; got f32[2,2]"),
    Case(.argReduce(.argmax, axis: 1), "f32[2,3]", "i32[2]"),
    Case(.argReduce(.argmin, axis: 0), "f32[0]", "argmin: axis 0 has no elements to choose from; got f32[0]"),
    Case(
      .dotGeneral(Op.DotDimensions(lhsBatch: [0], rhsBatch: [2], lhsContract: [2], rhsContract: [0])),
      "f32[5,2,3] f32[3,4,5]", "f32[5,2,4]"),
    Case(
      .dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0])), "f32[2,3] f32[4,5]",
      "dot_general: contracting dimensions differ: 3 (left dimension 1) and 4 (right dimension 0);"
        + " got f32[2,3], f32[4,5]"),
    Case(
      .dotGeneral(Op.DotDimensions(lhsBatch: [0], rhsBatch: [0], lhsContract: [0], rhsContract: [1])),
      "f32[2,3] f32[2,5]", "dot_general: left dimension given twice in [0, 0]; got f32[2,3], f32[2,5]"),
    Case(
      .dotGeneral(Op.DotDimensions(lhsContract: [0], rhsContract: [0], preferred: .i32)), "i8[2] i8[2]", "i32[]"),
    Case(
      .dotGeneral(Op.DotDimensions(lhsContract: [0], rhsContract: [0], preferred: .bf16)), "f32[2] f32[2]",
      "dot_general: the preferred dtype bf16 must not be narrower than the operands'; got f32[2], f32[2]"),
    Case(
      .dotGeneral(Op.DotDimensions(lhsContract: [0], rhsContract: [0], preferred: .u32)), "i8[2] i8[2]",
      "dot_general: the preferred dtype u32 must be floating-point or of the operands' kind; got i8[2], i8[2]"),
    Case(.cumulative(.sum, axis: 1, reverse: true), "i8[2,0]", "i8[2,0]"),
    Case(.cumulative(.prod, axis: 0, reverse: false), "bool[2]", "cumprod: has no meaning for bool; got bool[2]"),
    Case(
      .cumulative(.max, axis: 2, reverse: false), "f32[2,3]", "cummax: axis 2 is out of range for rank 2; got f32[2,3]"),
    Case(
      .cumulative(.logSumExp, axis: 0, reverse: false), "i32[2]", "cumlogsumexp: has no meaning for i32; got i32[2]"),
    Case(.ordering(.sort(.init(axis: 1, keyCount: 2))), "f32[2,0] bool[2,0] key[2,0]", "f32[2,0] bool[2,0] key[2,0]"),
    Case(.ordering(.sort(.init(axis: 2))), "f32[2,3]", "sort: axis 2 is out of range for rank 2; got f32[2,3]"),
    Case(
      .ordering(.sort(.init(axis: 0))), "f32[2] i32[3]", "sort: operands must have one shape; got f32[2], i32[3]"),
    Case(.ordering(.sort(.init(axis: 0))), "", "sort: needs an operand; got no operands"),
    Case(
      .ordering(.sort(.init(axis: 0, keyCount: 0))), "f32[2]",
      "sort: the number of keys must be between 1 and 1, that of operands; it is 0; got f32[2]"),
    Case(
      .ordering(.sort(.init(axis: 0, keyCount: 2))), "f32[2] key[2]",
      "sort: random keys have no order; they can only be sorted by others; got f32[2], key[2]"),
    Case(.ordering(.topK(.init(count: 0, axis: 1))), "bool[2,0]", "bool[2,0] i32[2,0]"),
    Case(.ordering(.topK(.init(count: 2, axis: 0))), "u8[3,4]", "u8[2,4] i32[2,4]"),
    Case(
      .ordering(.topK(.init(count: 4, axis: 0))), "f32[3]",
      "top_k: k must be between 0 and 3, the size of axis 0; it is 4; got f32[3]"),
    Case(.ordering(.topK(.init(count: 1, axis: 0))), "key[3]", "top_k: has no meaning for key; got key[3]"),
    Case(
      .ordering(.topK(.init(count: 1, axis: 0))), "u8[4294967296]",
      "top_k: axis 0 is too long for an i32 index; got u8[4294967296]"),
    Case(.linearAlgebra(.cholesky), "f32[2,3,3]", "f32[2,3,3]"),
    Case(.linearAlgebra(.cholesky), "f32[2,3]", "cholesky: needs square matrices; got f32[2,3]"),
    Case(.linearAlgebra(.cholesky), "bf16[3,3]", "cholesky: needs f32 or f64; got bf16[3,3]"),
    Case(
      .linearAlgebra(.eigh), "f64[3]", "eigh: needs matrices, which have two dimensions or more; got f64[3]"),
    Case(.linearAlgebra(.eigh), "f64[5,3,3]", "f64[5,3] f64[5,3,3]"),
    Case(.linearAlgebra(.qr(fullMatrices: false)), "f32[4,2]", "f32[4,2] f32[2,2]"),
    Case(.linearAlgebra(.qr(fullMatrices: true)), "f32[4,2]", "f32[4,4] f32[4,2]"),
    Case(.linearAlgebra(.lu), "f32[7,4,2]", "f32[7,4,2] i32[7,2] i32[7,4]"),
    Case(.linearAlgebra(.triangularSolve(.init())), "f32[3,3] f32[3,2]", "f32[3,2]"),
    Case(
      .linearAlgebra(.triangularSolve(.init(leftSide: false))), "f32[3,3] f32[3,2]",
      "triangular_solve: the right operand needs 3 columns; got f32[3,3], f32[3,2]"),
    Case(
      .linearAlgebra(.triangularSolve(.init())), "f32[3,3] f32[2,3,2]",
      "triangular_solve: operands must have the same leading dimensions; got f32[3,3], f32[2,3,2]"),
    Case(.random(.seed), "i32[2]", "key[2]"), Case(.random(.wrap), "u32[4,2]", "key[4]"),
    Case(.random(.unwrap), "key[4]", "u32[4,2]"), Case(.random(.split([2])), "key[4]", "key[4,2]"),
    Case(.random(.bits(shape: [3], .u8)), "key[4]", "u8[4,3]"),
    Case(.random(.foldIn), "key[2] u32[2]", "key[2]"),
    Case(.random(.seed), "f32[]", "random_seed: needs an integer seed; got f32[]"),
    Case(.random(.wrap), "u32[]", "random_wrap: needs words of type u32[…,2]; got u32[]"),
    Case(.random(.split([2])), "u32[2]", "random_split: needs keys; got u32[2]"),
    Case(
      .random(.bits(shape: [], .i32)), "key[]", "random_bits: makes words of an unsigned dtype, not i32; got key[]"),
    Case(.random(.bits(shape: [-1], .u32)), "key[]", "random_bits: the shape u32[-1] has a negative dimension"),
    Case(
      .random(.foldIn), "key[2] u32[]", "random_fold_in: needs data of the keys' shape; got key[2], u32[]"),
    Case(.call(Op.Callee(region)), "f32[2]", "f32[2] f32[2]"),
    Case(.call(Op.Callee(region)), "f32[3]", "call: the program @r takes (f32[2]); got f32[3]"),
    Case(.fusion(Op.Fusion(kind: .loop, region: region)), "", "fusion: the region takes (f32[2]); got no operands"),
    Case(
      .fusion(Op.Fusion(kind: .loop, region: ProgramBuilder(name: "r").finish(results: []))), "",
      "fusion: the region returns nothing; got no operands"),
    Case(
      .fusion(Op.Fusion(kind: .contraction, region: region)), "f32[2]",
      "fusion: a region of kind=contraction begins with dot_general or conv_general_dilated of its parameters, or with "
        + "what an operand of dot_general alone is made of; got f32[2]"),
    Case(.constant(DenseConstant(Literal(1, as: .key), shape: [0])), "", "key[0]"),
    Case(.axisIndex("batch"), "", "i32[]"),
    Case(
      .axisIndex("x"), "",
      "found an unbound axis name: x (bound here: batch, model); bind it with vmap(axisName: \"x\")"),
  ]

  @Test("Each op gives its result types or says what it needs", arguments: elementwise + shapes + others)
  func rule(example: Case) {
    do {
      let types = try example.op.resultTypes(for: example.operands, axes: RandomPrograms.axes)
      #expect(types.map(\.description).joined(separator: " ") == example.outcome)
    } catch { #expect(error.message == example.outcome) }
  }

  @Test("Zero dimensions are legal, but sizes that overflow are not, wherever the zero stands")
  func extremeShapes() {
    for shape in [[0, 1 << 62], [1 << 62, 0], [1 << 31, 1 << 31, 0], [1 << 46]] {
      #expect(throws: BloxError.self) { try TensorType(.f32, shape).validate("x") }
    }
    for shape in [[0], [0, 0], [1 << 45], [0, 1 << 45]] {
      #expect(throws: Never.self) { try TensorType(.f32, shape).validate("x") }
    }
  }
}
