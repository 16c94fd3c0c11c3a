// The closed set of primitive operations.
//
// An `Op` holds static attributes only; operands live in the instruction, so that dead-code elimination, CSE,
// substitution, liveness and printing need to know no op by name. Every rule over ops is an exhaustive `switch`
// without `default:`: a new case makes the compiler list what is missing. To add an elementwise op, add a case to
// its family here and follow the compiler; Docs/ADDING_AN_OP.md walks through it.

/// A primitive operation with its static attributes, without its operands.
public enum Op: Hashable, Sendable {
  /// A constant tensor; no operands.
  case constant(DenseConstant)
  /// An elementwise function of one tensor.
  case unary(Unary)
  /// An elementwise function of two tensors of one type.
  case binary(Binary)
  /// An elementwise comparison of two tensors of one type; gives `bool`.
  case compare(Comparison)
  /// `select predicate, onTrue, onFalse`, elementwise.
  case select
  /// `clamp low, x, high`: `min(max(x, low), high)`, elementwise.
  case clamp
  /// `fma a, b, c`: `a * b + c` rounded once. Made where JAX's compiled code contracts and its values depend on it.
  case fma
  /// Converts the element type, rounding or saturating as XLA does.
  case convert(DType)
  /// Reinterprets the bits as another element type of the same width.
  case bitcastConvert(DType)
  /// `x` raised to a static integer power.
  case integerPow(Int)
  /// Places operand dimension `i` at result dimension `dims[i]` and repeats along the others.
  case broadcastInDim(shape: [Int], dims: [Int])
  /// The same elements in row-major order under another shape.
  case reshape([Int])
  /// Result dimension `i` is operand dimension `permutation[i]`.
  case transpose([Int])
  /// A strided window.
  case slice(Slice)
  /// `pad x, value`: adds `value` at the edges (negative amounts crop) and between elements.
  case pad(Padding)
  /// Joins tensors along an axis.
  case concatenate(axis: Int)
  /// The index along an axis, converted to the dtype; no operands.
  case iota(TensorType, axis: Int)
  /// Reduces over axes, which disappear.
  case reduce(Reduction, axes: [Int])
  /// The `i32` index of the first extreme element along an axis, which disappears.
  case argReduce(ArgReduction, axis: Int)
  /// Combines each element along an axis with those before it, or after it if reversed.
  case cumulative(Cumulative, axis: Int, reverse: Bool)
  /// A product with batch and contracting dimensions.
  case dotGeneral(DotDimensions)
  /// A sum of products over a window that moves along spatial dimensions.
  case convolution(Convolution)
  /// Reads and writes at places that are known when the program runs.
  case indexing(Indexing)
  /// Reductions and selections of the elements under windows.
  case window(WindowOp)
  /// A factorisation or solution of matrices.
  case linearAlgebra(LinearAlgebra)
  /// A sort, or the largest elements.
  case ordering(Ordering)
  /// Random keys and bits.
  case random(RandomOp)
  /// Calls a program.
  case call(Callee)
  /// Calls a program that has a derivative of its own.
  case custom(CustomOp)
  /// The lane's index along a named axis, `i32[]`; no operands.
  case axisIndex(String)
  /// An exchange between the lanes of named axes.
  case collective(Collective)
  /// The identity, with a derivative of zero.
  case stopGradient
  /// The identity, which no pass looks through: what is computed before it is not merged, fused or simplified with
  /// what is computed from its result.
  case optimizationBarrier
  /// Prints its operands when it runs; the result is the first operand. An effect: passes keep it, and the order of
  /// several.
  case debugPrint(DebugPrint)
  /// A region that runs as one kernel; made by the fusion pass.
  case fusion(Fusion)
  /// A loop, a choice, or a region that derivatives compute again.
  case control(Control)
  /// The identity; the name is what a checkpoint's policy refers to.
  case checkpointName(String)
}

