// Reference vectors of f64 and i64, which JAX computes with x64 switched on: then its default dtypes are these.

import BloxIR
import TestSupport

@testable import BloxTrace

/// Cases of the group `x64`.
func bindWide(_ testCase: ConformanceCase) throws -> CaseBinding {
  func values(_ function: @escaping (Key) throws -> Tensor) -> CaseBinding {
    .run { x in [try function(Key(words: x[0]))] }
  }
  let shape = testCase.attrs["shape"]?.ints ?? []
  switch testCase.op {
  case "convert_element_type": return try bindConvert(testCase)
  case "dot_general": return try bindDot(testCase)
  case "jnp.sum":
    let axes = testCase.attrs["axis"]?.int.map { [$0] }
    // Sums of i32 are i64 there.
    return .run { x in [try x[0].cast(to: x[0].dtype == .i32 ? .i64 : x[0].dtype).sum(axes)] }
  case "add", "sub", "mul", "div", "rem", "max": return bindBinary(testCase)
  case "random.key":
    // A seed of 64 bits gives both words of a key.
    let seed = testCase.attrs["seed"]?.int ?? 0
    return .run { _ in
      [try Key(Tensor.apply(.random(.seed), Tensor(shape: [], scalars: [seed], dtype: .i64))).words()]
    }
  case "random.bits64": return values { try $0.bits(shape, dtype: .u64) }
  case "random.uniform": return values { try $0.uniform(shape, dtype: .f64) }
  case "random.uniform_f32": return values { try $0.uniform(shape) }
  case "random.normal": return values { try $0.normal(shape, dtype: .f64) }
  case "random.randint": return values { try $0.randint(shape, low: -5, high: 1_000_000_000_000, dtype: .i64) }
  case "random.bernoulli": return values { try $0.uniform(shape, dtype: .f64) .< 0.3 }
  case "promote_types": return .skip("the promotion lattice without 64-bit defaults has a test of its own")
  case _: return bindUnary(testCase)
  }
}
