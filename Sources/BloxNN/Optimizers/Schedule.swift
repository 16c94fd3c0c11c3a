// Numbers that change with the step: learning rates above all.

import BloxTrace

/// A number as a function of the step, counted from 0; values equal those of optax's schedules.
///
/// ```swift
/// let rate = try Schedule.warmupCosine(peak: 3e-4, warmup: 100, steps: 10_000)
/// let optimizer = AdamW(learningRate: rate)
/// ```
public struct Schedule: Sendable {
  /// The number of a schedule that never changes.
  private let fixed: Double?
  private let body: @Sendable (Tensor) throws -> Tensor

  /// Makes a schedule of a function from the step, `i32[]`, to a number, `f32[]`.
  public init(_ body: @escaping @Sendable (_ step: Tensor) throws -> Tensor) {
    fixed = nil
    self.body = body
  }

  private init(fixed: Double) {
    self.fixed = fixed
    body = { _ in try Tensor.full([], fixed) }
  }

  /// The number at a step, `f32[]`.
  public func callAsFunction(_ step: Tensor) throws -> Tensor { try body(step) }

  /// The number at a step.
  public func callAsFunction(_ step: Int) throws -> Double { try fixed ?? body(Tensor(step)).item() }

  /// The count of an optimizer that needs one only to follow the schedule.
  var firstStep: Tensor? { fixed == nil ? Tensor(0) : nil }

  /// Updates times minus the number at a step.
  func descend<Tree: TensorTree>(_ updates: Tree, _ step: Tensor?) throws -> Tree {
    if let fixed { return try treeMap(updates) { try $0 * -fixed } }
    guard let step else {
      throw BloxError(
        .structureMismatch,
        "the state has no count, which a learning rate that changes needs; make it with initialize(params) of the"
          + " optimizer that uses it")
    }
    let rate = try -body(step)
    return try treeMap(updates) { try $0 * rate.cast(to: $0.dtype) }
  }
}

extension Schedule {
  /// One number for all steps.
  public static func constant(_ value: Double) -> Schedule { Schedule(fixed: value) }

  /// A straight line between two numbers, which stay before and after it.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a number of steps that is not positive, or a negative begin.
  public static func linear(from start: Double, to end: Double, steps: Int, begin: Int = 0) throws -> Schedule {
    try polynomial(from: start, to: end, power: 1, steps: steps, begin: begin)
  }

  /// `(start - end) * (1 - t / steps)^power + end` for t steps since `begin`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a number of steps that is not positive, or a negative begin.
  public static func polynomial(
    from start: Double, to end: Double, power: Double, steps: Int, begin: Int = 0
  ) throws -> Schedule {
    try expectSteps(steps, "polynomial")
    try expectSteps(begin, least: 0, "polynomial")
    return Schedule { step in
      let done = try clip(step - begin, Tensor(0), Tensor(steps)).cast(to: .f32)
      let left = try 1 - done / Double(steps)
      return try (start - end) * (power == 1 ? left : pow(left, power)) + end
    }
  }

  /// Half a cosine from a number down to `alpha` times it, to the power of `exponent`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a number of steps that is not positive.
  public static func cosine(
    from start: Double, steps: Int, alpha: Double = 0, exponent: Double = 1
  ) throws -> Schedule {
    try expectSteps(steps, "cosine")
    return Schedule { step in
      let done = try minimum(step.cast(to: .f32), Double(steps))
      let wave = try 0.5 * (1 + cos(Double.pi * done / Double(steps)))
      return try start * ((1 - alpha) * (exponent == 1 ? wave : pow(wave, exponent)) + alpha)
    }
  }

  /// `start * rate^(t / steps)` for t steps since `begin`, in stairs if `staircase`, and never beyond `end`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a number of steps or a rate that is not positive, or a negative
  ///   begin.
  public static func exponential(
    from start: Double, rate: Double, steps: Int, begin: Int = 0, staircase: Bool = false, end: Double? = nil
  ) throws -> Schedule {
    try expectSteps(steps, "exponential")
    try expectSteps(begin, least: 0, "exponential")
    guard rate > 0, rate.isFinite else {
      throw BloxError(.invalidArgument, "Schedule.exponential: rate must be positive; got \(rate)")
    }
    return Schedule { step in
      let done = try step - begin
      let share = try done.cast(to: .f32) / Double(steps)
      let decayed = try start * pow(rate, staircase ? floor(share) : share)
      let value = try select(done .<= 0, start, decayed)
      guard let end else { return value }
      return rate < 1 ? try maximum(value, end) : try minimum(value, end)
    }
  }

