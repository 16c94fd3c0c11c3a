// What a mistyped word may have meant.

/// `; did you mean X?` for the candidate nearest to a word; empty where none is near.
package func suggestion(for word: String, among candidates: [String]) -> String {
  let scored = candidates.map { (candidate: $0, distance: editDistance(word, $0)) }
  // The first of equals, so that the answer does not depend on the order of comparison.
  guard let nearest = scored.min(by: { $0.distance < $1.distance }), nearest.distance <= max(2, word.count / 3)
  else { return "" }
  return "; did you mean \(nearest.candidate)?"
}

/// The number of letters to insert, delete or replace to get from one word to the other (Levenshtein).
private func editDistance(_ a: String, _ b: String) -> Int {
  let target = Array(b)
  var previous = Array(0...target.count)
  for (row, letter) in a.enumerated() {
    var current = [row + 1]
    for (column, other) in target.enumerated() {
      current.append(
        Swift.min(previous[column + 1] + 1, current[column] + 1, previous[column] + (letter == other ? 0 : 1)))
    }
    previous = current
  }
  return previous[target.count]
}
