// What `--help` shows. Each text has examples that run as they stand.

import Gallery

enum Help {
  /// The subcommands in the order in which they are listed.
  static let commands = ["dump", "check", "gallery"]

  /// Every text, for tests of its examples.
  static var all: [String] { [general, dump, check, gallery] }

  static let general = """
    blox-ir - looks at programs on their way through the blox compiler

    A function over tensors is traced into a typed program, differentiated, batched, simplified, fused and given its
    memory. Every stage of that is text, which this tool prints, reads back and checks.

    USAGE
      blox-ir COMMAND [OPTIONS]

    COMMANDS
      dump      print a program at a stage of compilation
      check     check that programs are valid, and golden files up to date
      gallery   list the built-in programs

    PROGRAMS
      @NAME     a built-in program of the gallery, such as @mlp
      FILE      a .bir file
      -         standard input

    EXAMPLES
      blox-ir dump @linear
      blox-ir dump @train_step --stage planned
      blox-ir dump @mlp --stage grad | blox-ir check -

    EXIT CODES
      0  all is well
      1  a check failed: a golden file is not what the compiler makes now
      2  wrong usage: an unknown command, option, stage, program or setting
      3  the input is no valid program
      4  anything else, such as a file that cannot be read or written

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

  static let check = """
    blox-ir check - checks programs and golden files

    A program is parsed, verified, and printed and parsed again, which must not change it. A file with a comment such as
    '// dump: @mlp --stage fused' after its header must also be, to the letter, what that command prints now.

    USAGE
      blox-ir check PATH... [--bless]

    PATH is a .bir file, a folder with such files below it, or - for standard input.

    OPTIONS
      --bless   rewrite files whose dump command prints something else now, and list them; review the change

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
