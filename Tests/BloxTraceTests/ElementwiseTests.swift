// Values of the elementwise surface at its edges, in dtypes besides f32, and what it refuses.

import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("Elementwise functions")
struct ElementwiseTests {
  private func floats(_ x: Tensor) throws -> [Float] { try x.cast(to: .f32).scalars(as: Float.self) }
  private func ints(_ x: Tensor) throws -> [Int] { try x.cast(to: .i32).scalars(as: Int32.self).map { Int($0) } }

  @Test("mod and floorDivide have Python's signs, for floats and integers")
  func pythonDivision() throws {
    let (a, b) = (try Tensor([7.0, -7, 7, -7]), try Tensor([3.0, 3, -3, -3]))
    #expect(try floats(mod(a, b)) == [1, 2, -2, -1])
    #expect(try floats(floorDivide(a, b)) == [2, -3, -3, 2])
    #expect(try floats(fmod(a, b)) == [1, -1, 1, -1])
    let (i, j) = (try a.cast(to: .i8), try b.cast(to: .i8))
    #expect(try ints(mod(i, j)) == [1, 2, -2, -1])
    #expect(try floorDivide(i, j).dtype == .i8)
    let (quotient, remainder) = try divMod(i, j)
    #expect(try ints(quotient) == [2, -3, -3, 2])
    #expect(try ints(remainder) == [1, 2, -2, -1])
    #expect(try ints(mod(Tensor([-1, 5], dtype: .i32), 4)) == [3, 1])
    #expect(try floats(mod(Tensor([-0.5, 5.5]), 4.0)) == [3.5, 1.5])
  }

  @Test("rounding goes to even, away from zero, to decimals and towards zero")
  func rounding() throws {
    let x = try Tensor([0.5, 1.5, 2.5, -0.5, -2.5, 1.25])
    #expect(try floats(round(x)) == [0, 2, 2, 0, -2, 1])
    #expect(try floats(roundAwayFromZero(x)) == [1, 2, 3, -1, -3, 1])
    #expect(try floats(trunc(x)) == [0, 1, 2, 0, -2, 1])
    #expect(try floats(round(x, decimals: 1)) == [0.5, 1.5, 2.5, -0.5, -2.5, 1.2])
    #expect(try floats(round(Tensor([150.0, 250]), decimals: -2)) == [200, 200])
    // Beyond what the dtype holds: all decimals stay, or none does.
    #expect(try floats(round(x, decimals: .max)) == floats(x))
    #expect(try floats(round(x, decimals: .min)).allSatisfy { $0 == 0 })
    #expect(try floats(round(Tensor([70.5], dtype: .f16), decimals: 3)) == [70.5])
    #expect(try round(Tensor([1, 2], dtype: .i32)).dtype == .i32)
  }

  @Test("bits are counted in every integer dtype, and reinterpreted in other widths")
  func bits() throws {
    for dtype in DType.allCases where dtype.isInteger {
      let x = try Tensor([0, 1, 127]).cast(to: dtype)
      #expect(try ints(populationCount(x)) == [0, 1, 7])
      #expect(try ints(leadingZeroCount(x)) == [dtype.bitWidth, dtype.bitWidth - 1, dtype.bitWidth - 7])
    }
    let x = try Tensor([1.0, -2.5])
    let bytes = try x.bitcast(to: .u8)
    #expect(bytes.type == TensorType(.u8, [2, 4]))
    #expect(try ints(bytes) == [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0])
    #expect(try floats(bytes.bitcast(to: .f32)) == [1, -2.5])
    #expect(try ints(signBit(Tensor([0.0, -0.0, -1, 1]))) == [0, 1, 1, 0])
    #expect(try floats(reducePrecision(Tensor([1.0009765625, 1e-6, 1e6]), to: .f16)) == [1.0009765625, 0, .infinity])
  }

  @Test("logic, closeness and choices")
  func logic() throws {
    let (a, b) = (try Tensor([0, 1, 2], dtype: .i32), try Tensor([0.0, 0, 3]))
    #expect(try ints(logicalAnd(a, b)) == [0, 0, 1])
    #expect(try ints(logicalOr(a, b)) == [0, 1, 1])
    #expect(try ints(logicalXor(a, b)) == [0, 1, 0])
    #expect(try ints(logicalNot(a)) == [1, 0, 0])
    let special = try Tensor([Double.nan, .infinity, -.infinity, 1])
    #expect(try ints(isNaN(special)) == [1, 0, 0, 0])
    #expect(try ints(isInfinite(special)) == [0, 1, 1, 0])
    #expect(try ints(isPositiveInfinity(special)) == [0, 1, 0, 0])
    #expect(try ints(isNegativeInfinity(special)) == [0, 0, 1, 0])
    #expect(try ints(isClose(special, special)) == [0, 1, 1, 1])
    #expect(try ints(isClose(special, special, equalNaN: true)) == [1, 1, 1, 1])
    #expect(try ints(allClose(Tensor([1.0, 2]), Tensor([1.000001, 2]))) == [1])
    #expect(try ints(arrayEqual(a, Tensor([0, 1], dtype: .i32))) == [0])
    #expect(try floats(nanToNum(special)) == [0, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1])
    let cases = [try Tensor([1, 2, 3], dtype: .i32), Tensor(10), Tensor(20)]
    #expect(try ints(which(Tensor([0, 2, 1], dtype: .i32), cases)) == [1, 20, 10])
    #expect(try ints(which([(a .> 1, Tensor(7)), (a .> 0, Tensor(8))], otherwise: Tensor(9))) == [9, 8, 7])
    #expect(try ints(clip(Tensor([-5, 0, 5]), Tensor([-1, 1, 1]), Tensor(3.0))) == [-1, 1, 3])
  }