extension Op {
  /// An elementwise function of one tensor.
  public enum Unary: String, CaseIterable, Hashable, Sendable {
    case neg, abs, sign, floor, ceil
    case exp, log, log1p, sqrt, rsqrt, tanh, logistic, erf
    case erfInv = "erf_inv"
    case not
    case isFinite = "is_finite"
    case exp2, expm1, cbrt
    case sin, cos, tan, asin, acos, atan
    case sinh, cosh, asinh, acosh, atanh
    case erfc, lgamma, digamma
    /// To the nearest integer, ties to the even one.
    case roundNearestEven = "round_nearest_even"
    /// To the nearest integer, ties away from zero.
    case roundNearestAway = "round_nearest_away"
    /// The number of ones among an integer's bits.
    case populationCount = "population_count"
    /// The number of zeros above an integer's highest one.
    case clz
  }

  /// An elementwise function of two tensors of one type.
  public enum Binary: String, CaseIterable, Hashable, Sendable {
    case add, sub, mul, div, rem, pow, max, min, and, or, xor
    case shiftLeft = "shift_left"
    case shiftRightLogical = "shift_right_logical"
    case shiftRightArithmetic = "shift_right_arithmetic"
    /// `atan2 y, x`: the angle of the point (x, y).
    case atan2
    /// The next number after the left operand towards the right one.
    case nextafter

    /// Whether the operands may be exchanged without changing a bit of the result.
    public var isCommutative: Bool {
      switch self {
      case .add, .mul, .max, .min, .and, .or, .xor: true
      case .sub, .div, .rem, .pow, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: false
      case .atan2, .nextafter: false
      }
    }
  }

  /// The direction of a comparison.
  public enum Comparison: String, CaseIterable, Hashable, Sendable {
    case eq, ne, lt, le, gt, ge
  }

  /// What a reduction combines elements with.
  public enum Reduction: String, CaseIterable, Hashable, Sendable {
    case sum, max, min, and, or
    case prod, xor
  }

  /// Which extreme an index reduction looks for; the first NaN wins, then the first extreme element.
  public enum ArgReduction: String, CaseIterable, Hashable, Sendable {
    case argmax, argmin
  }

  /// The window of a slice: elements `starts[d]`, `starts[d] + strides[d]`, … below `limits[d]`.
  public struct Slice: Hashable, Sendable {
    /// The first index per dimension.
    public var starts: [Int]
    /// The exclusive end per dimension.
    public var limits: [Int]
    /// The step per dimension, at least 1.
    public var strides: [Int]

    /// Creates a window; strides default to 1.
    public init(starts: [Int], limits: [Int], strides: [Int]? = nil) {
      self.starts = starts
      self.limits = limits
      self.strides = strides ?? starts.map { _ in 1 }
    }
  }

  /// Padding amounts per dimension.
  public struct Padding: Hashable, Sendable {
    /// Elements added before the first; negative crops.
    public var low: [Int]
    /// Elements added after the last; negative crops.
    public var high: [Int]
    /// Elements added between neighbours, at least 0.
    public var interior: [Int]

    /// Creates amounts; the interior defaults to none.
    public init(low: [Int], high: [Int], interior: [Int]? = nil) {
      self.low = low
      self.high = high
      self.interior = interior ?? low.map { _ in 0 }
    }
  }

  /// The dimension numbers of a product. The result has the batch dimensions, then the free dimensions of the left
  /// operand, then those of the right operand, each in order.
  public struct DotDimensions: Hashable, Sendable {
    /// Batch dimensions of the left operand.
    public var lhsBatch: [Int]
    /// Batch dimensions of the right operand, in the order of `lhsBatch`.
    public var rhsBatch: [Int]
    /// Contracting dimensions of the left operand.
    public var lhsContract: [Int]
    /// Contracting dimensions of the right operand, in the order of `lhsContract`.
    public var rhsContract: [Int]
    /// The dtype that elements are multiplied and summed in and that the result has; the operands' when `nil`. Floats
    /// give floats, integers give floats or integers of the same kind, and nothing narrower than the operands.
    public var preferred: DType?

