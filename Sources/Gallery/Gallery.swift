// The programs that `blox-ir` shows without any file: small models, at the sizes a reader can follow.

import BloxIR
import BloxNN
import BloxPasses
import BloxRuntime

/// A named program that can be looked at in each stage of its way through the compiler.
public struct GalleryEntry: Sendable {
  /// A size that can be set.
  public struct Setting: Sendable {
    /// The name, as in `--set hidden=8`.
    public let name: String
    /// The value when none is given.
    public let value: Int
    /// What it means.
    public let summary: String
  }

  /// The name, without the `@`.
  public let name: String
  /// One line about it.
  public let summary: String
  /// The sizes that can be set.
  public let settings: [Setting]
  /// The function as it is traced.
  private let trace: @Sendable ([String: Int]) throws -> Program
  /// The program that is compiled, where it is more than the traced function: a training step has its gradients in it.
  private let differentiate: (@Sendable ([String: Int]) throws -> Program)?

  init(
    _ name: String, _ summary: String, settings: [Setting] = [],
    trace: @escaping @Sendable ([String: Int]) throws -> Program,
    differentiate: (@Sendable ([String: Int]) throws -> Program)? = nil
  ) {
    self.name = name
    self.summary = summary
    self.settings = settings
    self.trace = trace
    self.differentiate = differentiate
  }

  /// The program at a stage.
  ///
  /// - Parameter sizes: Settings by name; all are positive and known.
  /// - Throws: ``BloxError/Code/usage`` for an unknown setting or a size below 1.
  public func program(at stage: Stage, sizes: [String: Int] = [:]) throws -> Program {
    var values = Dictionary(uniqueKeysWithValues: settings.map { ($0.name, $0.value) })
    for (name, value) in sizes.sorted(by: { $0.key < $1.key }) {
      guard values[name] != nil else {
        let known = settings.isEmpty ? "it has none" : "it has " + settings.map(\.name).joined(separator: ", ")
        throw BloxError(.usage, "@\(self.name) has no setting named \(name); \(known)")
      }
      guard value >= 1, value <= 1 << 20 else {
        throw BloxError(.usage, "the setting \(name)=\(value) of @\(self.name) must be between 1 and 1048576")
      }
      values[name] = value
    }
    switch stage {
    case .traced: return try trace(values)
    case .jvp, .transposed: return try stage.apply(to: try trace(values))
    case .grad:
      if let differentiate { return try differentiate(values) }
      return try stage.apply(to: try trace(values))
    case .simplified, .fused, .planned:
      return try stage.apply(to: try (differentiate ?? trace)(values))
    }
  }
}

extension GalleryEntry {
  /// Every entry, in the order in which they are listed.
  public static let all: [GalleryEntry] = [
    linear, mlp, mlpGrad, trainStep, dropoutVmap, rnn, lstm, textgen, textgenDecode, forecast,
  ]

  static let batch = Setting(name: "batch", value: 2, summary: "examples per batch")

  static let linear = GalleryEntry(
    "linear", "a dense layer, from 3 to 4 features",
    settings: [batch, Setting(name: "output", value: 4, summary: "output features")],
    trace: { sizes in
      let graph = try Graph("demo")
      let layer = try Linear(graph.child("linear"), outputSize: sizes["output"] ?? 4)
      let kernel = try Tensor.zeros([3, layer.outputSize])
      let params = try Params()
        .setting(layer.paramPath("kernel"), to: Param(kernel))
        .setting(layer.paramPath("bias"), to: Param(Tensor.zeros([layer.outputSize])))
        .locked()
      let inputs = Tensor.abstract(TensorType(.f32, [sizes["batch"] ?? 2, 3]))
      return try makeProgram(
        name: "linear", arguments: ["params", "inputs"], { (p: Params, x: Tensor) in try layer(p, x).0 }, params, inputs
      )
    })

  private static let mlpSettings = [
    batch, Setting(name: "hidden", value: 8, summary: "hidden features"),
  ]

  /// The digits model without dropout, and parameters to trace it with.
  private static func digits(_ sizes: [String: Int], dropoutRate: Double) throws -> (DigitsTraining, Params) {
    let training = try DigitsTraining(hiddenSize: sizes["hidden"] ?? 8, dropoutRate: dropoutRate)
    return (training, try training.initialize(seed: 42).0)
  }

