// Arguments that no function is meant for: sizes that are negative or overflow, axes beyond all ranks, numbers that are
// none. Each is an error with a message, or has a result; none traps.

import Testing

@testable import BloxTrace

@Suite("Hostile arguments")
struct HostileArgumentTests {
  /// A function of a size, axis, shift or the like.
  struct Call: Sendable, CustomTestStringConvertible {
    let name: String
    let call: @Sendable (_ number: Int, _ matrix: Tensor) throws -> Void
    var testDescription: String { name }

    init(_ name: String, _ call: @escaping @Sendable (Int, Tensor) throws -> Any) {
      self.name = name
      self.call = { _ = try call($0, $1) }
    }
  }

  private static let numbers = [Int.min, Int.min + 1, -1 << 48, -7, -1, 0, 1, 7, 1 << 48, Int.max - 1, Int.max]

  private static func axes() -> [Call] {
    var all: [Call] = []
    func add(_ name: String, _ call: @escaping @Sendable (Int, Tensor) throws -> Any) { all.append(Call(name, call)) }
    add("sum") { try $1.sum([$0]) }
    add("mean, twice") { try $1.mean([$0, $0]) }
    add("variance") { try $1.variance([$0]) }
    add("average") { try $1.average([$0]) }
    add("all") { try $1.all([$0]) }
    add("prod") { try $1.prod([$0]) }
    add("nanSum") { try $1.nanSum([$0]) }
    add("nanMax") { try $1.nanMax([$0]) }
    add("median") { try $1.median([$0]) }
    add("argmax") { try $1.argmax($0) }
    add("sort") { try $1.sort(axis: $0) }
    add("argsort") { try $1.argsort(axis: $0) }
    add("lexsort") { try lexsort([$1], axis: $0) }
    add("topK along") { try $1.topK(1, axis: $0) }
    add("cumsum") { try $1.cumsum(axis: $0) }
    add("cumLogSumExp") { try $1.cumLogSumExp(axis: $0) }
    add("flip") { try $1.flip([$0]) }
    add("roll along") { try $1.roll(1, axis: $0) }
    add("repeated along") { try $1.repeated(2, axis: $0) }
    add("split along") { try $1.split(1, axis: $0) }
    add("unstack") { try $1.unstack(axis: $0) }
    add("moveAxis") { try $1.moveAxis($0, to: $0) }
    add("swapAxes") { try $1.swapAxes($0, $0) }
    add("rot90 in") { try $1.rot90(1, axes: ($0, 0)) }
    add("expandDims") { try $1.expandDims($0) }
    add("squeeze") { try $1.squeeze([$0]) }
    add("transpose") { try $1.transpose([$0, $0]) }
    add("slice along") { try $1.slice(0..<1, axis: $0) }
    add("at along") { try $1.at(0, axis: $0) }
    add("concatenate") { try concatenate([$1, $1], axis: $0) }
    add("stack") { try stack([$1, $1], axis: $0) }
    add("diff along") { try $1.diff(axis: $0) }
    add("softmax") { try softmax($1, axis: $0) }
    add("softmax over") { try softmax($1, axes: [$0, 0]) }
    add("logSoftmax") { try logSoftmax($1, axis: $0) }
    add("logSumExp") { try logSumExp($1, [$0]) }
    add("glu") { try glu($1, axis: $0) }
    add("standardize") { try standardize($1, [$0]) }
    add("norm") { try $1.norm([$0]) }
    add("Linalg.norm") { try Linalg.norm($1, .p(2), $0) }
    add("take along") { try $1.take(Tensor(0), axis: $0) }
    add("takeAlongAxis") { try $1.takeAlongAxis(Tensor.zeros([1, 1], dtype: .i32), axis: $0) }
    add("putAlongAxis") { try $1.putAlongAxis(Tensor.zeros([1, 1], dtype: .i32), Tensor(1.0), axis: $0) }
    add("dynamicSlice along") { try $1.dynamicSlice(Tensor(0), size: 1, axis: $0) }
    add("dynamicIndex along") { try $1.dynamicIndex(Tensor(0), axis: $0) }
    add("dynamicUpdateSlice along") { try $1.dynamicUpdateSlice($1, at: Tensor(0), axis: $0) }
    add("iota along") { n, _ in try Tensor.iota([2, 3], axis: n) }
    add("Key.at along") { n, _ in try Key(0).split(3).at(0, axis: n) }
    add("categorical") { try Key(0).categorical($1, axis: $0) }
    add("permutation along") { try Key(0).permutation(of: $1, axis: $0) }
    add("choice along") { try Key(0).choice(from: $1, [2], axis: $0) }
    add("associativeScan") { number, x in try associativeScan(x, axis: number) { try $0 + $1 } }
    add("vmap in") { number, x in try vmap(inAxes: [.at(number)]) { (x: Tensor) in x }(x) }
    add("vmap out") { number, x in try vmap(outAxes: [.at(number)]) { (x: Tensor) in x }(x) }
    add("tensordot along") { try $1.tensordot($1, axes: ([$0], [$0])) }
    add("quantile of axes") { try $1.quantile(0.5, [$0, 1]) }
    add("allGather") { number, x in
      try vmap(axisName: "i") { (x: Tensor) in try allGather(x, "i", axis: number) }(x)
    }
    add("psumScatter") { number, x in
      try vmap(axisName: "i") { (x: Tensor) in try psumScatter(x, "i", axis: number, tiled: true) }(x)
    }
    add("allToAll") { number, x in
      try vmap(axisName: "i") { (x: Tensor) in try allToAll(x, "i", splitAxis: number, concatAxis: number) }(x)
    }
    return all
  }

