// The `plan` attribute of a planned program: `arena 0 B, results 262144 B, aliased 0 B, peak 262144 B`.

extension MemorySummary {
  var planText: String {
    "arena \(arenaBytes) B, results \(resultBytes) B, aliased \(aliasedBytes) B, peak \(peakBytes) B"
  }

  /// Reads the plan back; `nil` unless it has this form, fits memory and its peak is right. The aliased bytes may be
  /// left out when there are none.
  init?(planText: String) {
    var amounts: [String: Int] = [:]
    for part in planText.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: " ")
      guard words.count == 3, words[2] == "B", let bytes = Int(words[1]), (0...TensorType.byteLimit).contains(bytes),
        amounts.updateValue(bytes, forKey: String(words[0])) == nil
      else { return nil }
    }
    let aliased = amounts.removeValue(forKey: "aliased") ?? 0
    guard let arena = amounts["arena"], let results = amounts["results"], let peak = amounts["peak"],
      amounts.count == 3, peak == arena + results
    else { return nil }
    self.init(arenaBytes: arena, resultBytes: results, aliasedBytes: aliased)
  }
}
