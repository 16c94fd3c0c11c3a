// Passes are values: a name, a line about it, and a function from program to program.
//
// Every pass is listed once, in `Pass.all`; the command line and the tests look there. A pass never changes the
// parameters of the program it is given, nor the number, order, types or labels of its results.

import BloxIR

/// What a pass may consult besides the program.
public struct PassContext: Sendable {
  /// Evaluates one op on constants. The runtime injects its reference interpreter; without it nothing is folded.
  public typealias Fold = @Sendable (Op, [DenseConstant]) throws(BloxError) -> [DenseConstant]

  /// Evaluates one op on constants.
  public var fold: Fold?
  /// Sizes of the named axes that the program's `axis_index` may mention.
  public var axes: [String: Int]
  /// The bytes of a region's results from which on fusion asks whether later regions can compute them again. Smaller
  /// ones stay in the first cache, where reading costs no more than computing.
  public var leastRecomputedBytes: Int
  /// The bytes of attention's scores from which on they are not stored as a whole.
  public var leastAttentionBytes: Int
  /// The bytes of a product's operand from which on arithmetic that makes it is done where the product packs it. Smaller
  /// ones stay in the caches until they are read.
  public var leastProducedBytes: Int

  /// Creates a context.
  public init(
    fold: Fold? = nil, axes: [String: Int] = [:], leastRecomputedBytes: Int = 1 << 16,
    leastAttentionBytes: Int = 8 << 20, leastProducedBytes: Int = 256 << 10
  ) {
    self.fold = fold
    self.axes = axes
    self.leastRecomputedBytes = leastRecomputedBytes
    self.leastAttentionBytes = leastAttentionBytes
    self.leastProducedBytes = leastProducedBytes
  }
}

/// A transformation of programs that keeps what they compute.
public struct Pass: Sendable {
  /// What happens to the bits of the results.
  public enum Exactness: String, Sendable {
    /// Every bit stays, but for NaN payloads, subnormals and intermediate overflow as XLA treats them
    /// (Simplify.swift says where), and for compiled float products, which may sum in another order when an operand's
    /// layout changes.
    case exact
    /// Sums may be taken in another order.
    case reassociates
  }

  /// The name in kebab case, such as `dce`.
  public let name: String
  /// What it does, in one line.
  public let summary: String
  /// What happens to the bits of the results.
  public let exactness: Exactness
  private let body: @Sendable (Program, PassContext) throws(BloxError) -> Program

  /// Creates a pass.
  public init(
    name: String, summary: String, exactness: Exactness = .exact,
    run body: @escaping @Sendable (Program, PassContext) throws(BloxError) -> Program
  ) {
    self.name = name
    self.summary = summary
    self.exactness = exactness
    self.body = body
  }

  /// The transformed program.
  public func run(_ program: Program, context: PassContext = PassContext()) throws(BloxError) -> Program {
    try body(program, context)
  }
}

extension Pass {
  /// Every pass, in the order in which the command line lists them.
  public static let all: [Pass] = [
    .inline, .deadCode, .commonSubexpressions, .simplify, .sink, .fuse, .schedule,
  ]

  /// The pass of a name.
  ///
  /// - Throws: ``BloxError/Code/usage`` with the nearest name for one that does not exist.
  public static func named(_ name: String) throws(BloxError) -> Pass {
    if let pass = all.first(where: { $0.name == name }) { return pass }
    let names = all.map(\.name)
    let nearest = names.min { editDistance(name, $0) < editDistance(name, $1) } ?? ""
    let hint = editDistance(name, nearest) <= 2 ? "did you mean \(nearest)? " : ""
    throw BloxError(.usage, "there is no pass named \(name); \(hint)passes: \(names.joined(separator: ", "))")
  }

  /// Splices called programs into their callers.
  public static let inline = Pass(
    name: "inline", summary: "Splices called programs into their callers."
  ) { (program, context) throws(BloxError) in try program.inliningCalls(axes: context.axes) }

  /// Removes what nobody reads.
  public static let deadCode = Pass(
    name: "dce", summary: "Removes instructions, and results of calls and regions, that nobody reads."
  ) { (program, context) throws(BloxError) in try program.eliminatingDeadCode(axes: context.axes) }

  /// Computes equal things once.
  public static let commonSubexpressions = Pass(
    name: "cse", summary: "Merges instructions that compute the same values."
  ) { (program, context) throws(BloxError) in try program.mergingCommonSubexpressions(axes: context.axes) }

  /// Rewrites by algebraic rules, folds constants, merges and removes.
  public static let simplify = Pass(
    name: "simplify", summary: "Applies exact algebraic rules, folds constants, merges and removes (cse, dce)."
  ) { (program, context) throws(BloxError) in try program.simplified(context) }

  /// Makes one product, after the loop, of those that a loop adds up.
  public static let sink = Pass(
    name: "sink", summary: "Makes one product, after the loop, of those that a loop only adds up.",
    exactness: .reassociates
  ) { (program, context) throws(BloxError) in try program.sinkingProducts(axes: context.axes) }

  /// Groups elementwise work into regions.
  public static let fuse = Pass(
    name: "fuse", summary: "Groups elementwise work over one iteration space into regions."
  ) { (program, context) throws(BloxError) in try program.fused(context) }

  /// Puts instructions in an order in which less memory is in use.
  public static let schedule = Pass(
    name: "schedule", summary: "Puts instructions in an order in which less memory is in use at the peak."
  ) { (program, context) throws(BloxError) in try program.scheduled(axes: context.axes) }
}

/// The number of insertions, removals and replacements that turn one name into another (Levenshtein).
func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a), Array(b))
  var row = Array(0...b.count)
  for i in a.indices {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
