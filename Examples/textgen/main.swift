// Trains a character-level transformer on a text and samples from it.

import BloxIR
import BloxNN
import BloxRuntime
import ExampleSupport
import Gallery

/// Trains up to a number of steps.
func train(
  _ training: TextTraining, _ start: TrainingState, steps: Range<Int>, _ corpus: Corpus, _ options: Options
) throws -> TrainingState {
  let dataKey = try Key(options.seed).foldIn(1)
  var (params, optimizer) = (start.params, start.optimizer)
  let held = try corpus.heldWindows(groupsOf: options.batch)
  let evaluate = jit(name: "held_out_loss", training.evaluate)
  let step = try compileStep(
    jit(name: "train_step", donating: [0, 1], training.step), params, optimizer,
    corpus.windows(options.batch, dataKey))

  func heldOutLoss() throws -> Double {
    try held.reduce(0) { try $0 + evaluate(params, $1).item() } / Double(held.count)
  }
  var bar = ProgressBar(total: steps.count)
  var speed = Speedometer()
  for number in steps {
    let loss: Tensor
    (params, optimizer, loss) = try step(
      params, optimizer, corpus.windows(options.batch, dataKey.foldIn(number)))
    speed.add(options.batch * corpus.context)
    try bar.advance(note: "loss \(fixed(loss.item(), decimals: 3))")
    if !bar.isVisible, (number + 1) % 100 == 0, number + 1 < steps.upperBound {
      say(
        "step \(number + 1)  loss \(fixed(try loss.item(), decimals: 3))"
          + "  held-out loss \(fixed(try heldOutLoss(), decimals: 3))  \(speed.rate) characters/s")
    }
  }
  let rate = speed.rate
  bar.finish()
  say(
    "held-out loss \(fixed(try heldOutLoss(), decimals: 3)) per character after \(steps.upperBound) steps"
      + " (\(rate) characters/s)")
  return TrainingState(params: params, optimizer: optimizer)
}

/// Writes a text as it comes.
func write(
  _ training: TextTraining, _ params: Params, prompt: String, _ vocabulary: Vocabulary, _ options: Options
) throws {
  let prompt = try vocabulary.numbers(of: prompt, named: "--prompt")
  let key = try Key(options.seed).foldIn(2)
  var writer = try Writer(
    training, params, prompt: prompt, context: options.contextSize, temperature: options.temperature, key: key)
  say("\n" + String(prompt.map(vocabulary.character)), terminator: "")
  var speed = Speedometer()
  for index in 0..<options.length {
    say(String(vocabulary.character(try writer.next())), terminator: "")
    // The first characters are those that compile: they read the prompt, and one character.
    if index == 1 { speed = Speedometer() }
    if index > 1 { speed.add(1) }
  }
  say("\n\n\(options.length) characters written (\(speed.rate) characters/s)")
}

func run(_ options: Options) throws {
  var options = options
  if let threads = options.threads { ThreadPool.setThreadCount(threads) }
  let saved = try options.load.map { try ModelDescription(contentsOf: $0) }
  let stepCount = options.stepCount ?? (saved == nil ? 1500 : 0)
  let text = try options.text.map { try TextFile.read($0) } ?? sonnets
  let textName = options.text ?? "the built-in text"
  let vocabulary = saved.map { Vocabulary(characters: $0.vocabulary) } ?? Vocabulary(of: text)
  let description =
    saved
    ?? ModelDescription(
      vocabulary: vocabulary, features: options.featureCount, layers: options.layerCount, heads: options.headCount,
      context: options.contextSize, steps: 0)
  options.contextSize = description.context
  // A prompt that the model cannot read is known before it is trained.
  let prompt = options.prompt ?? vocabulary.defaultPrompt
  _ = try vocabulary.numbers(of: prompt, named: "--prompt")

  let training = try TextTraining(
    sizes: description.sizes, dropoutRate: options.dropout, learningRate: options.learningRate, steps: stepCount)
  let (params, optimizer) = try training.initialize(seed: options.seed)
  var state = TrainingState(params: params, optimizer: optimizer)
  if let path = options.load { state = try Checkpoint.load(state, from: path) }

  if stepCount > description.steps {
    let corpus = try Corpus(
      vocabulary.numbers(of: text, named: textName), context: description.context, name: textName)
    let count = try state.params.split().0.tensors().reduce(0) { $0 + $1.count }
    say(
      "\(textName): \(corpus.training.count + corpus.held.count) characters, \(vocabulary.characters.count) different;"
        + " \(count) parameters")
    state = try train(training, state, steps: description.steps..<stepCount, corpus, options)
  }
  if let path = options.save {
    var described = description
    described.steps = max(stepCount, description.steps)
    try Checkpoint.save(state, to: path, metadata: described.metadata)
    say("saved \(path)")
  }
  if options.length > 0 { try write(training, state.params, prompt: prompt, vocabulary, options) }
}

runExample("textgen", help: help) { try run(try Options(&$0)) }
