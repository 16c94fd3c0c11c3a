// Trains a small network on handwritten digits: the library's main example.

import BloxNN
import BloxRuntime
import ExampleSupport
import Gallery

let help = """
  digits - trains a small neural network on 8x8 images of handwritten digits

  USAGE
    digits [--epochs N] [--seed N] [--threads N] [--batch N] [--hidden N] [--dump DIR]

  OPTIONS
    --epochs N    passes over the training images (default 60)
    --seed N      seed of the parameters, the dropout and the order of images (default 0);
                  the same seed gives the same numbers, for any number of threads
    --threads N   threads to compute with (default: all cores)
    --batch N     images per step (default 32)
    --hidden N    hidden features (default 128)
    --dump DIR    write the training step at every stage of compilation to DIR/*.bir
    --help        show this text

  EXAMPLES
    swift run -c release digits
    swift run -c release digits --epochs 10 --seed 7 --threads 1
    swift run -c release digits --dump stages && swift run -c release blox-ir check stages
  """

/// What the command line asks for.
struct Options {
  var epochs = 60
  var seed = 0
  var threads: Int?
  var batch = 32
  var hidden = 128
  var dump: String?

  init(_ reader: inout OptionReader) throws {
    while let flag = reader.next() {
      switch flag {
      case "--epochs": epochs = try reader.integer(in: 0...100_000)
      case "--seed": seed = try reader.integer()
      case "--threads": threads = try reader.integer(in: 1...ThreadPool.maximumThreads)
      case "--batch": batch = try reader.integer(in: 1...1024)
      case "--hidden": hidden = try reader.integer(in: 1...65536)
      case "--dump": dump = try reader.path("a directory")
      default: throw reader.unknownOption()
      }
    }
  }
}

func dumpStages(_ options: Options, to directory: String) throws {
  let sizes = ["batch": options.batch, "hidden": options.hidden]
  try TextFile.makeDirectory(directory)
  let entry = try GalleryEntry.named("train_step")
  for stage in [Stage.traced, .grad, .simplified, .fused, .planned] {
    let path = "\(directory)/train_step.\(stage.rawValue).bir"
    try TextFile.write(try entry.program(at: stage, sizes: sizes).text(), to: path)
    say("wrote \(path)")
  }
}

func run(_ options: Options) throws {
  if let threads = options.threads { ThreadPool.setThreadCount(threads) }
  let training = try DigitsTraining(hiddenSize: options.hidden)
  if let directory = options.dump { try dumpStages(options, to: directory) }

  let digits = try DigitImages(heldOut: 360, seed: options.seed)
  let (testImages, testLabels) = try digits.heldOut()

  var (params, optimizerState) = try training.initialize(seed: options.seed)
  let step = jit(name: "train_step", donating: [0, 1], training.step)
  let evaluate = jit(name: "accuracy", training.accuracy)

  try trainOnDigits(digits, epochs: options.epochs, batch: options.batch) { images, labels in
    let loss: Tensor
    (params, optimizerState, loss) = try step(params, optimizerState, images, labels)
    return loss
  } heldOutAccuracy: {
    try evaluate(params, testImages, testLabels).item()
  }
}

runExample("digits", help: help) { try run(try Options(&$0)) }