    /// Creates dimension numbers.
    public init(
      lhsBatch: [Int] = [], rhsBatch: [Int] = [], lhsContract: [Int], rhsContract: [Int], preferred: DType? = nil
    ) {
      self.preferred = preferred
      self.lhsBatch = lhsBatch
      self.rhsBatch = rhsBatch
      self.lhsContract = lhsContract
      self.rhsContract = rhsContract
    }

    /// The left operand's dimensions that are neither batch nor contracting.
    public func lhsFree(rank: Int) -> [Int] {
      (0..<rank).filter { !lhsBatch.contains($0) && !lhsContract.contains($0) }
    }

    /// The right operand's dimensions that are neither batch nor contracting.
    public func rhsFree(rank: Int) -> [Int] {
      (0..<rank).filter { !rhsBatch.contains($0) && !rhsContract.contains($0) }
    }
  }

  /// Random keys and bits: threefry2x32 in JAX's partitionable layout.
  public enum RandomOp: Hashable, Sendable {
    /// A key from an integer seed: words `(0, seed mod 2^32)` (64-bit seeds give both words).
    case seed
    /// `random_fold_in keys, data`: a new key from each key and `u32` of the same shape.
    case foldIn
    /// New keys of shape `keys.shape + shape` from each key.
    case split([Int])
    /// Random words of shape `keys.shape + shape` and an unsigned dtype.
    case bits(shape: [Int], DType)
    /// `u32[…, 2]` words to keys.
    case wrap
    /// Keys to `u32[…, 2]` words.
    case unwrap
  }

  /// A program to be called. Shared by reference, so that copying an instruction is cheap; compared by content.
  public struct Callee: Hashable, Sendable {
    private let box: ProgramBox
    /// The called program.
    public var program: Program { box.program }
    /// Whether the program has an effect.
    package var hasEffect: Bool { box.hasEffect }
    /// Creates a callee.
    public init(_ program: Program) { box = ProgramBox(program) }
  }

  /// What kind of kernel a fusion region runs as. The first two may also return reductions over
  /// the leading dimensions.
  public enum FusionKind: String, CaseIterable, Hashable, Sendable {
    /// Elementwise work over one iteration space, tile by tile.
    case loop
    /// The same with reductions of the trailing dimensions, row by row: what a reduction gives is used at once for the
    /// elements of its row.
    case row
    /// A product of matrices or a convolution, first in the region and of its parameters, and elementwise work over what
    /// it gives: each block of the product goes through that work while it is in the cache, and is then stored.
    case contraction
    /// A product of matrices, work over its rows, and a product of what these become: some rows at a time go through all
    /// three, and never are all of them in memory.
    case attention
  }

  /// A fused region: its parameters are the instruction's operands.
  public struct Fusion: Hashable, Sendable {
    private let box: ProgramBox
    /// How the region runs.
    public var kind: FusionKind
    /// The region's instructions.
    public var region: Program { box.program }
    /// Creates a fusion.
    public init(kind: FusionKind, region: Program) {
      self.kind = kind
      box = ProgramBox(region)
    }
  }
}

/// An immutable, shared program with a cached structural hash.
private final class ProgramBox: Hashable, Sendable {
  let program: Program
  let hasEffect: Bool
  private let cachedHash: Int

  init(_ program: Program) {
    self.program = program
    var hasher = Hasher()
    program.hash(into: &hasher)
    cachedHash = hasher.finalize()
    hasEffect = program.instructions.contains { $0.op.hasEffect }
  }

  static func == (a: ProgramBox, b: ProgramBox) -> Bool {
    a === b || (a.cachedHash == b.cachedHash && a.program == b.program)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(cachedHash) }
}

