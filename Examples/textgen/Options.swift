// The command line of textgen.

import BloxNN
import BloxRuntime
import ExampleSupport

let help = """
  textgen - trains a transformer on a text, character by character, and writes more of the kind

  USAGE
    textgen [--text FILE] [--steps N] [--prompt TEXT] [--length N] [--temperature X] …

  OPTIONS
    --text FILE      the text to train on, in UTF-8 (default: sonnets by Shakespeare, which are built in);
                     its last tenth is held out
    --steps N        steps of training (default 1500, or none with --load); with --load the number at the end
    --batch N        windows of text per step (default 8)
    --rate X         the largest learning rate (default 0.003)
    --dropout X      share of features that are dropped while training (default 0.2)
    --features N     size of a character's vector (default 128)
    --layers N       blocks of the transformer (default 3)
    --heads N        heads of each block's attention (default 4)
    --context N      characters that are seen at once (default 128)
    --prompt TEXT    what the text begins with (default: a line break, if the text has any)
    --length N       characters to write (default 600)
    --temperature X  0 for always the likeliest character; higher for more surprise (default 0.8)
    --seed N         seed of the parameters, the windows and the writing (default 0);
                     the same seed gives the same text, for any number of threads
    --threads N      threads to compute with (default: all cores)
    --save FILE      write the model to FILE.safetensors after training
    --load FILE      begin with a model that --save wrote; its sizes are those of the file
    --help           show this text

  EXAMPLES
    swift run -c release textgen
    swift run -c release textgen --steps 300 --layers 2 --save poet.safetensors
    swift run -c release textgen --load poet.safetensors --prompt "Love is " --temperature 0.5
  """

/// What the command line asks for.
struct Options {
  static let steps = 0...10_000_000
  static let features = 2...8192
  static let layers = 1...256
  static let heads = 1...256
  static let context = 2...65536

  var text: String?
  var stepCount: Int?
  var batch = 8
  var learningRate = 3e-3
  var dropout = 0.2
  var featureCount = 128
  var layerCount = 3
  var headCount = 4
  var contextSize = 128
  var prompt: String?
  var length = 600
  var temperature = 0.8
  var seed = 0
  var threads: Int?
  var save: String?
  var load: String?

  init(_ reader: inout OptionReader) throws {
    var sizeFlag: String?
    while let flag = reader.next() {
      if ["--features", "--layers", "--heads", "--context"].contains(flag) { sizeFlag = flag }
      switch flag {
      case "--text": text = try reader.path()
      case "--steps": stepCount = try reader.integer(in: Self.steps)
      case "--batch": batch = try reader.integer(in: 1...4096)
      case "--rate": learningRate = try reader.number(in: 0...1)
      case "--dropout": dropout = try reader.number(in: 0...0.9)
      case "--features": featureCount = try reader.integer(in: Self.features)
      case "--layers": layerCount = try reader.integer(in: Self.layers)
      case "--heads": headCount = try reader.integer(in: Self.heads)
      case "--context": contextSize = try reader.integer(in: Self.context)
      case "--prompt": prompt = try reader.text("a text")
      case "--length": length = try reader.integer(in: 0...10_000_000)
      case "--temperature": temperature = try reader.number(in: 0...100)
      case "--seed": seed = try reader.integer()
      case "--threads": threads = try reader.integer(in: 1...ThreadPool.maximumThreads)
      case "--save": save = try reader.path()
      case "--load": load = try reader.path()
      default: throw reader.unknownOption()
      }
    }
    guard load == nil || sizeFlag == nil else {
      throw BloxError(.usage, "\(sizeFlag ?? "") cannot be given with --load: the file decides it")
    }
    guard prompt != "" else { throw BloxError(.usage, "--prompt needs one character or more") }
    // A head's features are turned in pairs.
    guard load != nil || featureCount % (2 * headCount) == 0 else {
      throw BloxError(
        .usage, "--features must be a multiple of twice --heads: \(featureCount) is none of \(2 * headCount)")
    }
  }
}
