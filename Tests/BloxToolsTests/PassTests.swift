// Passes by name, with arguments.

import BloxIR
import BloxNN
import BloxPasses
import BloxRuntime
import BloxTools
import Testing

@Suite("Passes by name")
struct PassTests {
  static let layer = """
    // blox-ir 1
    program @layer(%0: f32[2,3] {arg="x"}, %1: f32[3,4] {arg="w"}) -> (f32[2,4] {arg="out"}) {
      %2: f32[2,4] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[2,4] = tanh %2  // net/act  Model.swift:3
      return %3
    }
    """

  private func layer() throws -> Program { try Program(parsing: PassTests.layer) }

  private func types(_ program: Program) -> [String] {
    program.parameters.map(\.type.description) + ["->"] + program.resultTypes.map(\.description)
  }

  private func run(_ passes: String) throws -> Program { try PassRun(try layer(), passes: passes).program }

  @Test("Transformations change parameters and results as they say")
  func transformations() throws {
    let (x, w, y) = ("f32[2,3]", "f32[3,4]", "f32[2,4]")
    #expect(try types(run("jvp")) == [x, w, x, w, "->", y, y])
    #expect(try types(run("jvp:wrt=w")) == [x, w, w, "->", y, y])
    #expect(try types(run("vjp")) == [x, w, y, "->", y, x, w])
    #expect(try types(run("vjp:wrt=1")) == [x, w, y, "->", y, w])
    #expect(try types(run("vmap:size=5")) == ["f32[5,2,3]", "f32[5,3,4]", "->", "f32[5,2,4]"])
    #expect(try types(run("vmap:size=5,axis=2,shared=w")) == ["f32[2,3,5]", w, "->", "f32[2,4,5]"])
    #expect(try types(run("vmap:size=5,shared=w+x")) == [x, w, "->", "f32[5,2,4]"])
    #expect(
      try types(run("vmap:size=0,vmap:axis=1,size=2,simplify")) == [
        "f32[0,2,2,3]", "f32[0,2,3,4]", "->", "f32[0,2,2,4]",
      ])
    #expect(try run("simplify,fuse,plan").memory != nil)
    #expect(try run("plan,cse,dce").memory == nil || run("plan,cse,dce").verificationErrors() == [])
    #expect(try run("vjp,vmap:size=2,jvp:wrt=x,inline,simplify,fuse,plan").verificationErrors() == [])
  }

  @Test("A lane's index has a meaning once vmap has named its axis")
  func namedAxis() throws {
    let text = """
      // blox-ir 1
      program @f(%0: i32[2] {arg="x"}) -> (i32[2]) {
        %1: i32[] = axis_index {axis="batch"}
        %2: i32[2] = broadcast_in_dim %1 {dims=[]}
        %3: i32[2] = add %0, %2
        return %3
      }
      """
    let program = try PassRun(Program(parsing: text), passes: "cse,vmap:size=3,name=batch,axis=1").program
    let x = DenseConstant(Literal(10, as: .i32), shape: [2, 3])
    let y = try ReferenceInterpreter.run(program, [x])[0]
    #expect((0..<6).map { y[$0].signedValue } == [10, 11, 12, 10, 11, 12])
    #expect(throws: BloxError.self) { try PassRun(Program(parsing: text), passes: "cse") }
  }

  @Test("opt with vjp,dce,fuse computes what grad computes, bit for bit")
  func sameAsLibrary() throws {
    let (x, w) = (try Key(1).normal([2, 3]), try Key(2).normal([3, 4]))
    let f = { (x: Tensor, w: Tensor) in try tanh(x.matmul(w)).sum() }
    let traced = try makeProgram(name: "f", arguments: ["x", "w"], f, x, w)
    let program = try PassRun(traced, passes: "vjp:wrt=x,dce,fuse").program
    let one = DenseConstant(Literal(1, as: .f32), shape: [])
    for engine in [Engine.compiled, .interp] {
      let results = try ProgramRun(program, [x.constant(), w.constant(), one]).results(engine)
      let (value, gradient) = try jit { (x: Tensor, w: Tensor) in try valueAndGrad(f)(x, w) }(x, w)
      if engine == .compiled {
        #expect(try results == [value.constant(), gradient.constant()])
      } else {
        #expect(results.map(\.type) == [value.type, gradient.type])
      }
    }
  }

  @Test("Names and arguments that do not exist are wrong usage")
  func errors() throws {
    for (passes, message) in [
      ("dec", "there is no pass named 'dec'; did you mean dce?; passes: jvp, vjp, grad, transpose, vmap, inline, dce"),
      ("", "there is no pass named ''"),
      ("dce,,cse", "there is no pass named ''"),
      ("dce:x=1", "the pass dce takes no arguments; got 'x=1'"),
      ("vmap:sise=3", "the pass vmap takes size=N[,axis=A][,name=NAME][,shared=NAME+NAME]; got 'sise=3'"),
      ("vmap:size=2,size=3", "the pass vmap is given size twice"),
      ("jvp:wrt", "the pass jvp takes wrt=NAME+NAME; got 'wrt'"),
    ] {
      let error = #expect(throws: BloxError.self) { try run(passes) }
      #expect(error?.code == .usage)
      #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }
    for (passes, message) in [
      ("vmap", "the pass vmap failed: vmap needs the number of lanes, as in vmap:size=4"),
      ("vmap:size=-1", "the pass vmap:size=-1 failed: vmap: size needs a whole number from 0, not '-1'"),
      ("jvp:wrt=z", "the pass jvp:wrt=z failed: jvp: @layer has no parameter 'z'; it has x, w"),
      (
        "vmap:size=2,axis=3",
        "the pass vmap:size=2,axis=3 failed: vmap: axis 3 is out of range for the parameter x of type f32[2,3]"
      ),
      (
        "cse,grad",
        "the pass grad failed: gradient only defined for scalar-output functions; the output has type f32[2,4]"
      ),
      ("vmap:size=9223372036854775807", "the pass vmap:size=9223372036854775807 failed: "),
    ] {
      let error = #expect(throws: PassFailure.self) { try run(passes) }
      #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
  }

  @Test("A failing pass leaves a file that repeats it")
  func reproducer() throws {
    let error = #expect(throws: PassFailure.self) { try run("cse,grad:wrt=x,dce,fuse") }
    let text = try #require(error?.reproducer)
    #expect(PassRun.passes(inReproducer: text) == "grad:wrt=x,dce,fuse")
    let again = try Program(parsing: text)
    #expect(try again == layer())
    let second = #expect(throws: PassFailure.self) { try PassRun(again, passes: "grad:wrt=x,dce,fuse") }
    #expect(second?.description == error?.description)
  }

  @Test("Reports: changes, times, counts, the list of passes")
  func reports() throws {
    let run = try PassRun(layer(), passes: "cse,jvp")
    #expect(run.steps.map(\.isChange) == [false, true])
    #expect(run.steps[0].report(PrintOptions()) == "// cse: no change")
    #expect(
      run.steps[1].report(PrintOptions()).hasPrefix(
        "// after jvp: 2 -> 9 instructions\n// blox-ir 1\nprogram @layer.jvp("))
    #expect(run.timingTable.split(separator: "\n").map { $0.prefix(5) } == ["pass ", "cse  ", "jvp  ", "total"])
    #expect(run.timingTable.hasSuffix("   2 -> 9\n"))
    #expect(run.statisticsTable.contains("dot_general       1       3\n"))
    for template in PassTemplate.all {
      #expect(PassRun.list.contains("\n" + template.name) || PassRun.list.hasPrefix(template.name))
    }
  }
}