  private static func sizes() -> [Call] {
    var all: [Call] = []
    func add(_ name: String, _ call: @escaping @Sendable (Int, Tensor) throws -> Any) { all.append(Call(name, call)) }
    add("zeros") { n, _ in try Tensor.zeros([n, 2]) }
    add("full of two") { n, _ in try Tensor.full([n, n], 1) }
    add("iota") { n, _ in try Tensor.iota([2, n]) }
    add("arange") { n, _ in try Tensor.arange(n) }
    add("eye") { n, _ in try Tensor.eye(n) }
    add("reshape") { try $1.reshape([$0, -1]) }
    add("reshape to a product") { try $1.reshape([$0, $0, -1]) }
    add("reshape whole") { try $1.reshape([$0]) }
    add("broadcast") { try $1.broadcast(to: [$0, 2, 3]) }
    add("tile") { try $1.tile([$0, 2]) }
    add("repeated") { try $1.repeated($0) }
    add("split") { try $1.split($0) }
    add("split at") { try $1.split(at: [$0, $0]) }
    add("oneHot") { n, _ in try oneHot(Tensor.zeros([2], dtype: .i32), n) }
    add("topK") { try $1.topK($0) }
    add("unique") { try $1.unique(size: $0) }
    add("nonzero") { try $1.nonzero(size: $0) }
    add("linspace") { n, _ in try Tensor.linspace(0, 1, count: n) }
    add("bincount") { n, _ in try bincount(Tensor.zeros([2], dtype: .i32), count: n) }
    add("segmentSum") { n, x in try segmentSum(x, Tensor.zeros([2], dtype: .i32), count: n) }
    add("segmentMax") { n, x in try segmentMax(x, Tensor.zeros([2], dtype: .i32), count: n) }
    add("dynamicSlice") { try $1.dynamicSlice([Tensor(0), Tensor(0)], sizes: [$0, 1]) }
    add("Tensor of a shape") { n, _ in try Tensor(shape: [n, 2], scalars: [1.0]) }
    add("empty Tensor of a shape") { n, _ in try Tensor(shape: [n, 0, n], scalars: [Double]()) }
    add("Key.split") { n, _ in try Key(0).split(n) }
    add("Key.split to a shape") { n, _ in try Key(0).split([n, n]) }
    add("bits") { n, _ in try Key(0).bits([n, 3]) }
    add("normal") { n, _ in try Key(0).normal([3, n]) }
    add("uniform") { n, _ in try Key(0).uniform([n]) }
    add("permutation") { n, _ in try Key(0).permutation(n) }
    add("choice") { n, _ in try Key(0).choice(n, [2], replacing: false) }
    add("choice of a shape") { n, _ in try Key(0).choice(3, [n, n]) }
    add("gamma") { n, _ in try Key(0).gamma(1, [n, 2]) }
    add("poisson") { n, _ in try Key(0).poisson(1, [n, 2]) }
    add("ball") { n, _ in try Key(0).ball(dimensions: n) }
    add("orthogonal") { n, _ in try Key(0).orthogonal(n) }
    add("orthogonal of columns") { n, _ in try Key(0).orthogonal(2, columns: n) }
    add("dirichlet") { n, x in try Key(0).dirichlet(square(x) + 1, [n]) }
    add("multivariateNormal") { n, _ in try Key(0).multivariateNormal(Tensor.zeros([2]), Tensor.eye(2), [n]) }
    add("scan") { n, _ in
      // A loop that long would run for years.
      guard n < 1 << 30 else { return 0 }
      return try scan(Tensor(0), length: n) { ($0, $0) }
    }
    add("unroll") { n, x in try fold(Tensor.zeros([3]), x, unroll: n) { try $0 + $1 } }
    add("map in batches") { n, x in try map(x, batchSize: n) { try $0.sum() } }
    add("vmap's size") { n, x in
      guard n < 1 << 30 else { return 0 }
      return try vmap(axisSize: n) { (x: Tensor) in x }(x)
    }
    add("window") { n, _ in try Tensor.ones([1, 4, 1]).reduceWindow(.sum, window: [1, n, 1]) }
    add("strides of a window") { n, _ in
      try Tensor.ones([1, 4, 1]).reduceWindow(.max, window: [1, 2, 1], strides: [1, n, 1])
    }
    add("dilation of a window") { n, _ in
      try Tensor.ones([4]).reduceWindow(.sum, window: [2], baseDilation: [n], windowDilation: [n])
    }
    add("padding of a window") { n, _ in
      try Tensor.ones([4]).reduceWindow(.sum, window: [2], padding: .explicit([(low: n, high: n)]))
    }
    add("maxPool") { n, _ in try maxPool(Tensor.ones([1, 4, 1]), window: PerDimension(n)) }
    add("avgPool") { n, _ in try avgPool(Tensor.ones([1, 4, 1]), window: 2, strides: PerDimension(n), padding: .same)
    }
    add("conv strides") { n, _ in try conv(Tensor.ones([1, 4, 1]), Tensor.ones([2, 1, 1]), strides: PerDimension(n)) }
    add("conv dilations") { n, _ in
      try conv(
        Tensor.ones([1, 4, 1]), Tensor.ones([2, 1, 1]), inputDilation: PerDimension(n), kernelDilation: PerDimension(n))
    }
    add("conv padding") { n, _ in
      try conv(Tensor.ones([1, 4, 1]), Tensor.ones([2, 1, 1]), padding: .explicit([(low: n, high: n)]))
    }
    add("conv groups") { n, _ in try conv(Tensor.ones([1, 4, 1]), Tensor.ones([2, 1, 1]), featureGroups: n) }
    add("conv batch groups") { n, _ in try conv(Tensor.ones([1, 4, 1]), Tensor.ones([2, 1, 1]), batchGroups: n) }
    add("convTranspose") { n, _ in
      try convTranspose(Tensor.ones([1, 4, 1]), Tensor.ones([2, 1, 1]), strides: PerDimension(n))
    }
    add("convolutionPatches") { n, _ in try convolutionPatches(Tensor.ones([1, 4, 1]), window: [n]) }
    add("layout") { n, x in try conv(x, x, layout: .channelsLast(spatialDimensions: n)) }
    add("layout, channels first") { n, x in try conv(x, x, layout: .channelsFirst(spatialDimensions: n)) }
    add("cacheLimit") { n, x in try jit(cacheLimit: n) { (x: Tensor) in x }(x) }
    add("donating") { n, x in try jit(donating: ArgumentSelection([n])) { (x: Tensor) in try x + 1 }(x) }
    add("expectTraces") { n, x in try expectTraces(n) { x } }
    add("groups") { n, x in
      try vmap(axisName: "i") { (x: Tensor) in try psum(x, "i", groups: [[n, 0]]) }(x)
    }
    add("ppermute") { n, x in
      try vmap(axisName: "i") { (x: Tensor) in try ppermute(x, "i", [(source: n, target: n)]) }(x)
    }
    add("pshuffle") { n, x in try vmap(axisName: "i") { (x: Tensor) in try pshuffle(x, "i", [n, 0]) }(x) }
    return all
  }