  @Test("prod, xor and counts reduce every dtype, and nothing to their identity")
  func reductions() throws {
    let x = try Tensor([[1, 2, 3], [4, 5, 6]], dtype: .i32)
    for dtype in DType.allCases where dtype.isNumeric {
      #expect(try ints(x.cast(to: dtype).prod([1])) == [6, 120])
      #expect(try ints(Tensor.zeros([2, 0], dtype: dtype).prod([1])) == [1, 1])
    }
    #expect(try x.cast(to: .i8).prod().dtype == .i32)
    #expect(try ints(x.xor([0])) == [5, 7, 5])
    #expect(try ints(Tensor.ones([3], dtype: .bool).xor()) == [1])
    #expect(try ints(Tensor([0.0, 2, .nan]).countNonzero()) == [2])
    #expect(try floats(Tensor([1.0, .nan, 2]).nanSum()) == [3])
    let slopes = try grad { (x: Tensor) in try x.prod() }(Tensor([2.0, 0, 3]))
    #expect(try floats(slopes) == [0, 6, 0])
  }

  @Test("finfo and iinfo of every dtype")
  func limits() throws {
    let limits = try DType.f32.floatingLimits()
    #expect(limits.epsilon == Double(Float.ulpOfOne))
    #expect(limits.max == Double(Float.greatestFiniteMagnitude) && limits.min == -limits.max)
    #expect(limits.smallestNormal == Double(Float.leastNormalMagnitude))
    #expect(try DType.bf16.floatingLimits().epsilon == 0.0078125)
    #expect(try DType.f16.floatingLimits().max == 65504)
    #expect(try DType.f64.floatingLimits().smallestSubnormal == Double.leastNonzeroMagnitude)
    let (low, high) = try DType.i8.integerLimits()
    #expect(low.signedValue == -128 && high.signedValue == 127)
  }

  @Test("f16 and bf16 compute in f32 and round once", arguments: [DType.f16, .bf16])
  func halves(dtype: DType) throws {
    let x = try Tensor([0.3, 0.7, 1.4, 2.9]).cast(to: dtype)
    let functions: [(Tensor) throws -> Tensor] = [
      { try sin($0) }, { try expm1($0) }, { try atan($0) }, { try lgamma($0) }, { try cbrt($0) }, { try erfc($0) },
      { try acosh($0) }, { try digamma($0) }, { try exp2($0) }, { try atan2($0, $0) },
    ]
    for function in functions {
      let got: [Float] = try function(x).cast(to: .f32).scalars()
      let want: [Float] = try function(x.cast(to: .f32)).cast(to: dtype).cast(to: .f32).scalars()
      #expect(zip(got, want).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) })
    }
  }

  struct Failure: Sendable, CustomTestStringConvertible {
    let message: String
    let call: @Sendable () throws -> Void
    var testDescription: String { message }
    init(_ message: String, _ call: @escaping @Sendable () throws -> Any) {
      self.message = message
      self.call = { _ = try call() }
    }
  }

  static let failures = [
    Failure("population_count: needs an integer dtype; got f32[2]") { try populationCount(Tensor([1.0, 2])) },
    Failure("atan2: the shapes of f32[2] and f32[3] do not broadcast") {
      try atan2(Tensor([1.0, 2]), Tensor([1.0, 2, 3]))
    },
    Failure("round: integers cannot be rounded to -1 decimals; cast i32[1] to a float first") {
      try round(Tensor([15], dtype: .i32), decimals: -1)
    },
    Failure("bitcast: u32 is made of 4 elements of the last dimension; got u8[3]") {
      try Tensor([1, 2, 3]).cast(to: .u8).bitcast(to: .u32)
    },
    Failure("bitcast: bool[1] has elements of another width than u8") {
      try Tensor.ones([1], dtype: .bool).bitcast(to: .u8)
    },
    Failure("which: needs at least one case") { try which(Tensor(0), []) },
    Failure("which: needs an integer or bool index; got f32[]") { try which(Tensor(0.0), [Tensor(1)]) },
    Failure("glu: axis -1 of f32[3] has size 3, which must be even") { try glu(Tensor([1.0, 2, 3])) },
    Failure("softmax: needs a bool mask; got f32[2]") {
      try softmax(Tensor([1.0, 2]), axes: [0], mask: Tensor([1.0, 0]))
    },
    Failure("reducePrecision: needs a floating-point dtype; got i32[]") { try reducePrecision(Tensor(1), to: .f16) },
    Failure("floatingLimits: i32 is not a floating-point dtype") { try DType.i32.floatingLimits() },
    Failure("integerLimits: f32 is not an integer dtype") { try DType.f32.integerLimits() },
    Failure("reduce_xor: has no meaning for f32; got f32[1]") { try Tensor([1.0]).xor() },
    Failure("reduce_prod: axis 2 is out of range for a tensor of rank 1") { try Tensor([1.0]).prod([2]) },
  ]

  @Test("what cannot be computed says why", arguments: failures)
  func refusals(failure: Failure) throws {
    let error = try #require(throws: BloxError.self) { try failure.call() }
    #expect(error.message == failure.message)
  }
}
