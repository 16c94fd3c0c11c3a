// The figures of the digits example beside its peers (peers/digits_jax.py, peers/matmul_numpy.py): one JSON line each.
//
// USAGE: slice-bench [digits] [calls] [matmul]

import BloxNN
import BloxRuntime
import Gallery

/// Seconds that a block takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  let elapsed = ContinuousClock.now - start
  return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
}

/// The median seconds of one call: batches of about `slice` seconds for `total` seconds.
func median(total: Double = 1, slice: Double = 0.01, _ body: () throws -> Void) rethrows -> Double {
  for _ in 0..<3 { try body() }
  let once = try seconds(body)
  let calls = max(1, Int(slice / max(once, 1e-9)))
  var samples: [Double] = []
  var spent = 0.0
  while spent < total || samples.count < 5 {
    let time = try seconds { for _ in 0..<calls { try body() } }
    samples.append(time / Double(calls))
    spent += time
  }
  return samples.sorted()[samples.count / 2]
}

/// Numbers in [-1, 1] that are the same every time.
func values(_ count: Int) -> [Float] { (0..<count).map { Float(($0 &* 2_654_435_761) & 0xFFFF) / 32768 - 1 } }

func digits(hidden: Int, batch: Int, threads: Int) throws {
  ThreadPool.setThreadCount(threads)
  let training = try DigitsTraining(hiddenSize: hidden)
  var (params, state) = try training.initialize(seed: 0)
  let step = jit(name: "train_step", donating: [0, 1], training.step)
  let images = try Tensor(shape: [batch, 64], scalars: values(batch * 64))
  let labels = try Tensor(shape: [batch], scalars: (0..<batch).map { ($0 * 7 + 3) % 10 })
  var loss = Tensor(0.0)
  let run = { (params, state, loss) = try step(params, state, images, labels) }
  let first = try seconds(run)
  let time = try median(run)
  let waiting = try median {
    try run()
    _ = try loss.item()
  }
  print(
    """
    {"peer":"blox","workload":"digits","hidden":\(hidden),"batch":\(batch),"threads":\(threads),\
    "steps_per_s":\(Int(1 / time)),"steps_per_s_reading_loss":\(Int(1 / waiting)),\
    "trace_and_compile_ms":\(fixed((first - time) * 1e3, decimals: 2))}
    """)
}

/// What calls cost beside their arithmetic, in microseconds.
func calls() throws {
  let scalar = jit { (x: Tensor) in try x * 2 + 1 }
  let x = Tensor(1.0)
  let scalarTime = try median { _ = try scalar(x) }
  let y = try Tensor.ones([4])
  let eager = try median { _ = try y + y }
  var params = Params()
  for index in 0..<10 { params = try params.setting(ParamPath(["\(index)"]), to: Param(try Tensor.ones([4]))) }
  let step = jit(donating: [0]) { (params: Params) in try treeMap(params) { try $0 * 0.5 } }
  let paramsTime = try median { params = try step(params) }
  // A scan's step beside its kernels: a long one less a short one.
  let scan = { (length: Int) in
    jit { (x: Tensor) in
      try BloxNN.scan(x, length: length) { (carry: Tensor) in (try carry * 0.5, [] as [Tensor]) }.0
    }
  }
  let (long, short) = (scan(101_000), scan(1000))
  let start = try Tensor.ones([8])
  let longTime = try median { _ = try long(start) }
  let shortTime = try median { _ = try short(start) }
  print(
    """
    {"peer":"blox","workload":"calls","jit_scalar_us":\(fixed(scalarTime * 1e6, decimals: 3)),\
    "eager_add_us":\(fixed(eager * 1e6, decimals: 3)),"jit_params_10_us":\(fixed(paramsTime * 1e6, decimals: 3)),\
    "scan_step_us":\(fixed((longTime - shortTime) * 1e6 / 100_000, decimals: 3))}
    """)
}

func matmul(_ size: Int, threads: Int) throws {
  ThreadPool.setThreadCount(threads)
  let a = try Tensor(shape: [size, size], scalars: values(size * size))
  let product = jit { (a: Tensor, b: Tensor) in try a.matmul(b) }
  let time = try median { _ = try product(a, a) }
  let flops = 2 * Double(size) * Double(size) * Double(size)
  print(
    """
    {"peer":"blox","workload":"matmul","size":\(size),"threads":\(threads),\
    "gflops":\(fixed(flops / time / 1e9, decimals: 1))}
    """)
}

let wanted = CommandLine.arguments.dropFirst()
func isWanted(_ workload: String) -> Bool { wanted.isEmpty || wanted.contains(workload) }

for threads in [1, 2] where isWanted("digits") {
  try digits(hidden: 128, batch: 32, threads: threads)
  try digits(hidden: 1024, batch: 256, threads: threads)
}
if isWanted("calls") { try calls() }
for threads in [1, 2] where isWanted("matmul") {
  for size in [512, 1024] { try matmul(size, threads: threads) }
}