  private static func places() -> [Call] {
    var all: [Call] = []
    func add(_ name: String, _ call: @escaping @Sendable (Int, Tensor) throws -> Any) { all.append(Call(name, call)) }
    add("index") { try $1[$0] }
    add("index behind") { try $1[0..., $0] }
    add("range from") { try $1[$0...] }
    add("stride") { try $1[.stride(by: $0)] }
    add("stride between") { try $1[.stride(from: $0, to: $0, by: $0)] }
    add("update") { try $1.at[$0].set(1) }
    add("update of a stride") { try $1.at[.stride(by: $0)].add($1) }
    add("at") { try $1.at($0) }
    add("slice") { try $1.slice($0 - ($0 == .max ? 1 : 0)..<$0) }
    add("slice of all") { try $1.slice(starts: [$0, $0], limits: [$0, $0], strides: [$0, $0]) }
    add("pad") { try $1.pad(low: [$0, 0], high: [$0, 0]) }
    add("pad inside") { try $1.pad(low: [0, 0], high: [0, 0], interior: [$0, 0]) }
    add("pad with edges") { try $1.pad([(before: $0, after: $0), (before: 0, after: 0)], mode: .edge) }
    add("pad reflected") { try $1.pad([(before: $0, after: 0), (before: 0, after: 0)], mode: .reflect) }
    add("roll") { try $1.roll($0) }
    add("rot90") { try $1.rot90($0) }
    add("tril") { try $1.tril($0) }
    add("triu") { try $1.triu($0) }
    add("diag") { n, _ in try Tensor([1, 2]).diag(n) }
    add("diag of a matrix") { try $1.diag($0) }
    add("diagonal") { try $1.diagonal($0) }
    add("trace") { try $1.trace($0) }
    add("diff") { try $1.diff($0) }
    add("variance with freedom") { try $1.variance(freedom: $0) }
    add("shiftLeft") { n, _ in try shiftLeft(Tensor(1), n) }
    add("pow") { try pow($1, $0) }
    add("round") { try round($1, decimals: $0) }
    add("mod") { n, _ in try mod(Tensor(5), n) }
    add("scalars") { try ($1 + $0) * $0 - $0 }
    add("scalar division") { n, _ in try Tensor(7) % n }
    add("matrixPower") { n, _ in try Linalg.matrixPower(Tensor.eye(2), n) }
    add("foldIn") { n, _ in try Key(n).foldIn(n) }
    add("randint") { n, _ in try Key(0).randint([4], low: n, high: n) }
    add("randint upwards") { n, _ in try Key(0).randint([4], low: n, high: .max, dtype: .i8) }
    add("attention window") { n, _ in
      let x = try Tensor.ones([1, 2, 1, 2])
      return try dotProductAttention(x, x, x, window: (before: n, after: n))
    }
    add("forLoop") { n, _ in try forLoop(n..<n, Tensor(1)) { _, x in x } }
    add("switchCase") { n, x in try switchCase(Tensor(n, dtype: .i64), [{ x }, { x }]) as Tensor }
    add("which") { n, x in try which(Tensor(n, dtype: .i64), [x, x]) }
    add("dynamicSlice at") { try $1.dynamicSlice(Tensor($0, dtype: .i64), size: 1) }
    add("take") { try $1.take(Tensor($0, dtype: .i64), axis: 0) }
    add("tensordot") { try $1.tensordot($1, axes: $0) }
    add("Tensor of an integer") { n, _ in
      DType.allCases.filter { $0 != .key }.map { Tensor(n, dtype: $0) }
    }
    return all
  }

