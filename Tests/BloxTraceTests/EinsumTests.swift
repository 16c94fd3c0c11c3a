// einsum against loops over all labels.

import BloxTrace
import TestSupport
import Testing

@Suite("einsum")
struct EinsumTests {
  /// The sum over all labels, element by element.
  private func loop(_ inputs: [String], _ output: String, _ operands: [Tensor]) throws -> [Double] {
    var sizes: [Character: Int] = [:]
    for (labels, operand) in zip(inputs, operands) {
      for (label, size) in zip(labels, operand.shape) { sizes[label] = size }
    }
    let summed = sizes.keys.filter { !output.contains($0) }.sorted()
    let order = Array(output) + summed
    let values = try operands.map { try $0.scalars(as: Double.self) }
    let outputCount = output.reduce(1) { $0 * (sizes[$1] ?? 1) }
    let innerCount = summed.reduce(1) { $0 * (sizes[$1] ?? 1) }
    return (0..<outputCount).map { outer in
      (0..<innerCount).reduce(0.0) { total, inner in
        var index: [Character: Int] = [:]
        var rest = outer * innerCount + inner
        for label in order.reversed() {
          index[label] = rest % (sizes[label] ?? 1)
          rest /= sizes[label] ?? 1
        }
        var product = 1.0
        for (labels, (operand, elements)) in zip(inputs, zip(operands, values)) {
          let position = zip(labels, operand.shape).reduce(0) { $0 * $1.1 + (index[$1.0] ?? 0) }
          product *= elements[position]
        }
        return total + product
      }
    }
  }

  @Test("a preferred dtype holds for products, for sums without a product, and for vectors and scalars")
  func preferred() throws {
    let x = try Tensor(shape: [2, 2], scalars: [100, 100, 100, -128], dtype: .i8)
    #expect(try einsum("ij,jk->ik", x, x, preferred: .i32).scalars(as: Int.self) == [20000, -2800, -2800, 26384])
    #expect(try einsum("ij,jk,kl->il", x, x, x, preferred: .i32).dtype == .i32)
    #expect(try einsum("ij->", x, preferred: .i32).dtype == .i32)
    #expect(try x.matmul(x, preferred: .f32).type == TensorType(.f32, [2, 2]))
    #expect(try x.matmul(x, preferred: .i8).type == TensorType(.i8, [2, 2]))
    #expect(try x.at(0).dot(x.at(0), preferred: .i32).scalars(as: Int.self) == [20000])
    #expect(try x.at(0).at(0).dot(x.at(0), preferred: .i32).scalars(as: Int.self) == [10000, 10000])
    #expect(try x.tensordot(x, axes: 2, preferred: .i64).scalars(as: Int.self) == [46384])
    let bf16 = try x.cast(to: .bf16)
    let gradient = try grad { (a: Tensor) in try a.matmul(bf16, preferred: .f32).sum() }(bf16)
    #expect(gradient.dtype == .bf16)
    #expect(try gradient.cast(to: .i32).scalars(as: Int.self) == [200, -28, 200, -28])
  }

  static let sizes: [Character: Int] = ["a": 2, "b": 3, "c": 4, "d": 2, "e": 5, "i": 3, "j": 4, "k": 2]

  @Test(
    "Specifications equal the loop over their labels",
    arguments: [
      "ij,jk->ik", "ij,jk->ki", "ij->ji", "ij->i", "ij->", "ii->i", "ii->", "i,i->", "i,j->ij", "bij,bjk->bik",
      "abc,cd->abd", "abc,bcd,de->ae", "ab,bc,cd,de->ea", "iij,j->i", "ab,ab->ab", "ab,b->a", "bqhd,bkhd->bhqk",
    ])
  func explicit(specification: String) throws {
    let sides = specification.split(separator: "-")
    let inputs = sides[0].split(separator: ",").map(String.init)
    let output = sides.count > 1 ? String(sides[1].dropFirst()) : ""
    var generator = SeededGenerator(seed: 7)
    let operands = try inputs.map { labels in
      let shape = labels.map { Self.sizes[$0] ?? 2 }
      let scalars = (0..<shape.reduce(1, *)).map { _ in Double.random(in: -1...1, using: &generator) }
      return try Tensor(shape: shape, scalars: scalars)
    }
    let want = try loop(inputs, output, operands)
    let got: Tensor =
      switch operands.count {
      case 1: try einsum(specification, operands[0])
      case 2: try einsum(specification, operands[0], operands[1])
      case 3: try einsum(specification, operands[0], operands[1], operands[2])
      default: try einsum(specification, operands[0], operands[1], operands[2], operands[3])
      }
    #expect(got.shape == output.map { Self.sizes[$0] ?? 2 })
    #expect(mismatch(got: try got.scalars(as: Double.self), want: want, rtol: 1e-5, atol: 1e-5) == nil)
  }