  private static func images(_ sizes: [String: Int]) -> Tensor {
    .abstract(TensorType(.f32, [sizes["batch"] ?? 2, 64]))
  }
  private static func labels(_ sizes: [String: Int]) -> Tensor { .abstract(TensorType(.i32, [sizes["batch"] ?? 2])) }

  static let mlp = GalleryEntry(
    "mlp", "two dense layers with relu, for 8x8 images", settings: mlpSettings,
    trace: { sizes in
      let (training, params) = try digits(sizes, dropoutRate: 0)
      return try makeProgram(
        name: "mlp", arguments: ["params", "images"],
        { (p: Params, x: Tensor) in try training.model(p, x, isTraining: false).0 }, params.split().0, images(sizes))
    })

  static let mlpGrad = GalleryEntry(
    "mlp.grad", "loss and gradients of the two layers under softmax cross-entropy", settings: mlpSettings,
    trace: { sizes in
      let (training, params) = try digits(sizes, dropoutRate: 0)
      return try makeProgram(
        name: "mlp.loss", arguments: ["params", "images", "labels"],
        { (p: Params, x: Tensor, y: Tensor) in try training.loss(p, Params().locked(), x, y).0 }, params.split().0,
        images(sizes), labels(sizes))
    },
    differentiate: { sizes in
      let (training, params) = try digits(sizes, dropoutRate: 0)
      return try makeProgram(
        name: "mlp.grad", arguments: ["params", "images", "labels"],
        { (p: Params, x: Tensor, y: Tensor) in
          try valueAndGrad { (p: Params, x: Tensor, y: Tensor) in
            try training.loss(p, Params().locked(), x, y).0
          }(p, x, y)
        }, params.split().0, images(sizes), labels(sizes))
    })

  static let trainStep = GalleryEntry(
    "train_step", "the training step of the digits example: dropout, cross-entropy, gradients, Adam; donated",
    settings: mlpSettings,
    trace: { sizes in
      let (training, params) = try digits(sizes, dropoutRate: 0.1)
      let (trainable, state) = params.split()
      return try makeProgram(
        name: "train_step.loss", arguments: ["params", "state", "images", "labels"], training.loss, trainable, state,
        images(sizes), labels(sizes))
    },
    differentiate: { sizes in
      let (training, params) = try digits(sizes, dropoutRate: 0.1)
      return try TensorFunction(training.step).makeProgram(
        name: "train_step", arguments: ["params", "adam", "images", "labels"], donating: [0, 1], params,
        try training.optimizer.initialize(params.split().0), images(sizes), labels(sizes))
    })

  static let dropoutVmap = GalleryEntry(
    "dropout.vmap", "dropout with a mask of its own for each lane of a vmap, by folding in the lane's index",
    settings: [Setting(name: "lanes", value: 4, summary: "lanes of the vmap")],
    trace: { sizes in
      let graph = try Graph("rng_demo")
      let rng = try Rng(graph.child("rng"))
      let dropout = try Dropout(graph.child("dropout"), rate: 0.5, rng: rng)
      let params = try rng.seed(Params(), seed: 42).locked()
      let forward = vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch") { (params: Params, x: Tensor) in
        let original = try rng.getSeed(params)
        let folded = try rng.seed(params, seed: original.foldIn(axisIndex("batch")))
        let (out, updated) = try dropout(folded, x, isTraining: true)
        return (out, try rng.seed(updated, seed: original))
      }
      return try forward.makeProgram(
        name: "dropout.vmap", arguments: ["params", "x"], params,
        Tensor.abstract(TensorType(.f32, [sizes["lanes"] ?? 4, 8])))
    })

  /// The entry of a name, with or without `@`.
  ///
  /// - Throws: ``BloxError/Code/usage`` listing the entries.
  public static func named(_ name: String) throws -> GalleryEntry {
    let name = name.hasPrefix("@") ? String(name.dropFirst()) : name
    if let entry = all.first(where: { $0.name == name }) { return entry }
    throw BloxError(
      .usage,
      "there is no gallery program named @\(name)\(suggestion(for: "@" + name, among: all.map { "@" + $0.name }));"
        + " there are \(all.map { "@" + $0.name }.joined(separator: ", "))")
  }
}
