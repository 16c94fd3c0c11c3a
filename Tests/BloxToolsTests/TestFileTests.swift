// Directives in the comments of `.bir` files.

import BloxIR
import BloxTools
import Gallery
import Testing

@Suite("Directives of .bir files")
struct TestFileTests {
  private static let program = """
    program @f(%0: f32[3] {arg="x"}) -> (f32[3] {arg="y"}) {
      %1: f32[3] = tanh %0
      %2: f32[3] = tanh %0
      %3: f32[3] = add %1, %2
      return %3
    }

    """

  private func file(_ directives: String..., body: String = program, blocks: String = "") -> TestFile {
    TestFile(path: "f.bir", text: "// blox-ir 1\n" + directives.map { "// test: \($0)\n" }.joined() + body + blocks)
  }

  private func failure(_ file: TestFile) -> String? {
    do {
      _ = try file.check()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("What holds passes, and every directive counts")
  func passing() throws {
    let double = """
      program @f(%0: f32[3] {arg="x"}) -> (f32[3] {arg="y"}) {
        %1: f32[3] = add %0, %0
        return %1
      }

      """
    let file = file(
      "verify", "roundtrip", "run x=3xf32=1,2,3 == 3xf32=2,4,6", "run 1.5 == y=3",
      "run random seed=1 engines-agree", "run iota engines-agree ulp<=0", "threads 1,2,7 bit-equal",
      "grad-check eps=1e-2 rtol=1e-2", "opt vmap error \"needs the number of lanes\"", body: double)
    #expect(try file.check() == 12)
    #expect(try self.file().check() == 3)
    #expect(try self.file("grad-check seed=4", "run 0 == 0 ulp<=0").check() == 5)
  }

  @Test("What does not hold fails with its line and what is there instead")
  func failing() {
    for (directive, message) in [
      (
        "run x=0 == y=1",
        "f.bir: line 2: run x=0 == y=1\n  interp: y: f32[3] is not what was expected\n  [0]  got 0.0  want 1.0"
      ),
      (
        "opt cse",
        "f.bir: line 2: opt cse\n  there is no '// ----' with what it must print; run `blox-ir check --bless f.bir`"
      ),
      ("opt cse error \"x\"", "f.bir: line 2: opt cse error \"x\"\n  no pass failed"),
      (
        "opt vmap error \"y\"",
        "f.bir: line 2: opt vmap error \"y\"\n  another error\n  - y\n  + the pass vmap failed: "
      ),
      ("error \"no\"", "f.bir: line 2: the program is valid; expected \"no\""),
      ("grad-check eps=3 rtol=1e-6", "f.bir: line 2: grad-check eps=3 rtol=1e-6\n  jvp "),
      ("frobnicate", "f.bir: line 2: there is no directive 'frobnicate'; directives: verify, roundtrip, opt"),
      ("run 1", "f.bir: line 2: run needs '== RESULTS' or 'engines-agree'"),
      ("run banana == 1", "f.bir: line 2: 'banana' is no value"),
      ("threads 1,2", "f.bir: line 2: write: threads 1,2,7 bit-equal"),
      ("run 1 == 2 ulp<=x", "f.bir: line 2: 'ulp<=x' needs a number"),
      ("opt nothing", "f.bir: line 2: there is no pass named 'nothing'"),
    ] {
      let text = failure(file(directive))
      #expect(text?.hasPrefix(message) == true, "\(text ?? "passed")")
    }
  }

  @Test("Invalid programs are what error is for")
  func invalidPrograms() throws {
    let bad = "program @f(%0: f32[3]) -> (f32[3]) {\n  %1: f32[2] = tanh %0\n  return %1\n}\n"
    let message = try #require(failure(file("verify", body: bad)))
    #expect(message.hasPrefix("f.bir:4:"))
    #expect(try file("error \"f32[2]\"", body: bad).check() == 1)
    #expect(
      failure(file("error \"banana\"", body: bad))?.hasPrefix("f.bir: line 2: another error\n  - banana\n  + f.bir:4:")
        == true)
  }

  @Test("opt prints what the block holds; blessing writes it")
  func blocks() throws {
    let fresh = file("opt cse,dce", "opt simplify,fuse")
    let text = try #require(try fresh.regenerated())
    #expect(
      text == """
        // blox-ir 1
        // test: opt cse,dce
        // test: opt simplify,fuse
        program @f(%0: f32[3] {arg="x"}) -> (f32[3] {arg="y"}) {
          %1: f32[3] = tanh %0
          %2: f32[3] = tanh %0
          %3: f32[3] = add %1, %2
          return %3
        }
        // ----
        program @f(%0: f32[3] {arg="x"}) -> (f32[3] {arg="y"}) {
          %1: f32[3] = tanh %0
          %2: f32[3] = add %1, %1
          return %2
        }
        // ----
        program @f(%0: f32[3] {arg="x"}) -> (f32[3] {arg="y"}) {
          %1: f32[3] = fusion %0 {kind=loop} region(%2: f32[3]) {
            %3: f32[3] = tanh %2
            %4: f32[3] = add %3, %3
            return %4
          }
          return %1
        }

        """)
    let blessed = TestFile(path: "f.bir", text: text)
    #expect(try blessed.check() == 5)
    #expect(try blessed.regenerated() == text)
    let stale = TestFile(path: "f.bir", text: text.replacing("add %1, %1", with: "mul %1, %1"))
    #expect(
      failure(stale) == """
        f.bir: line 2: opt cse,dce
          prints something else; look at the change, then run `blox-ir check --bless f.bir`
          -   %2: f32[3] = mul %1, %1
          +   %2: f32[3] = add %1, %1
        """)
    #expect(failure(TestFile(path: "f.bir", text: text + "// ----\n")) == "f.bir: 1 more '// ----' than '// test: opt'")
  }
}
