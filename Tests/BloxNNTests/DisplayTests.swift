// Displays: the text to the letter, the page by what it must hold, and nothing that a name or value can break.

import BloxNN
import Foundation
import TestSupport
import Testing

@Suite("Display")
struct DisplayTests {
  private final class MLP: Module, Layer {
    let hidden: Linear
    let output: Linear
    init(_ graph: Graph, hiddenSize: Int, outputSize: Int, rng: Rng) throws {
      hidden = try Linear(graph.child("hidden"), outputSize: hiddenSize, rng: rng)
      output = try Linear(graph.child("output"), outputSize: outputSize, rng: rng)
      try super.init(graph)
    }
    func callAsFunction(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
      try scoped {
        let (h, params) = try hidden(params, x)
        return try output(params, relu(h))
      }
    }
  }

  /// The net of the README.
  private struct Net {
    let graph: Graph
    let rng: Rng
    let model: MLP
    var params: Params

    init(inputs: Int = 784, hidden: Int = 128, outputs: Int = 10) throws {
      graph = try Graph("net")
      rng = try Rng(graph.child("rng"))
      model = try MLP(graph.child("mlp"), hiddenSize: hidden, outputSize: outputs, rng: rng)
      params = try rng.seed(Params(), seed: 42)
      (_, params) = try model(params, Tensor.ones([1, inputs]))
      params = params.locked()
    }
  }