extension Op {
  /// The op's name in program text.
  public var name: String {
    switch self {
    case .constant: "constant"
    case .unary(let op): op.rawValue
    case .binary(let op): op.rawValue
    case .compare: "compare"
    case .select: "select"
    case .clamp: "clamp"
    case .fma: "fma"
    case .convert: "convert"
    case .bitcastConvert: "bitcast_convert"
    case .integerPow: "integer_pow"
    case .broadcastInDim: "broadcast_in_dim"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .slice: "slice"
    case .pad: "pad"
    case .concatenate: "concatenate"
    case .iota: "iota"
    case .reduce(let kind, _): "reduce_" + kind.rawValue
    case .argReduce(let kind, _): kind.rawValue
    case .cumulative(let kind, _, _): kind.rawValue
    case .dotGeneral: "dot_general"
    case .convolution: "conv_general_dilated"
    case .random(let op):
      switch op {
      case .seed: "random_seed"
      case .foldIn: "random_fold_in"
      case .split: "random_split"
      case .bits: "random_bits"
      case .wrap: "random_wrap"
      case .unwrap: "random_unwrap"
      }
    case .call: "call"
    case .indexing(let op): op.name
    case .custom(let op): op.name
    case .axisIndex: "axis_index"
    case .collective(let collective): collective.name
    case .stopGradient: "stop_gradient"
    case .linearAlgebra(let op): op.name
    case .window(let op): op.name
    case .ordering(let op): op.name
    case .optimizationBarrier: "optimization_barrier"
    case .debugPrint: "debug_print"
    case .fusion: "fusion"
    case .control(let control): control.name
    case .checkpointName: "checkpoint_name"
    }
  }

  /// The program of a fusion, if the op is one. A callee is not a region: it is printed as a program.
  public var region: Program? {
    switch self {
    case .fusion(let fusion): fusion.region
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .random, .call, .axisIndex, .stopGradient:
      nil
    case .custom, .collective: nil
    case .indexing: nil
    case .cumulative: nil
    case .control, .checkpointName: nil
    case .linearAlgebra, .optimizationBarrier: nil
    case .convolution: nil
    case .window: nil
    case .ordering: nil
    case .debugPrint: nil
    }
  }

  /// The byte at which the result begins in the operand, if the op is a slice that takes a run of its elements.
  package func runStart(of result: TensorType, in operand: TensorType) -> Int? {
    guard case .slice(let slice) = self, result.elementCount > 0 else { return nil }
    // Dimensions of one element, one that is cut, whole ones.
    let cut = result.shape.indices.first { result.shape[$0] > 1 } ?? result.rank
    var (start, inner) = (0, operand.dtype.byteCount)
    for dim in result.shape.indices.reversed() {
      if dim > cut, result.shape[dim] != operand.shape[dim] { return nil }
      if result.shape[dim] > 1, slice.strides[dim] != 1 { return nil }
      start += slice.starts[dim] * inner
      inner *= operand.shape[dim]
    }
    return start
  }

  /// Whether the op multiplies and sums up: the products that a region of kind=contraction begins with.
  public var isContraction: Bool {
    switch self {
    case .dotGeneral, .convolution: true
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .random, .call,
      .axisIndex, .stopGradient, .fusion:
      false
    case .custom, .collective: false
    case .indexing: false
    case .cumulative: false
    case .control, .checkpointName: false
    case .linearAlgebra, .optimizationBarrier: false
    case .window: false
    case .ordering: false
    case .debugPrint: false
    }
  }

  /// Whether the op computes each result element from the operand elements at the same index, so that it can run
  /// inside a tile and batches by adding a dimension.
  public var isElementwise: Bool {
    switch self {
    case .unary, .binary, .compare, .select, .clamp, .fma, .convert, .integerPow, .stopGradient: true
    case .bitcastConvert, .checkpointName: true
    case .constant, .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce,
      .dotGeneral, .random, .call, .axisIndex, .fusion:
      false
    case .custom, .collective: false
    case .indexing: false
    case .cumulative: false
    case .control: false
    case .linearAlgebra, .optimizationBarrier: false
    case .convolution: false
    case .window: false
    case .ordering: false
    case .debugPrint: false
    }
  }
}
