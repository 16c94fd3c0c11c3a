// Running programs, comparing engines, looking for values that are not finite.

import BloxIR
import BloxNN
import BloxTools
import Gallery
import Testing

@Suite("Program runs")
struct ProgramRunTests {
  private func run(_ body: String, _ inputs: [String]) throws -> ProgramRun {
    let program = try Program(parsing: "// blox-ir 1\n" + body, fileName: "f.bir")
    try program.verify()
    return ProgramRun(program, try Binding.arguments(inputs, for: program, seed: 0))
  }

  private let logs = """
    program @f(%0: f32[4] {arg="x"}) -> (f32[4] {arg="out"}) {
      %1: f32[4] = mul %0, 2.0
      %2: f32[4] = log %1  // net/loss  Train.swift:18
      %3: f32[4] = add %2, 1.0
      return %3
    }
    """

  @Test("The first NaN or infinity is reported with its instruction, place, inputs and their range")
  func nonFinite() throws {
    for engine in [Engine.compiled, .interp] {
      let error = #expect(throws: NonFiniteValue.self) {
        try run(logs, ["1,2,-0.25,3"]).checkFinite(engine)
      }
      #expect(
        error?.description == """
          non-finite: %2: f32[4] = log %1: f32[4]   element [2] = nan   from -0.5
            in (net/loss, Train.swift:18)
            %1: f32[4]   min -0.5   max 6.0
          """)
      let zero = #expect(throws: NonFiniteValue.self) { try run(logs, ["0"]).checkFinite(engine) }
      #expect(
        zero?.description.hasPrefix("non-finite: %2: f32[4] = log %1: f32[4]   element [0] = -inf   from 0.0\n") == true
      )
      try run(logs, ["1"]).checkFinite(engine)
      // An infinity that the program is given is none of its making; a NaN among the inputs is said at once.
      try run(logs, ["1,2,3,inf"]).checkFinite(engine)
      let given = #expect(throws: NonFiniteValue.self) { try run(logs, ["1,nan,3,4"]).checkFinite(engine) }
      #expect(given?.description == "non-finite: the input x: f32[4] holds nan at element 1")
    }
  }

  @Test(
    "Both engines agree on the gallery, as results and instruction by instruction",
    arguments: ["mlp", "mlp.grad", "train_step", "dropout.vmap"])
  func engines(name: String) throws {
    let program = try GalleryEntry.named(name).program(at: .grad)
    let run = ProgramRun(program, try Binding.arguments(["random"], for: program, seed: 3))
    _ = try run.comparedResults(nil)
    try run.compareEachOp(nil)
  }

  @Test("A difference says where, what, how far, and how many")
  func differences() throws {
    let double = """
      program @f(%0: f32[2,2] {arg="x"}) -> (f32[2,2] {arg="y"}) {
        %1: f32[2,2] = add %0, %0
        return %1
      }
      """
    let run = try run(double, ["1,2,3,4"])
    let results = try run.results()
    func message(_ text: String, _ tolerance: Tolerance = .exact) throws -> String? {
      do {
        try expect([text], of: run.program, results, tolerance)
        return nil
      } catch let error as CheckFailure { return error.description }
    }
    #expect(try message("2,4,6,8") == nil)
    #expect(
      try message("y=2,4,6.5,8.000001") == """
        y: f32[2,2] is not what was expected
          [1,0]  got 6.0  want 6.5  (1048576 ulp)   2 of 4 differ
        """)
    #expect(try message("2,4,6,8.000001", Tolerance(ulp: 1)) == nil)
    #expect(try message("2,4,6,8.000001", Tolerance(rtol: 1e-6)) == nil)
    #expect(try message("2,4,6,8.0001", Tolerance(ulp: 1, rtol: 1e-6)) != nil)
    #expect(try message("2,4,6,nan") != nil)
    #expect(try message("2,4,6,inf", Tolerance(rtol: 1)) != nil)
  }
}
