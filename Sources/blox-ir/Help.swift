// What `--help` shows. Each text has examples that run as they stand.

import Gallery

enum Help {
  /// The subcommands in the order in which they are listed.
  static let commands = ["dump", "opt", "run", "check", "diff", "explain", "bench", "profile", "gallery"]

  /// Every text, for tests of its examples.
  static var all: [String] { [general, dump, opt, run, check, diff, explain, bench, profile, gallery] }

  static let general = """
    blox-ir - looks at programs on their way through the blox compiler

    A function over tensors is traced into a typed program, differentiated, batched, simplified, fused and given its
    memory. Every stage of that is text, which this tool prints, reads back and checks.

    USAGE
      blox-ir COMMAND [OPTIONS]

    COMMANDS
      dump      print a program at a stage of compilation
      opt       run passes over a program: optimisations, derivatives, lanes, memory plans
      run       run a program on inputs, on either engine or both compared
      check     check that programs are valid, golden files up to date, and what their comments say
      diff      compare two programs, whatever their values are called
      explain   what a program needs in memory, costs and becomes, what became of arguments, what an op is
      bench     measure a program with several numbers of threads
      profile   show which instructions of a program take the time, and how fast they could be
      gallery   list the built-in programs

    PROGRAMS
      @NAME     a built-in program of the gallery, such as @mlp
      FILE      a .bir file
      -         standard input

    EXAMPLES
      blox-ir dump @linear
      blox-ir dump @train_step --stage planned
      blox-ir dump @mlp --stage grad | blox-ir check -
      blox-ir dump @linear | blox-ir opt - --pass vjp,dce,fuse | blox-ir run - --input random

    EXIT CODES
      0  all is well
      1  a check failed: a golden file is out of date, results are not what was expected, engines differ
      2  wrong usage: an unknown command, option, stage, pass, program or setting, a value of the wrong type
      3  the input is no valid program
      4  anything else: a file that cannot be read or written, a pass that fails, a value that is not finite

    blox-ir COMMAND --help says more about a command. The text form is described in Docs/IR.md.
    """

  static var dump: String {
    let stages = Stage.allCases.map { stage in
      "    \(stage.rawValue)\(String(repeating: " ", count: 12 - stage.rawValue.count))\(stage.summary)"
    }
    return """
      blox-ir dump - prints a program at a stage of compilation

      USAGE
        blox-ir dump PROGRAM [--stage STAGE] [--set NAME=N]... [--batch N] [--summary] [--locations] [-o FILE]
        blox-ir dump PROGRAM --all-stages DIR

      STAGES
      \(stages.joined(separator: "\n"))

      OPTIONS
        --stage STAGE      the stage; 'traced' when not given
        --set NAME=N       a size of a gallery program; blox-ir gallery lists them
        --batch N          the same as --set batch=N
        --summary          counts of ops, arithmetic and parameters instead of the program
        --locations        source lines beside module paths in the comments
        --all-stages DIR   write every stage to DIR/NAME.STAGE.bir, and nothing to standard output but the paths
        -o FILE            write to a file instead of standard output

      A gallery program that is a training step or a gradient is traced as its loss; from 'grad' on it is the whole.

      EXAMPLES
        blox-ir dump @mlp --stage grad --batch 32
        blox-ir dump @train_step --stage planned --set hidden=128 --summary
        blox-ir dump IRSamples/linear.traced.bir --stage fused
        blox-ir dump @train_step --all-stages stages
      """
  }

  static let opt = """
    blox-ir opt - runs passes over a program

    The passes run in the given order; the verifier checks the program after each. Reports go to standard error, so that
    standard output is a program.

    USAGE
      blox-ir opt PROGRAM --pass NAME[:KEY=VALUE,...],NAME... [OPTIONS]
      blox-ir opt PROGRAM --pipeline default [OPTIONS]
      blox-ir opt --list-passes
      blox-ir opt --repro FILE

    OPTIONS
      --pass NAMES       passes in order, separated by commas; arguments follow a colon: vmap:size=4,axis=1
      --pipeline NAME    'default' is what compiled programs go through: inline,simplify,sink,fuse,schedule,plan
      --list-passes      names, arguments, and whether results keep every bit
      --print-changed    the program after each pass that changed it
      --timing           how long each pass took, and how many instructions it left
      --stats            how many instructions of each op there are, before and after
      --no-verify        do not look for mistakes, so that a broken program can be looked at
      --locations        source lines beside module paths in the comments
      --stage STAGE      the stage of a gallery program to begin with; 'traced' when not given
      --set NAME=N       a size of a gallery program
      --batch N          the same as --set batch=N
      -o FILE            write to a file; when a pass fails, the file gets the program before it and the passes left
      --repro FILE       repeat what such a file holds

    EXAMPLES
      blox-ir opt @mlp --pass vjp,dce,fuse
      blox-ir opt @linear --pass vmap:size=8,axis=0,name=batch,simplify
      blox-ir opt IRSamples/mlp.grad.bir --pipeline default --timing --stats
      blox-ir opt --list-passes
    """

