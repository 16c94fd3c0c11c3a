// Attention agrees with jax.nn.dot_product_attention (Scripts/make_attention_fixtures.py).

import BloxNN
import TestSupport
import Testing

@testable import BloxTrace

@Suite("Conformance of attention")
struct AttentionConformanceTests {
  private func binding(_ testCase: ConformanceCase) -> CaseBinding {
    let name = testCase.name
    let fields = testCase.attrs["extra"]?.strings ?? []
    let isCausal =
      ["causal", "causal_longer_keys", "causal_longer_queries", "multi_query", "key_lengths", "bf16"]
      .contains(name) || name == "window_causal"
    let window: (before: Int, after: Int)? = name == "window" ? (2, 1) : name == "window_causal" ? (2, 2) : nil
    return .run { x in
      func field(_ name: String) -> Tensor? { fields.firstIndex(of: name).map { x[3 + $0] } }
      return [
        try dotProductAttention(
          x[0], x[1], x[2], bias: field("bias"), mask: field("mask"), scale: name == "scale" ? 0.3 : nil,
          isCausal: isCausal, queryLengths: field("query_seq_lengths"), keyLengths: field("key_value_seq_lengths"),
          window: window)
      ]
    }
  }

  @Test("attention: heads, groups, biases, masks, lengths, windows, half precision, and derivatives") func attention()
    throws
  {
    let report = try runGroup("attention", from: "Attention") { binding($0) }
    #expect(report.ran == 20)
  }
}
