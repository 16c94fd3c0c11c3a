// What `--help` shows for the commands that answer questions.

extension Help {
  static let diff = """
    blox-ir diff - compares two programs, whatever their values are called

    Instructions are aligned by op, attributes and types; what an instruction defines keeps its partner when only its
    operands changed. Called programs are part of the op that calls them. Exit code 1 when the programs differ.

    USAGE
      blox-ir diff OLD NEW [--structure] [--cost | --types] [--stage STAGE[,STAGE]] [--set NAME=N]...

    OPTIONS
      --structure        elements of constants and literals may differ
      --cost             only what the compiled programs cost: arithmetic of products, bytes moved, memory
      --types            only inputs and outputs
      --stage STAGE      the stage of gallery programs, or one for each: grad,simplified
      --set NAME=N       a size of gallery programs
      --batch N          the same as --set batch=N

    EXAMPLES
      blox-ir diff @mlp IRSamples/mlp.traced.bir
      blox-ir diff IRSamples/mlp.grad.bir IRSamples/mlp.simplified.bir || test $? = 1
      blox-ir diff @train_step @train_step --stage grad,simplified --cost || test $? = 1
    """

  static let explain = """
    blox-ir explain - answers questions about a program as it is compiled

    USAGE
      blox-ir explain memory PROGRAM      what is needed, and what is in use where most is
      blox-ir explain donation PROGRAM    what became of each argument
      blox-ir explain cost PROGRAM        arithmetic of products and bytes moved, by op
      blox-ir explain code PROGRAM        what its regions become here: micro-ops, and the vector code of some
      blox-ir explain op NAME             an example of an op, its derivatives, and it with lanes

    OPTIONS
      --stage STAGE      the stage of a gallery program to begin with; 'traced' when not given
      --set NAME=N       a size of a gallery program
      --batch N          the same as --set batch=N

    What is explained of an op is what the rules make of an example, so it is never out of date.

    In code, s1 is what a tile holds in the cache, and v1 what machine code holds in registers, of 16 elements at once.
    Without AVX-512, or with BLOX_NATIVE=off, all micro-ops are interpreted.

    EXAMPLES
      blox-ir explain memory @train_step --stage grad --batch 32
      blox-ir explain donation IRSamples/train_step.grad.bir
      blox-ir explain cost @mlp --set hidden=64
      blox-ir explain code @mlp --batch 64
      blox-ir explain op dot_general
    """

  static let bench = """
    blox-ir bench - measures a compiled program, and shows whether results depend on the number of threads

    Two runs are not counted. Donation is ignored, so that every run has the same arguments. Exit code 1 when results
    differ between numbers of threads, or with --fail-above.

    USAGE
      blox-ir bench PROGRAM [--threads N,N,...] [--repeat N] [--input VALUE]... [--baseline FILE [--fail-above P%]]

    OPTIONS
      --threads N,N      numbers of threads to measure with; the default of the machine when not given
      --repeat N         how many runs are counted; 20 when not given
      --input VALUE      an input, as for blox-ir run; random when not given
      --seed N           the seed of random inputs; 0 when not given
      --baseline FILE    another program to measure and compare with
      --fail-above P%    exit code 1 when the median is slower than the baseline's by more
      --stage STAGE      the stage of a gallery program; 'traced' when not given
      --set NAME=N       a size of a gallery program
      --batch N          the same as --set batch=N

    EXAMPLES
      blox-ir bench @mlp --batch 64 --threads 1,2
      blox-ir bench @train_step --stage grad --repeat 5 --threads 1
      blox-ir bench @mlp --repeat 3 --threads 1 --baseline IRSamples/mlp.fused.bir
    """

  static let profile = """
    blox-ir profile - shows where the time of a compiled program goes

    For each instruction of the planned program: its time in the run in the middle, its share, how often it ran, its
    arithmetic and traffic per second, and the part of its time that the machine would need at its measured peak, of
    arithmetic or of memory. Traffic counts each operand and result once; what is in a cache can pass 100%. Instructions
    in loops and branches stand on their own, all their calls together. Two runs are not counted.

    USAGE
      blox-ir profile PROGRAM [--top N] [--trace FILE] [--threads N] [--repeat N] [--input VALUE]...

    OPTIONS
      --top N            how many instructions are shown; 25 when not given
      --trace FILE       write the run as trace events, which Perfetto and browsers show over time; - for standard
                         output, without the table
      --threads N        the number of threads; the default of the machine when not given
      --repeat N         how many runs are counted; 20 when not given
      --input VALUE      an input, as for blox-ir run; random when not given
      --seed N           the seed of random inputs; 0 when not given
      --stage STAGE      the stage of a gallery program; 'traced' when not given
      --set NAME=N       a size of a gallery program
      --batch N          the same as --set batch=N

    EXAMPLES
      blox-ir profile @train_step --stage grad --batch 64 --repeat 5
      blox-ir profile IRSamples/lstm.planned.bir --top 5 --threads 1 --repeat 3
      blox-ir profile @mlp --repeat 1 --trace - | head -n 4
    """
}