  @Test("axes, sizes and places of any number", arguments: axes() + sizes() + places())
  func integers(call: Call) throws {
    let matrix = try Tensor([[1, 2, 3], [4, 5, 6]])
    for number in Self.numbers {
      do {
        try call.call(number, matrix)
      } catch let error as BloxError {
        #expect(!error.message.isEmpty, "\(call.name)(\(number)): \(error)")
      }
    }
  }

  @Test("floating-point arguments that are no numbers") func floats() throws {
    let x = try Tensor([[1, 2, 3], [4, 5, 6]])
    var calls: [(String, (Double) throws -> Any)] = []
    func add(_ name: String, _ call: @escaping (Double) throws -> Any) { calls.append((name, call)) }
    add("arange") { try Tensor.arange(from: 0, to: $0) }
    add("arange by") { try Tensor.arange(from: 0, to: 3, by: $0) }
    add("linspace") { try Tensor.linspace($0, 1, count: 3) }
    add("full") { try Tensor.full([2], $0, dtype: .i32) }
    add("scalar") { Tensor($0, dtype: .u8) }
    add("elements") { try Tensor([$0, 1], dtype: .i64) }
    add("bernoulli") { try Key(0).bernoulli($0, [3]) }
    add("uniform") { try Key(0).uniform([2], low: $0, high: 1) }
    add("truncatedNormal") { try Key(0).truncatedNormal([2], low: $0) }
    add("gamma") { try Key(0).gamma($0, [2]) }
    add("beta") { try Key(0).beta($0, 1, [2]) }
    add("poisson") { try Key(0).poisson($0, [2]) }
    add("generalizedNormal") { try Key(0).generalizedNormal(power: $0, [2]) }
    add("ball") { try Key(0).ball(dimensions: 2, power: $0) }
    add("quantile") { try x.quantile($0) }
    add("percentile") { try x.percentile($0) }
    add("pow") { try pow(x, $0) }
    add("clip") { try clip(x, $0, $0) }
    add("pad") { try x.cast(to: .i32).pad(low: [1, 1], high: [0, 0], value: $0) }
    add("fill") { try x.cast(to: .i32).take(Tensor(9), axis: 0, fill: $0) }
    add("unique") { try x.cast(to: .i32).unique(size: 9, fill: $0) }
    add("update") { try x.cast(to: .u8).at[0].set($0) }
    add("reduceWindow") { try x.cast(to: .i32).reduceWindow(.sum, window: [1, 1], initial: $0) }
    add("scalar arithmetic") { try x.cast(to: .i32) + $0 }
    add("rotary") { try rotaryEmbedding(Tensor.ones([1, 2, 1, 2]), base: $0) }
    for (name, call) in calls {
      for number in [Double.nan, .infinity, -.infinity, 1e300, -1e300, 0, -1, .leastNonzeroMagnitude] {
        do {
          _ = try call(number)
        } catch let error as BloxError {
          #expect(!error.message.isEmpty, "\(name)(\(number)): \(error)")
        }
      }
    }
  }