  @Test("Ellipses broadcast, and an absent result is worked out") func ellipsis() throws {
    let (a, b) = (try Tensor.ones([5, 1, 2, 3]), try Tensor.ones([4, 3, 2]))
    #expect(try einsum("...ij,...jk->...ik", a, b).shape == [5, 4, 2, 2])
    #expect(try einsum("...ij,...jk", a, b).scalars(as: Float.self).allSatisfy { $0 == 3 })
    #expect(try einsum("ij,jk", Tensor.ones([2, 3]), Tensor.ones([3, 4])).shape == [2, 4])
    #expect(try einsum("ba", Tensor([[1, 2], [3, 4]])).scalars(as: Float.self) == [1, 3, 2, 4])
  }

  @Test("Chains are multiplied in the cheapest order") func order() throws {
    // (ab·bc)·c costs 2000 + 20; ab·(bc·c) costs 100 + 20 multiplications.
    let program = try makeProgram(
      { (a: Tensor, b: Tensor, c: Tensor) in try einsum("ab,bc,c->a", a, b, c) }, Tensor.ones([20, 10]),
      Tensor.ones([10, 10]), Tensor.ones([10]))
    #expect(program.instructions.map { program.type(of: $0.results[0]).shape } == [[10], [20]])
  }

  @Test("It differentiates and batches like any product") func transformations() throws {
    let (x, w) = (try Tensor([[1, 2], [3, 4]]), try Tensor([[1, 0], [2, -1]]))
    let gradient = try grad { (x: Tensor) in try einsum("ij,jk->", x, w) }(x)
    #expect(try gradient.scalars(as: Float.self) == [1, 1, 1, 1])
    let lanes = try vmap(inAxes: [0, nil]) { (x: Tensor, w: Tensor) in try einsum("i,ij->j", x, w) }(x, w)
    #expect(try lanes.scalars(as: Float.self) == (try x.matmul(w)).scalars(as: Float.self))
  }

  @Test("Malformed specifications are errors") func errors() throws {
    func message(_ specification: String, _ operands: Tensor...) throws -> String {
      let a = operands[0]
      let error = try #require(throws: BloxError.self) {
        operands.count == 1 ? try einsum(specification, a) : try einsum(specification, a, operands[1])
      }
      return error.message
    }
    let (a, b) = (try Tensor.ones([2, 3]), try Tensor.ones([4, 5]))
    #expect(try message("ij,jk->ik", a) == "einsum: 'ij,jk->ik' names 2 operands, but 1 were given")
    #expect(try message("ij,jk->ik", a, b) == "einsum: 'j' in 'ij,jk->ik' has the sizes 3 and 4")
    #expect(try message("ij->k", a) == "einsum: the result of 'ij->k' names 'k', which no operand has")
    #expect(try message("ij->ii", a) == "einsum: the result of 'ij->ii' names a dimension twice")
    #expect(try message("i->i", a) == "einsum: 'i' of 'i->i' names 1 dimensions of an operand of rank 2")
    #expect(try message("i1->i", a) == "einsum: '1' in 'i1->i' is neither a letter nor part of '...'")
    #expect(try message("ij-k", a) == "einsum: 'ij-k' must have the form 'ij,jk->ik'")
  }

  @Test("tensordot, outer, norm and standard deviation") func relatives() throws {
    let (a, b) = (try Tensor([[1, 2], [3, 4]]), try Tensor([[5, 6], [7, 8]]))
    #expect(try a.tensordot(b, axes: 2).item() == 70)
    #expect(try a.tensordot(b, axes: ([0], [1])).scalars(as: Float.self) == [23, 31, 34, 46])
    #expect(try a.outer(b.slice(0..<1)).shape == [4, 2])
    #expect(try Tensor([3, 4]).norm().item() == 5)
    #expect(try Tensor([1, 3]).standardDeviation().item() == 1)
  }
}