  /// A number that is multiplied by a factor at each of some steps.
  ///
  /// - Parameters:
  ///   - start: The number before the first step of the list.
  ///   - factors: Steps with the factors from there on.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative factor.
  public static func piecewise(from start: Double, factors: KeyValuePairs<Int, Double>) throws -> Schedule {
    guard factors.allSatisfy({ $0.value >= 0 }) else {
      throw BloxError(
        .invalidArgument, "Schedule.piecewise: factors must not be negative; got \(factors.map(\.value))")
    }
    let pieces = factors.map { (step: $0.key, factor: $0.value) }
    for piece in pieces { try expectSteps(piece.step, least: 0, "piecewise") }
    return Schedule { step in
      try pieces.reduce(Tensor.full([], start)) { value, piece in
        try select(step .>= piece.step, value * piece.factor, value)
      }
    }
  }

  /// Schedules one after the other: the next begins, at its own step 0, at each boundary.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` unless there is one schedule more than boundaries, which ascend.
  public static func join(_ schedules: [Schedule], boundaries: [Int]) throws -> Schedule {
    guard let first = schedules.first, schedules.count == boundaries.count + 1 else {
      throw BloxError(
        .invalidArgument,
        "Schedule.join: \(boundaries.count) boundaries need \(boundaries.count + 1) schedules; got \(schedules.count)")
    }
    guard zip(boundaries, boundaries.dropFirst()).allSatisfy({ $0 <= $1 }) else {
      throw BloxError(.invalidArgument, "Schedule.join: the boundaries \(boundaries) must ascend")
    }
    for boundary in boundaries { try expectSteps(boundary, least: 0, "join") }
    return Schedule { step in
      var value = try first(step)
      for (boundary, schedule) in zip(boundaries, schedules.dropFirst()) {
        value = try select(step .< boundary, value, schedule(step - boundary))
      }
      return value
    }
  }

  /// A straight line from `start` to `peak` over `warmup` steps, and the peak from there on.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a number of steps that is not positive.
  public static func warmup(from start: Double = 0, peak: Double, warmup: Int) throws -> Schedule {
    try linear(from: start, to: peak, steps: warmup)
  }

  /// A straight line up to `peak` over `warmup` steps, then half a cosine down to `end` until step `steps`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` unless `0 < warmup < steps`.
  public static func warmupCosine(
    from start: Double = 0, peak: Double, warmup: Int, steps: Int, end: Double = 0, exponent: Double = 1
  ) throws -> Schedule {
    let left = try stepsLeft(steps, warmup, "warmupCosine")
    return try join(
      [
        linear(from: start, to: peak, steps: warmup),
        cosine(from: peak, steps: left, alpha: peak == 0 ? 0 : end / peak, exponent: exponent),
      ], boundaries: [warmup])
  }

  /// A straight line up to `peak` over `warmup` steps, then a straight line down to `end` until step `steps`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` unless `0 < warmup < steps`.
  public static func warmupLinear(
    from start: Double = 0, peak: Double, warmup: Int, steps: Int, end: Double = 0
  ) throws -> Schedule {
    let left = try stepsLeft(steps, warmup, "warmupLinear")
    return try join(
      [linear(from: start, to: peak, steps: warmup), linear(from: peak, to: end, steps: left)],
      boundaries: [warmup])
  }

  private static func stepsLeft(_ steps: Int, _ warmup: Int, _ name: String) throws -> Int {
    try expectSteps(warmup, name)
    guard steps > warmup else {
      throw BloxError(
        .invalidArgument, "Schedule.\(name): steps (\(steps)) count the warm-up and must exceed it (\(warmup))")
    }
    return steps - warmup
  }

  /// Steps are counted in `i32`.
  private static func expectSteps(_ steps: Int, least: Int = 1, _ name: String) throws {
    guard (least...Int(Int32.max)).contains(steps) else {
      throw BloxError(
        .invalidArgument, "Schedule.\(name): a number of steps must be in \(least)...\(Int32.max); got \(steps)")
    }
  }
}
