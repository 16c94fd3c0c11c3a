// The cheapest set of vertices that separates sources from sinks.

/// A directed graph of vertices with costs, of which a cheapest cut is asked.
///
/// Each vertex is an edge from its entry to its exit that carries as much as the vertex costs; by max-flow min-cut
/// (Ford and Fulkerson, 1956) the saturated vertices between what sources still reach and what they do not are a
/// cheapest cut. Flow is sent along shortest ways, level by level (Dinic, 1970).
struct MinimumCut {
  /// A cost that no cut pays.
  static let unlimited = Int.max / 4

  private struct Edge {
    let target: Int
    var capacity: Int
  }

  /// Edge `2k + 1` is the way back of edge `2k`.
  private var edges: [Edge] = []
  private var outgoing: [[Int]] = [[], []]
  private let source = 0
  private let sink = 1

  /// Adds a vertex and gives its number.
  mutating func addVertex(cost: Int) -> Int {
    let vertex = outgoing.count / 2 - 1
    outgoing += [[], []]
    addEdge(entry(vertex), exit(vertex), cost)
    return vertex
  }

  /// Lets what reaches the first vertex reach the second.
  mutating func connect(_ from: Int, _ to: Int) { addEdge(exit(from), entry(to), MinimumCut.unlimited) }

  /// Makes a vertex one that is to be separated from the sinks, itself included.
  mutating func markSource(_ vertex: Int) { addEdge(source, entry(vertex), MinimumCut.unlimited) }

  /// Makes a vertex one that is to be separated from the sources, itself included.
  mutating func markSink(_ vertex: Int) { addEdge(exit(vertex), sink, MinimumCut.unlimited) }

  /// The vertices of a cheapest cut, as near to the sources as there is one, and what they cost together; `nil` when
  /// every cut has a vertex of ``unlimited`` cost.
  mutating func solve() -> (vertices: [Int], cost: Int)? {
    var cost = 0
    while let levels = levels() {
      var next = Array(repeating: 0, count: outgoing.count)
      while let sent = send(levels, &next) {
        cost += sent
        if cost >= MinimumCut.unlimited { return nil }
      }
    }
    let reached = reachable()
    let vertices = (0..<outgoing.count / 2 - 1).filter { reached[entry($0)] && !reached[exit($0)] }
    return (vertices, cost)
  }

  private func entry(_ vertex: Int) -> Int { 2 * vertex + 2 }
  private func exit(_ vertex: Int) -> Int { 2 * vertex + 3 }

  private mutating func addEdge(_ from: Int, _ to: Int, _ capacity: Int) {
    outgoing[from].append(edges.count)
    edges.append(Edge(target: to, capacity: capacity))
    outgoing[to].append(edges.count)
    edges.append(Edge(target: from, capacity: 0))
  }

  /// The distance of each node from the source over edges that still carry something; `nil` if the sink is not
  /// reached.
  private func levels() -> [Int]? {
    var levels = Array(repeating: -1, count: outgoing.count)
    levels[source] = 0
    var queue = [source]
    var head = 0
    while head < queue.count {
      let node = queue[head]
      head += 1
      for edge in outgoing[node] where edges[edge].capacity > 0 && levels[edges[edge].target] < 0 {
        levels[edges[edge].target] = levels[node] + 1
        queue.append(edges[edge].target)
      }
    }
    return levels[sink] < 0 ? nil : levels
  }

  private func reachable() -> [Bool] {
    var isReached = Array(repeating: false, count: outgoing.count)
    isReached[source] = true
    var pending = [source]
    while let node = pending.popLast() {
      for edge in outgoing[node] where edges[edge].capacity > 0 && !isReached[edges[edge].target] {
        isReached[edges[edge].target] = true
        pending.append(edges[edge].target)
      }
    }
    return isReached
  }

  /// Sends as much as one way from the source to the sink carries; `nil` if there is no way along falling levels.
  ///
  /// - Parameter next: For each node the first of its edges that may still lead to the sink.
  private mutating func send(_ levels: [Int], _ next: inout [Int]) -> Int? {
    var way: [Int] = []
    var node = source
    while node != sink {
      if next[node] < outgoing[node].count {
        let edge = outgoing[node][next[node]]
        let target = edges[edge].target
        if edges[edge].capacity > 0 && levels[target] == levels[node] + 1 {
          way.append(edge)
          node = target
        } else {
          next[node] += 1
        }
      } else {
        guard let back = way.popLast() else { return nil }
        node = edges[back ^ 1].target
        next[node] += 1
      }
    }
    let sent = way.map { edges[$0].capacity }.min() ?? 0
    for edge in way {
      edges[edge].capacity -= sent
      edges[edge ^ 1].capacity += sent
    }
    return sent
  }
}
