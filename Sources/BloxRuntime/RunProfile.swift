// Where the time of a run went, instruction by instruction.
import BloxIR

/// The times of one run of a planned program, or of all runs of a region of it.
public struct RunProfile: Sendable {
  /// What an instruction took.
  public struct Entry: Sendable {
    /// How often it ran.
    public fileprivate(set) var calls = 0
    /// The time of all its calls together, with what its regions took.
    public fileprivate(set) var time: Duration = .zero
    /// The regions of control flow, in the order of the op's; empty for other ops.
    public fileprivate(set) var regions: [RunProfile] = []
  }

  /// One call of an instruction, for a picture of the run over time.
  public struct Span: Sendable {
    /// The position of the instruction, and for those within regions first those of the instruction and the region
    /// around it: `[4, 0, 2]` is instruction 2 in region 0 of instruction 4.
    public let path: [Int]
    /// When it began, counted from the beginning of the run.
    public let start: Duration
    /// How long it took.
    public let duration: Duration
  }

  /// The program as it is planned.
  public let program: Program
  /// For each instruction, its times.
  public fileprivate(set) var entries: [Entry]
  /// The calls in the order of their ends, the first million of them; empty for a region's profile.
  public fileprivate(set) var spans: [Span] = []
  /// The time of the whole run, from the first instruction to the last; of a region, that of all its instructions.
  public fileprivate(set) var total: Duration = .zero
}

/// Takes the times of a run.
final class ProfileRecorder: RunObserver {
  private let map: StepMap
  private var entries: [RunProfile.Entry]
  private var regions: [Int: [ProfileRecorder]] = [:]
  private let path: [Int]
  private let clock = ContinuousClock()
  private let timeline: Timeline

  /// The calls of a whole run.
  private final class Timeline {
    private static let limit = 1_000_000
    private let origin = ContinuousClock.now
    private(set) var spans: [RunProfile.Span] = []
    private(set) var start: Duration?
    private(set) var end = Duration.zero

    func add(_ path: [Int], begun: ContinuousClock.Instant, _ duration: Duration) {
      let start = begun - origin
      self.start = min(self.start ?? start, start)
      end = start + duration
      // A loop may run for ever so long.
      if spans.count < Timeline.limit {
        spans.append(RunProfile.Span(path: path, start: start, duration: duration))
      }
    }
  }

  convenience init(_ map: StepMap) { self.init(map, path: [], Timeline()) }

  private init(_ map: StepMap, path: [Int], _ timeline: Timeline) {
    self.map = map
    self.path = path
    self.timeline = timeline
    entries = Array(repeating: RunProfile.Entry(), count: map.program.instructions.count)
    for (index, maps) in map.regions {
      regions[index] = maps.enumerated().map { ProfileRecorder($1, path: path + [index, $0], timeline) }
    }
  }

  func begin(_ index: Int, _ instruction: Instruction) -> ContinuousClock.Instant { clock.now }

  func end(_ index: Int, _ instruction: Instruction, _ begun: ContinuousClock.Instant) {
    let duration = clock.now - begun
    entries[index].calls += 1
    entries[index].time += duration
    timeline.add(path + [index], begun: begun, duration)
  }

  func inside(
    _ map: StepMap, region: Int, of index: Int, _ instruction: Instruction, _ place: RegionPlace
  ) -> ProfileRecorder {
    guard let recorder = regions[index]?[region] else { preconditionFailure("no recorder for the region \(region)") }
    return recorder
  }

  /// What was taken so far.
  var profile: RunProfile {
    var profile = RunProfile(program: map.program, entries: entries)
    for (index, recorders) in regions { profile.entries[index].regions = recorders.map(\.profile) }
    profile.total = entries.reduce(.zero) { $0 + $1.time }
    if path.isEmpty {
      profile.spans = timeline.spans
      profile.total = timeline.end - (timeline.start ?? timeline.end)
    }
    return profile
  }
}