  @Test("functions of nothing") func nothing() throws {
    var calls: [() throws -> Any] = []
    func add(_ call: @escaping () throws -> Any) { calls.append(call) }
    add { try concatenate([]) }
    add { try stack([]) }
    add { try einsum("", []) }
    add { try einsum("->", []) }
    add { try sort([]) }
    add { try lexsort([]) }
    add { try Tensor(shape: [], scalars: [Double]()) }
    add { try Tensor([Double]()).max() }
    add { try Tensor([Double]()).argmax() }
    add { try Tensor([Double]()).sort() }
    add { try Tensor([Double]()).median() }
    add { try Tensor([Double]()).mean() }
    add { try softmax(Tensor([Double]())) }
    add { try which(Tensor(0), []) }
    add { try which([], otherwise: Tensor(0)) }
    add { try switchCase(Tensor(0), [() throws -> Tensor]()) }
    add { try psum(Tensor(1), []) }
    add { try meshgrid([]) }
    add { try PerDimension([]).values(2, "strides", for: "conv") }
    add { try Tensor.ones([1, 0, 1]).reduceWindow(.max, window: [1, 1, 1]) }
    add { try Tensor([[Double]]()).diag() }
    add { try conv(Tensor.ones([0, 4, 1]), Tensor.ones([2, 1, 1])) }
    add { try Linalg.solve(Tensor.zeros([0, 0]), Tensor.zeros([0, 2])) }
    add { try Linalg.eigh(Tensor.zeros([0, 0])) }
    add { try Linalg.det(Tensor.zeros([0, 0])) }
    add { try Linalg.qr(Tensor.zeros([0, 3])) }
    add { try Linalg.cholesky(Tensor(1.0)) }
    add { try Key(0).permutation(0) }
    add { try Key(0).choice(0, [2]) }
    add { try Key(0).categorical(Tensor([Double]())) }
    add { try interp(Tensor([1]), Tensor([Double]()), Tensor([Double]())) }
    add { try Tensor([1])[Tensor([Double](), dtype: .i32)] }
    add { try debugPrint(format: "{") }
    add { try debugPrint(format: "{.99999999999999999999}", Tensor(1.0)) }
    add { try ConvolutionLayout(input: "", kernel: "", output: "") }
    add { try axisIndex([]) }
    add { try treeMap([[Tensor]]()) { $0[0] } }
    add { try bincount(Tensor([Double](), dtype: .i32), count: 3) }
    for (index, call) in calls.enumerated() {
      do {
        _ = try call()
      } catch let error as BloxError {
        #expect(!error.message.isEmpty, "call \(index): \(error)")
      }
    }
  }
}
