// Loops and branches at run time: a step sets the addresses that move, then runs the steps of a region.
//
// An iteration costs a few stores besides its kernels. Nothing is copied but what must end up elsewhere: an iteration
// reads a slice of a stacked operand where it is, writes a slice of a stacked result where it belongs, and reads the
// carry where the one before wrote it. The first reads what the carry starts with where that is.
import BloxIR
import CBloxKernels

/// A slice of a stacked tensor, by iteration.
struct SliceMove: BitwiseCopyable {
  let slot: Int32
  let base: Int32
  /// The size of a slice, in bytes.
  let stride: Int
}

/// A value from iteration to iteration; see `CarryPlace`.
struct CarryMove: BitwiseCopyable {
  enum Place: BitwiseCopyable {
    case inPlace, stacked, alternating
  }

  var place: Place
  /// What the carry starts with.
  var initial: Int32
  /// Where an iteration reads and writes it.
  var parameter: Int32
  var target: Int32
  /// Where it must be in the end, and the other place of one that alternates.
  var result: Int32
  var alternate: Int32
  let byteCount: Int
}

/// The carries of a loop.
struct CarryList: BitwiseCopyable {
  let carries: UnsafePointer<CarryMove>
  let count: Int

  /// Before the first iteration. With an even number of iterations, the first one writes to the alternate place, so
  /// that the last one writes to the result.
  func start(_ memory: RunMemory, iterationsAreEven: Bool) {
    let table = memory.table
    for index in 0..<count {
      let carry = carries[index]
      switch carry.place {
      case .inPlace: copy(from: carry.initial, to: carry.result, carry.byteCount, memory)
      case .stacked: table[Int(carry.parameter)] = table[Int(carry.initial)]
      case .alternating:
        table[Int(carry.parameter)] = table[Int(carry.initial)]
        table[Int(carry.target)] = table[Int(iterationsAreEven ? carry.alternate : carry.result)]
      }
    }
  }

  /// After an iteration: what it wrote is what the next one reads.
  @inline(__always)
  func advance(_ memory: RunMemory) {
    let table = memory.table
    for index in 0..<count {
      let carry = carries[index]
      switch carry.place {
      case .inPlace: break
      case .stacked: table[Int(carry.parameter)] = table[Int(carry.target)]
      case .alternating:
        let written = table[Int(carry.target)]
        let result = table[Int(carry.result)]
        table[Int(carry.parameter)] = written
        table[Int(carry.target)] = written == result ? table[Int(carry.alternate)] : result
      }
    }
  }

  /// After the last iteration.
  func finish(_ memory: RunMemory) {
    for index in 0..<count where carries[index].place != .inPlace {
      copy(from: carries[index].parameter, to: carries[index].result, carries[index].byteCount, memory)
    }
  }

  private func copy(from source: Int32, to target: Int32, _ byteCount: Int, _ memory: RunMemory) {
    let (from, to) = (memory.address(source), memory.address(target))
    if from != to { to.update(from: from, count: byteCount) }
  }
}

/// A loop of known length.
struct ScanStep: BitwiseCopyable {
  let body: StepList
  let length: Int
  let isReversed: Bool
  let slices: UnsafePointer<SliceMove>
  let sliceCount: Int
  let carries: CarryList

  func run(_ memory: RunMemory) { iterate(memory) { _ in body.run(memory) } }

  /// Calls a closure for each iteration with the index of its slices.
  @inline(__always)
  func iterate<Failure: Error>(_ memory: RunMemory, _ body: (Int) throws(Failure) -> Void) throws(Failure) {
    carries.start(memory, iterationsAreEven: length & 1 == 0)
    for step in 0..<length {
      let index = isReversed ? length - 1 - step : step
      for position in 0..<sliceCount {
        let slice = slices[position]
        memory.table[Int(slice.slot)] = memory.address(slice.base) + index * slice.stride
      }
      try body(index)
      carries.advance(memory)
    }
    carries.finish(memory)
  }
}

/// A loop that runs as long as a condition holds.
struct LoopStep: BitwiseCopyable {
  let condition: StepList
  /// Where the condition's result is.
  let predicate: Int32
  let body: StepList
  let carries: CarryList

  func run(_ memory: RunMemory) {
    iterate(memory) { _ in
      condition.run(memory)
    } body: { _ in
      body.run(memory)
    }
  }

  /// Calls closures for the condition and the body of each iteration, with its number.
  @inline(__always)
  func iterate<Failure: Error>(
    _ memory: RunMemory, condition: (Int) throws(Failure) -> Void, body: (Int) throws(Failure) -> Void
  ) throws(Failure) {
    carries.start(memory, iterationsAreEven: false)
    var index = 0
    while true {
      try condition(index)
      if memory.address(predicate).pointee == 0 { break }
      try body(index)
      carries.advance(memory)
      index += 1
    }
    carries.finish(memory)
  }
}

/// A choice between regions.
struct BranchStep: BitwiseCopyable {
  let selector: Int32
  let isPredicate: Bool
  let branches: UnsafePointer<StepList>
  let count: Int

  func run(_ memory: RunMemory) { branches[chosen(memory)].run(memory) }

  /// The position of the branch that is chosen.
  func chosen(_ memory: RunMemory) -> Int {
    let selector = memory.address(selector)
    if isPredicate { return selector.pointee == 0 ? 1 : 0 }
    return min(max(Int(UnsafeRawPointer(selector).loadUnaligned(as: Int32.self)), 0), count - 1)
  }
}
