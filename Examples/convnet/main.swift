// Trains a convolutional network on handwritten digits, and shows which it takes for which.

import BloxNN
import BloxRuntime
import ExampleSupport
import Gallery

let help = """
  convnet - trains a convolutional network on 8x8 images of handwritten digits

  USAGE
    convnet [--epochs N] [--channels N] [--batch N] [--dropout X] [--seed N] [--threads N]

  OPTIONS
    --epochs N    passes over the training images (default 30)
    --channels N  channels of the first convolution; the second has twice as many (default 16)
    --batch N     images per step (default 32)
    --dropout X   share of features that are dropped before the dense layer while training (default 0.2)
    --seed N      seed of the parameters, the dropout and the order of images (default 0);
                  the same seed gives the same numbers, for any number of threads
    --threads N   threads to compute with (default: all cores)
    --help        show this text

  EXAMPLES
    swift run -c release convnet
    swift run -c release convnet --epochs 5 --channels 32
    swift run -c release convnet --seed 7 --threads 1
  """

/// What the command line asks for.
struct Options {
  var epochs = 30
  var channels = 16
  var batch = 32
  var dropout = 0.2
  var seed = 0
  var threads: Int?

  init(_ reader: inout OptionReader) throws {
    while let flag = reader.next() {
      switch flag {
      case "--epochs": epochs = try reader.integer(in: 0...100_000)
      case "--channels": channels = try reader.integer(in: 1...4096)
      case "--batch": batch = try reader.integer(in: 1...1024)
      case "--dropout": dropout = try reader.number(in: 0...0.9)
      case "--seed": seed = try reader.integer()
      case "--threads": threads = try reader.integer(in: 1...ThreadPool.maximumThreads)
      default: throw reader.unknownOption()
      }
    }
  }
}

/// Counts by class (rows) and by what was said (columns), below each other, with the share of each row that is right.
func table(_ counts: [[Int]]) -> String {
  let width = (counts.flatMap { $0 } + [counts.count - 1]).reduce(0) { max($0, "\($1)".count) } + 2
  func cell(_ text: String) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
  let header = cell("") + counts.indices.map { cell("\($0)") }.joined() + "    right"
  let rows = counts.enumerated().map { digit, row in
    let total = row.reduce(0, +)
    let share = total == 0 ? "–" : "\(Int((100 * Double(row[digit]) / Double(total)).rounded())) %"
    return cell("\(digit)") + row.map { cell($0 == 0 ? "·" : "\($0)") }.joined()
      + String(repeating: " ", count: max(0, 9 - share.count)) + share
  }
  return ([header] + rows).joined(separator: "\n")
}

func run(_ options: Options) throws {
  if let threads = options.threads { ThreadPool.setThreadCount(threads) }
  let training = try DigitsTraining(channels: options.channels, dropoutRate: options.dropout)
  let digits = try DigitImages(heldOut: 360, seed: options.seed)
  let (testImages, testLabels) = try digits.heldOut()

  var (params, optimizerState) = try training.initialize(seed: options.seed)
  let step = try compileStep(
    jit(name: "train_step", donating: [0, 1], training.step), params, optimizerState,
    Tensor.zeros([options.batch, DigitImages.pixelCount]), Tensor.zeros([options.batch], dtype: .i32))
  let evaluate = jit(name: "accuracy", training.accuracy)
  try trainOnDigits(digits, epochs: options.epochs, batch: options.batch) { images, labels in
    let loss: Tensor
    (params, optimizerState, loss) = try step(params, optimizerState, images, labels)
    return loss
  } heldOutAccuracy: {
    try evaluate(params, testImages, testLabels).item()
  }

  let confusion = try jit(name: "confusion") { (params: Params, images: Tensor, labels: Tensor) in
    let (logits, _) = try training.model(params, images, isTraining: false)
    return try confusionMatrix(predictions: logits.argmax(-1), classes: labels, count: 10)
  }(params, testImages, testLabels).scalars(as: Int.self)
  say("\nheld-out images by digit (rows) and by what the network takes them for (columns)\n")
  say(table(stride(from: 0, to: 100, by: 10).map { Array(confusion[$0..<$0 + 10]) }))
}

runExample("convnet", help: help) { try run(try Options(&$0)) }
