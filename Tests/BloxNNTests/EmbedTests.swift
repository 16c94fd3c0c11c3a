// Embeddings: lookups by JAX's index rules, and the tied output layer.

import BloxNN
import Testing

@Suite("A6 Embed")
struct EmbedTests {
  private let graph: Graph
  private let rng: Rng
  private let params: Params

  init() throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
    params = try rng.seed(Params(), seed: 42)
  }

  @Test("L-01, L-02: indices pick rows; negative ones wrap once, and those out of range are clamped") func rows() throws
  {
    let embed = try Embed(
      graph.child("embed"), count: 5, size: 3, rng: rng, embeddingMetadata: ["sharding": .axes([nil, "model"])])
    let (_, created) = try embed(params, Tensor([0.0], dtype: .i32))
    let embedding = try created["net/embed/embedding"]
    #expect(embedding.value.shape == [5, 3] && embedding.sharding == [nil, "model"])
    #expect(try rng.getCounter(created).item() == 1)
    let indices = try Tensor([[0, 4, -1], [5, 100, -7]], dtype: .i32)
    for isCompiled in [false, true] {
      let call = isCompiled ? jit(embed) : TensorFunction { try embed($0, $1) }
      let (y, _) = try call(created, indices)
      #expect(y.shape == [2, 3, 3])
      for (position, row) in [0, 4, 4, 4, 4, 0].enumerated() {
        let got = try y.at(position / 3).at(position % 3).scalars(as: Float.self)
        #expect(try got == embedding.value.at(row).scalars(), "\(position), compiled \(isCompiled)")
      }
    }
    #expect(try embed(created, Tensor(3, dtype: .u8)).0.shape == [3])
    #expect(try embed(created, Tensor.zeros([2, 0], dtype: .i32)).0.shape == [2, 0, 3])
    let float = try thrown { try embed(created, Tensor([1.0])) }
    #expect(float.code == .dtypeMismatch)
    #expect(float.message == "Embed 'net/embed': indices must be integers; got f32[1]")
    #expect(try thrown { try Embed(graph.child("negative"), count: -1, size: 2) }.code == .invalidShape)
  }

  @Test("L-03: attend multiplies with all rows, and creates them if they are missing") func attend() throws {
    let embed = try Embed(graph.child("embed"), count: 5, size: 3, rng: rng)
    let x = try Key(1).normal([2, 3])
    let (logits, created) = try embed.attend(params, x)
    #expect(logits.shape == [2, 5])
    let embedding = try created["net/embed/embedding"].value
    #expect(try abs(logits - x.matmul(embedding.transpose())).max().item() < 1e-6)
    let size = try thrown { try embed.attend(created, Tensor.ones([2, 4])) }
    #expect(size.code == .shapeMismatch)
    #expect(
      size.message == "Embed 'net/embed': the vectors are f32[5,3], but inputs of type f32[2,4] need [5,4]")
    #expect(try thrown { try embed.attend(created, Tensor(1.0)) }.code == .scalarInput)
  }

  @Test("Gradients of repeated rows add up, and rows that are not picked have none") func gradients() throws {
    let embed = try Embed(graph.child("embed"), count: 4, size: 2, rng: rng)
    let indices = try Tensor([1.0, 3, 1], dtype: .i32)
    let (_, created) = try embed(params, indices)
    let (trainable, rest) = created.split()
    let gradient = try jit(grad { (t: Params) in try embed(t.merge(rest), indices).0.sum() })(trainable)
    #expect(try gradient["net/embed/embedding"].value.scalars() == [0.0, 0, 2, 2, 0, 0, 1, 1])
  }
}