  @Test("DI-02, DI-04, DI-08, DI-09: the README net's titles have the counts and bytes of their subtrees")
  func readmeNet() throws {
    let net = try Net()
    let text = ModelDisplay(net.graph, params: net.params).text()
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.first == "net: Graph # Params: 101772 (397.6 KB)")
    for title in [
      "├─ rng: Rng # Params: 2 (12 B)", "└─ mlp: MLP # Params: 101770 (397.5 KB)",
      "   ├─ hidden: Linear # Params: 100480 (392.5 KB)", "   └─ output: Linear # Params: 1290 (5.0 KB)",
      "│     [N]  seed     key[]  key(0, 42)  {'tag': 'rng_seed'}",
      "│     [N]  counter  u32[]  4           {'tag': 'rng_counter'}",
    ] {
      #expect(lines.contains(title), "\(title)\nis not in\n\(text)")
    }
    let page = ModelDisplay(net.graph, params: net.params).html()
    for size in ["101772 (397.6 KB)", "2 (12 B)", "101770 (397.5 KB)", "100480 (392.5 KB)", "1290 (5.0 KB)"] {
      #expect(page.contains("# Params: \(size)"), "\(size)")
    }
  }

  @Test("DI-01, DI-03, DI-05, DI-10: settings, references and statistics stand below titles in aligned columns")
  func wholeText() throws {
    var net = try Net(inputs: 2, hidden: 3, outputs: 1)
    let path = net.model.hidden.paramPath("kernel")
    let kernel = try Tensor([[1, 2, 3], [-4, .nan, 6]])
    net.params = try net.params.unlocked()
      .setting(path, to: Param(kernel, metadata: ["sharding": .axes(["model", nil])]))
    let expected = """
      net: Graph # Params: 15 (64 B)
      ├─ rng: Rng # Params: 2 (12 B)
      │     [N]  seed     key[]  key(0, 42)  {'tag': 'rng_seed'}
      │     [N]  counter  u32[]  4           {'tag': 'rng_counter'}
      └─ mlp: MLP # Params: 13 (52 B)
         ├─ hidden: Linear # Params: 9 (36 B)
         │     outputSize: 3, rng: → net/rng, useBias: true,
         │     kernelInitializer: varianceScaling(scale: 1.0, fan: in, truncatedNormal), biasInitializer: zeros
         │     [T]  kernel  f32[2,3]  mean 1.600  std 3.262  min -4  max 6  1 not finite  {'sharding': ('model', nil)}
         │     [T]  bias    f32[3]    mean 0      std 0      min 0   max 0
         └─ output: Linear # Params: 4 (16 B)
               outputSize: 1, rng: → net/rng, useBias: true,
               kernelInitializer: varianceScaling(scale: 1.0, fan: in, truncatedNormal), biasInitializer: zeros
      """
    let text = ModelDisplay(net.graph, params: net.params).text(width: 108)
    #expect(text.hasPrefix(expected), "\(text)")
    #expect(!text.contains("\u{1B}"))
    // Colours add escape sequences and nothing else.
    let colored = ModelDisplay(net.graph, params: net.params).text(width: 108, usesColor: true)
    #expect(colored.contains("\u{1B}["))
    #expect(colored.replacing(/\u{1B}\[[0-9]+m/, with: "") == text)
    // Standard output of tests is no terminal.
    #expect(display(net.graph, params: net.params) == ModelDisplay(net.graph, params: net.params).text())
  }

  @Test("DI-07: without parameters there is the structure alone, and None-valued settings are left out (DI-03)")
  func structure() throws {
    let graph = try Graph("net")
    _ = try Linear(graph.child("plain"), outputSize: 4)
    #expect(
      ModelDisplay(graph).text() == """
        net: Graph
        └─ plain: Linear
              outputSize: 4, useBias: true,
              kernelInitializer: varianceScaling(scale: 1.0, fan: in, truncatedNormal),
              biasInitializer: zeros

        """)
    #expect(!ModelDisplay(graph).html().contains("# Params"))
    // A module below under the property's name, in either case, is not repeated as a setting.
    let block = try Graph("net")
    _ = try TransformerBlock(block.child("block"), features: 4, headCount: 2)
    let text = ModelDisplay(block).text()
    #expect(text.contains("attention_norm: LayerNorm") && !text.contains("attentionNorm"), "\(text)")
  }

  @Test("DI-06: modules of graphs outside the view are marked external, and those of all shown graphs are not")
  func severalGraphs() throws {
    let (encoder, decoder) = (try Graph("encoder"), try Graph("decoder"))
    let rng = try Rng(encoder.child("rng"))
    let layer = try Linear(decoder.child("layer"), outputSize: 1, rng: rng)
    var params = try rng.seed(Params(), seed: 1)
    (_, params) = try layer(params, Tensor.ones([1, 2]))
    let alone = ModelDisplay(decoder, params: params)
    #expect(alone.text().contains("rng: → encoder/rng (external Rng),"), "\(alone.text())")
    #expect(alone.text().hasSuffix("2 more parameters are below none of these graphs\n"))
    #expect(alone.html().contains("class=\"external\""))
    let both = ModelDisplay(encoder, decoder, params: params)
    #expect(both.text().contains("rng: → encoder/rng,") && !both.text().contains("external"))
    let page = both.html()
    #expect(
      page.contains("<details class=\"node\" open id=\"m1\"") && page.contains("<a href=\"#m1\">→ encoder/rng</a>"))
    #expect(page.contains("<span class=\"key\">used by</span> <a href=\"#m3\">decoder/layer</a>"))
    #expect(!page.contains("class=\"external\""))
  }

  private class Base: Module {
    let depth: Int
    var callback: ((Int) -> Int)?
    init(_ graph: Graph, depth: Int) throws {
      self.depth = depth
      try super.init(graph)
    }
  }

  private final class Derived: Base {
    enum Mode { case fast, exact(digits: Int) }
    struct Window {
      var size: Int, stride = [1, 2]
    }
    let label = "a \"b\" <script>alert(1)</script>"
    let mode = Mode.exact(digits: 3)
    let table: [String: Double] = ["zeta": 1, "alpha": 2.5, "mid": -1]
    let names: Set<String> = ["c", "a", "b"]
    let window = Window(size: 5)
    let pair = (left: 1, right: 2.5)
    let layers: [Linear?]
    let missing: Int? = nil
    lazy var later = 3
    init(_ graph: Graph, layers: [Linear?]) throws {
      self.layers = layers
      try super.init(graph, depth: 2)
    }
  }

  @Test("M-02, M-03, M-21: settings are read by reflection, nested values and base classes included, in a fixed order")
  func settings() throws {
    let graph = try Graph("net")
    let layer = try Linear(graph.child("layer"), outputSize: 1)
    let module = try Derived(graph.child("derived"), layers: [layer, nil])
    let rest = #"""
      label: "a "b" <script>alert(1)</script>", mode: exact(digits: 3), \#
      table: ["alpha": 2.5, "mid": -1.0, "zeta": 1.0], names: ["a", "b", "c"], \#
      window: Window(size: 5, stride: [1, 2]), pair: (left: 1, right: 2.5), layers: [
      """#
    #expect("\(module)" == "Derived(depth: 2, \(rest)Linear(), nil])")
    #expect(ModelDisplay(graph).text(width: 1000).contains("depth: 2, \(rest)→ net/layer, nil]\n"))
  }

  @Test("The page needs no other file, holds no markup of names, and closes every element")
  func page() throws {
    let graph = try Graph("<b>&'")
    let layer = try Linear(graph.child("layer"), outputSize: 1)
    let module = try Derived(graph.child("derived"), layers: [layer])
    let html = ModelDisplay(graph, params: Params()).html(title: "</title><script>alert(2)</script>")
    #expect(!html.contains("alert(1)</script>") && !html.contains("alert(2)</script>") && !html.contains("<b>&'"))
    #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    for resource in ["http://", "https://", "src=", "@import", "url("] {
      #expect(!html.contains(resource), "\(resource)")
    }
    for tag in ["details", "summary", "div", "table", "tr", "td", "ul", "li", "span", "svg", "a", "b", "script"] {
      let opened = html.ranges(of: try Regex("<\(tag)[ >]")).count
      #expect(opened == html.ranges(of: "</\(tag)>").count, "\(tag)")
    }
    #expect(module.depth == 2)
  }

  @Test("Parameters without elements are shown without statistics: traced ones inside jit, donated ones after it")
  func withoutElements() throws {
    let net = try Net(inputs: 2, hidden: 3, outputs: 1)
    var inside = ""
    let step = jit(donating: [0]) { (params: Params) throws -> Params in
      inside = ModelDisplay(net.graph, params: params).text()
      return try treeMap(params) { $0.dtype.isFloating ? try $0 + 1 : $0 }
    }
    let before = ModelDisplay(net.graph, params: net.params)
    let text = before.text()
    _ = try step(net.params)
    #expect(inside.contains("kernel  f32[2,3]  no elements: traced"), "\(inside)")
    #expect(ModelDisplay(net.graph, params: net.params).text().contains("no elements: donated or abstract"))
    // A display made before the donation keeps what it has seen.
    #expect(before.text() == text && !text.contains("no elements"))
  }

  @Test("Statistics are right for every dtype, for empty, constant, huge and not finite values")
  func statistics() throws {
    let graph = try Graph("net")
    _ = try Linear(graph.child("m"), outputSize: 1)
    func line(_ tensor: Tensor) throws -> String {
      let params = try Params().setting("net/m/x", to: Param(tensor))
      return ModelDisplay(graph, params: params).text().split(separator: "\n").map(String.init)
        .first { $0.contains("[T]") }?.trimmingCharacters(in: .whitespaces) ?? ""
    }
    for dtype in DType.allCases where dtype.isNumeric {
      let text = try line(try Tensor([1, 2, 3, 6], dtype: dtype))
      #expect(text == "[T]  x  \(dtype)[4]  mean 3  std 1.871  min 1  max 6")
    }
    #expect(try line(Tensor([1, 0, 1, 1]).cast(to: .bool)) == "[T]  x  bool[4]  mean 0.7500  std 0.4330  min 0  max 1")
    #expect(try line(Tensor.zeros([0, 3])) == "[T]  x  f32[0,3]")
    #expect(try line(Tensor([.infinity, .nan])) == "[T]  x  f32[2]  2 not finite")
    #expect(try line(Tensor(Double.nan)) == "[T]  x  f32[]  nan")
    #expect(
      try line(Tensor([-1.7e308, 1.7e308], dtype: .f64))
        == "[T]  x  f64[2]  mean 0  std 1.700e+308  min -1.700e+308  max 1.700e+308")
    #expect(try line(Tensor([1.25e-7, 3.0001])).contains("min 1.250e-07  max 3.000"))
    #expect(try line(Key(3).split(2).tensor) == "[T]  x  key[2]")
    #expect(
      try ModelDisplay(graph, params: Params().setting("net/m/x", to: Param(Tensor([.nan, 1, 1])))).html().contains(
        "<svg") == false)
  }

  @Test("DI-10: a page is written as a whole or not at all")
  func file() throws {
    let net = try Net(inputs: 2, hidden: 3, outputs: 1)
    let view = ModelDisplay(net.graph, params: net.params)
    try TensorFileTests.withFolder { folder in
      try view.writeHTML(to: folder + "/model.html")
      #expect(try String(contentsOfFile: folder + "/model.html", encoding: .utf8) == view.html())
      #expect(throws: BloxError.self) { try view.writeHTML(to: folder + "/missing/model.html") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.html"])
    }
    if let path = ProcessInfo.processInfo.environment["BLOX_DISPLAY_SAMPLE"] { try sample(path) }
  }

  private func sample(_ path: String) throws {
    let net = try Net()
    let other = try Graph("head")
    let layers = try (0..<3).map { try Linear(other.child("layer\($0)"), outputSize: 32, rng: net.rng) }
    let dropout = try Dropout(other.child("dropout"), rate: 0.1, rng: net.rng)
    let chain = try Sequential(
      other.child("chain"), [.layer(layers[0]), .function("relu", relu), .layer(dropout), .layer(layers[2])])
    var params = net.params.unlocked()
    (_, params) = try chain(params, Tensor.ones([1, 16]))
    try ModelDisplay(net.graph, other, params: params).writeHTML(to: path)
    print(ModelDisplay(net.graph, other, params: params).text())
    try ModelDisplay(other, params: params).writeHTML(to: path + ".external.html")
  }
}
