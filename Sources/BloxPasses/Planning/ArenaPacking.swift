// Offsets in the arena for blocks with known lifetimes.
//
// Greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020): large blocks
// first, each into the tightest gap between the blocks that live at the same time. Ties go to the earlier block, so
// the plan depends on the program alone.

/// A request for arena memory from one instruction to another, both included.
struct ArenaRequest {
  let byteCount: Int
  let start: Int
  var end: Int
}

/// The alignment of values in the arena, in bytes: a cache line and the widest vector.
let arenaAlignment = 64

/// An offset for each request and the size of the arena.
func packArena(_ requests: [ArenaRequest]) -> (offsets: [Int], byteCount: Int) {
  var offsets = Array(repeating: 0, count: requests.count)
  var total = 0
  // Indices of placed requests, by offset.
  var placed: [Int] = []
  let order = requests.indices.filter { requests[$0].byteCount > 0 }
    .sorted { (requests[$1].byteCount, $0) < (requests[$0].byteCount, $1) }
  for index in order {
    let request = requests[index]
    let size = aligned(request.byteCount)
    var best: (offset: Int, gap: Int)?
    var cursor = 0
    for other in placed where requests[other].start <= request.end && request.start <= requests[other].end {
      let gap = offsets[other] - cursor
      if gap >= size, best == nil || gap < best!.gap { best = (cursor, gap) }
      cursor = max(cursor, offsets[other] + aligned(requests[other].byteCount))
    }
    offsets[index] = best?.offset ?? cursor
    total = max(total, offsets[index] + size)
    let position = placed.firstIndex { offsets[$0] > offsets[index] } ?? placed.count
    placed.insert(index, at: position)
  }
  return (offsets, total)
}

/// The room that bytes take in the arena.
func aligned(_ byteCount: Int) -> Int {
  (byteCount + arenaAlignment - 1) / arenaAlignment * arenaAlignment
}