  static let run = """
    blox-ir run - runs a program

    USAGE
      blox-ir run PROGRAM [--input VALUE]... [--expect VALUE]... [-o FILE]... [OPTIONS]

    VALUES
      3xf32=1,2,3            a type and its elements in row-major order; f32[3]=1,2,3 is the same
      2x3xf32=0.5            one value everywhere; f32=1 is a scalar, and 0.5 alone takes the type that is wanted
      random                 normal floats, whole numbers from -9 (0 when unsigned) to 9, truth values, keys
      random:normal  random:uniform  random:-1..1
      iota                   0, 1, 2, ... in row-major order
      key(42)                the random key of a seed
      @x.npy  @x.npz:NAME  @x.safetensors  @x.safetensors:NAME
    NAME= before a value says which input or result is meant; others go to the rest in order, and the last one, if it
    has no type, to all that are left.

    OPTIONS
      --input VALUE      an input
      --expect VALUE     what a result must be; exit code 1 when it is not
      -o FILE            write results to a file: all to FILE.safetensors or FILE.npz, one as NAME=FILE.npy
      --seed N           the seed of random inputs; 0 when not given
      --engine ENGINE    compiled, interp (the slow reference), or both, whose results must agree; else exit code 1
      --each-op          with both: compare instruction by instruction before fusion, each on the operands it had
      --rtol R           accept differences of R relative to the wanted number
      --ulp N            accept N representable numbers between
      --check-nan        look for the first instruction that makes a NaN or an infinity; exit code 4
      --probe %N,%N      values inside the program to print as well, by their names in its text
      --threads N        how many threads compiled programs use
      --quiet            print no results
      --stage STAGE      the stage of a gallery program; 'traced' when not given
      --set NAME=N       a size of a gallery program
      --batch N          the same as --set batch=N

    EXAMPLES
      blox-ir run IRSamples/linear.traced.bir --input random --input inputs=2x3xf32=1
      blox-ir run @mlp --input random --seed 7 --engine both --each-op
      blox-ir run @linear --input 0 --expect out=2x4xf32=0
      blox-ir run @linear --input iota -o out.npy && blox-ir run @linear --input iota --expect @out.npy
    """

  static let check = """
    blox-ir check - checks programs, golden files, and what comments say of a program

    A program is parsed, verified, and printed and parsed again, which must not change it. A file with a comment such as
    '// dump: @mlp --stage fused' after its header must also be, to the letter, what that command prints now.

    USAGE
      blox-ir check PATH... [--bless]

    PATH is a .bir file, a folder with such files below it, or - for standard input.

    DIRECTIVES, in comments before the program
      // test: verify                             the program is valid
      // test: roundtrip                          printing and parsing does not change it
      // test: opt dce,cse                        opt prints what follows behind a line '// ----', without the header
      // test: opt vjp error "TEXT"               a pass fails with a message that holds the text
      // test: run x=3xf32=1,2,3 == 3xf32=2,4,6   both engines compute it; ulp<=N or rtol<=R loosens
      // test: run random seed=1 engines-agree    with any pass and number of threads, as closely as ops promise
      // test: threads 1,2,7 bit-equal            the same bits for these numbers of threads
      // test: grad-check eps=1e-3 rtol=1e-2      vjp and jvp agree with central differences
      // test: error "TEXT"                       the program is invalid, with a message that holds the text

    OPTIONS
      --bless   rewrite files whose dump command or opt directives print something else now, and list them

    EXAMPLES
      blox-ir dump @train_step --stage planned | blox-ir check -
      blox-ir check IRSamples
      blox-ir check IRSamples --bless
    """

  static let gallery = """
    blox-ir gallery - lists the built-in programs with their sizes

    USAGE
      blox-ir gallery

    EXAMPLES
      blox-ir gallery
      blox-ir dump @dropout.vmap --set lanes=8
    """
}
