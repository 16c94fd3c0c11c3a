// Trains a small network on handwritten digits: the library's main example.

import BloxNN
import BloxRuntime
import CDigitsData
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
      case "--threads": threads = try reader.integer(in: 1...1024)
      case "--batch": batch = try reader.integer(in: 1...1024)
      case "--hidden": hidden = try reader.integer(in: 1...65536)
      case "--dump": dump = try reader.path("a directory")
      default: throw reader.unknownOption()
      }
    }
  }
}

/// The images with pixels scaled to 0...1, and their labels, in a given order.
struct Digits {
  let pixels: [Float]
  let labels: [Int32]
  static let imageSize = Int(digits_image_size)

  static let all: Digits = {
    let count = Int(digits_count)
    let images = UnsafeBufferPointer(start: digits_images_data(), count: count * imageSize)
    let labels = UnsafeBufferPointer(start: digits_labels_data(), count: count)
    return Digits(pixels: images.map { Float($0) / Float(digits_pixel_max) }, labels: labels.map { Int32($0) })
  }()

  /// The images and labels at some positions, as tensors.
  func batch(_ positions: some Collection<Int>) throws -> (images: Tensor, labels: Tensor) {
    var images: [Float] = []
    images.reserveCapacity(positions.count * Digits.imageSize)
    for position in positions { images += pixels[position * Digits.imageSize..<(position + 1) * Digits.imageSize] }
    return (
      try Tensor(shape: [positions.count, Digits.imageSize], scalars: images),
      try Tensor(shape: [positions.count], scalars: positions.map { labels[$0] })
    )
  }
}

func dumpStages(_ training: DigitsTraining, _ options: Options, to directory: String) throws {
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
  if let directory = options.dump { try dumpStages(training, options, to: directory) }

  // One key decides which images are held out and the order in which the others come.
  let dataKey = try Key(options.seed).foldIn(1)
  let order = try dataKey.permutation(Digits.all.labels.count)
  let (held, used) = (order.prefix(360), Array(order.dropFirst(360)))
  let (testImages, testLabels) = try Digits.all.batch(held)

  var (params, optimizerState) = try training.initialize(seed: options.seed)
  let step = jit(name: "train_step", donating: [0, 1], training.step)
  let evaluate = jit(name: "accuracy", training.accuracy)

  let stepsPerEpoch = used.count / options.batch
  var bar = ProgressBar(total: options.epochs * stepsPerEpoch)
  for epoch in 1...max(1, options.epochs) where options.epochs > 0 {
    let shuffled = try dataKey.foldIn(epoch).permutation(used.count).map { used[$0] }
    var losses: [Tensor] = []
    for index in 0..<stepsPerEpoch {
      let (images, labels) = try Digits.all.batch(shuffled[index * options.batch..<(index + 1) * options.batch])
      let loss: Tensor
      (params, optimizerState, loss) = try step(params, optimizerState, images, labels)
      losses.append(loss)
      try bar.advance(note: "epoch \(epoch)  loss \(fixed(try loss.item(), decimals: 4))")
    }
    let mean = try losses.map { try $0.item() }.reduce(0, +) / Double(max(1, losses.count))
    if !bar.isVisible, epoch == 1 || epoch % 10 == 0 || epoch == options.epochs {
      let share = try evaluate(params, testImages, testLabels).item()
      let rate = Int(bar.rate)
      say(
        "epoch \(String(repeating: " ", count: max(0, 3 - "\(epoch)".count)))\(epoch)"
          + "  loss \(fixed(mean, decimals: 4))  held-out accuracy \(fixed(share * 100, decimals: 1)) %  \(rate) steps/s"
      )
    }
  }
  bar.finish()
  let share = try evaluate(params, testImages, testLabels).item()
  say(
    "held-out accuracy \(fixed(share * 100, decimals: 2)) % on \(held.count) images"
      + " after \(options.epochs) epochs (\(Int(bar.rate)) steps/s)")
}

runExample("digits", help: help) { try run(try Options(&$0)) }
