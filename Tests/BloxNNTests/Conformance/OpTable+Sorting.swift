// Reference vectors of sorting as functions of this library.

import BloxTrace
import TestSupport

/// Cases of the group `ops_sorting`.
func bindSorting(_ testCase: ConformanceCase) -> CaseBinding {
  let attrs = testCase.attrs
  let axis = attrs["axis"]?.int ?? attrs["dimension"]?.int ?? -1
  let isStable = attrs["stable"]?.bool ?? true
  let isDescending = attrs["descending"]?.bool ?? false
  switch testCase.op {
  case "sort", "sort_key_val":
    return .run { try sort($0, axis: axis, keyCount: attrs["num_keys"]?.int ?? 1) }
  case "jnp.sort": return .run { [try $0[0].sort(axis: axis, descending: isDescending)] }
  case "argsort": return .run { [try $0[0].argsort(axis: axis, descending: isDescending, isStable: isStable)] }
  case "top_k":
    return .run { x in
      let (values, indices) = try x[0].topK(attrs["k"]?.int ?? 0)
      return [values, indices]
    }
  // The keys are rows of one tensor.
  case "lexsort": return .run { x in [try lexsort((0..<x[0].shape[0]).map { try x[0][$0] })] }
  case _: return notInSlice(testCase)
  }
}
