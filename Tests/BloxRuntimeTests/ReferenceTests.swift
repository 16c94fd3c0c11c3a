// Whole programs in the reference interpreter: arguments, calls, regions, errors; and that every op has been run.

import BloxIR
import Testing

@testable import BloxRuntime

struct ReferenceTests: ReferenceSuite {
  private func adder() throws -> Program {
    var b = ProgramBuilder(name: "adder")
    let x = b.parameter(TensorType(.f32, [3]), label: .argument("x"))
    let y = try b.emitOne(.binary(.add), [.value(x), .splat(Literal(10, as: .f32), shape: [3])])
    return b.finish(results: [ProgramResult(y), ProgramResult(.value(x))])
  }

  @Test("a program reads values and splats and returns its results in order")
  func runs() throws {
    let results = try ReferenceInterpreter.run(adder(), [tensor(.f32, [1, 2, 3])])
    #expect(results == [tensor(.f32, [11, 12, 13]), tensor(.f32, [1, 2, 3])])
  }

  @Test("a splat can be a result")
  func splatResult() throws {
    let b = ProgramBuilder(name: "seven")
    let program = b.finish(results: [ProgramResult(.splat(Literal(7, as: .i32), shape: [2]))])
    #expect(try ReferenceInterpreter.run(program, []) == [tensor(.i32, [7, 7])])
  }

  @Test("calls and fusions run the program they carry, with all its results")
  func calls() throws {
    let program = try adder()
    let x = tensor(.f32, [1, 2, 3])
    let expected = [tensor(.f32, [11, 12, 13]), x]
    #expect(try ReferenceInterpreter.evaluate(.call(.init(program)), operands: [x]) == expected)
    #expect(try ReferenceInterpreter.evaluate(.fusion(.init(kind: .loop, region: program)), operands: [x]) == expected)
  }

  @Test("wrong arguments are named by the parameter's label")
  func wrongArguments() throws {
    let program = try adder()
    #expect(
      message { _ = try ReferenceInterpreter.run(program, []) }
        == "@adder takes 1 argument (x: f32[3]); got 0")
    #expect(
      message { _ = try ReferenceInterpreter.run(program, [tensor(.f32, [1, 2])]) }
        == "@adder: argument 0 (x: f32[3]) must have type f32[3]; got f32[2]")
    #expect(throws: BloxError.self) { try ReferenceInterpreter.run(program, [tensor(.i32, [1, 2, 3])]) }
    do {
      _ = try ReferenceInterpreter.run(program, [tensor(.i32, [1, 2, 3])])
    } catch { #expect(error.code == .dtypeMismatch) }
  }

  @Test("a parameter without a label goes by its value's name")
  func unlabelledParameters() throws {
    var b = ProgramBuilder(name: "pair")
    _ = b.parameter(TensorType(.f32))
    _ = b.parameter(TensorType(.i8, [2]), label: .path("net/bias"))
    #expect(
      message { _ = try ReferenceInterpreter.run(b.finish(results: []), []) }
        == "@pair takes 2 arguments (%0: f32[], net/bias: i8[2]); got 0")
  }

  @Test("a program with a free axis cannot run, and the error says where it is")
  func freeAxis() throws {
    var b = ProgramBuilder(name: "lane", axes: ["batch": 4])
    b.note = SourceNote(scope: "net/dropout", location: SourceLocation(file: "M/Net.swift", line: 7))
    let index = try b.emitOne(.axisIndex("batch"), [])
    let program = b.finish(results: [ProgramResult(index)])
    do {
      _ = try ReferenceInterpreter.run(program, [])
      Issue.record("must throw")
    } catch {
      #expect(error.code == .unboundAxis)
      #expect(
        error.description == "found an unbound axis name: batch (none is bound here); bind it with "
          + "vmap(axisName: \"batch\") [in net/dropout] [at Net.swift:7]")
    }
  }

  @Test("operands of the wrong type are refused by the op's type rule")
  func typeRule() {
    #expect(
      message { _ = try evaluate(.binary(.add), tensor(.f32, [1]), tensor(.i32, [1])) }
        == "add: operands must have one dtype; got f32[1], i32[1]")
  }

  // MARK: - Coverage

  /// Every op with operands that it accepts; axis_index is the one that never runs.
  private func samples() throws -> [(op: Op, operands: [DenseConstant])] {
    let f = tensor(.f32, [0.5, -0.25, 2, -3], [2, 2])
    let i = tensor(.i32, [7, -2, 3, 1], [2, 2])
    let p = tensor(.bool, [1, 0, 0, 1], [2, 2])
    let keys = tensor(.key, bits: [1, 2])
    var samples: [(Op, [DenseConstant])] = []
    for op in Op.Unary.allCases { samples.append((.unary(op), [[.not, .populationCount, .clz].contains(op) ? i : f])) }
    for op in Op.Binary.allCases {
      samples.append((.binary(op), [.atan2, .nextafter].contains(op) ? [f, f] : [i, i]))
    }
    for op in Op.Comparison.allCases { samples.append((.compare(op), [f, f])) }
    for op in Op.Reduction.allCases { samples.append((.reduce(op, axes: [1]), [i])) }
    let windows = Op.Window(sizes: [2, 1], low: [1, 0])
    for op in Op.Reduction.allCases { samples.append((.window(.reduce(op, windows)), [i])) }
    samples.append((.window(.selectAndGatherAdd(.max, windows)), [f, f]))
    samples.append((.window(.selectAndScatterAdd(.min, windows)), [f, f]))
    for op in Op.ArgReduction.allCases { samples.append((.argReduce(op, axis: 0), [f])) }
    for op in Cumulative.allCases { samples.append((.cumulative(op, axis: 1, reverse: false), [f])) }
    samples += [
      (.ordering(.sort(.init(axis: 1, keyCount: 2))), [f, i]), (.ordering(.topK(.init(count: 1, axis: 0))), [f]),
      (.constant(f), []), (.select, [p, f, f]), (.clamp, [f, f, f]), (.fma, [f, f, f]), (.convert(.i8), [f]),
      (.bitcastConvert(.u32), [f]), (.integerPow(3), [f]), (.broadcastInDim(shape: [2, 2, 2], dims: [0, 2]), [f]),
      (.reshape([4]), [f]), (.transpose([1, 0]), [f]), (.slice(.init(starts: [0, 1], limits: [2, 2])), [f]),
      (.pad(.init(low: [1, 0], high: [0, 0])), [f, tensor(.f32, [0], [])]), (.concatenate(axis: 0), [f, f]),
      (.iota(TensorType(.i32, [2, 2]), axis: 0), []),
      (.dotGeneral(.init(lhsContract: [1], rhsContract: [0])), [f, f]), (.random(.seed), [i]),
      (.random(.foldIn), [keys, tensor(.u32, [0, 1])]), (.random(.split([2])), [keys]),
      (.random(.bits(shape: [2], .u8)), [keys]), (.random(.wrap), [tensor(.u32, [0, 42])]),
      (.random(.unwrap), [keys]), (.stopGradient, [f]), (.call(.init(try adder())), [tensor(.f32, [1, 2, 3])]),
      (.optimizationBarrier, [f]), (.debugPrint(DebugPrint("")), [f]), (.linearAlgebra(.cholesky), [f]),
      (.linearAlgebra(.qr(fullMatrices: true)), [f]),
      (.linearAlgebra(.eigh), [f]), (.linearAlgebra(.lu), [f]), (.linearAlgebra(.triangularSolve(.init())), [f, f]),
      (.fusion(.init(kind: .loop, region: try adder())), [tensor(.f32, [1, 2, 3])]),
    ]
    return samples
  }

  @Test("every op runs and gives results of the types of its type rule")
  func coverage() throws {
    let samples = try samples()
    for (op, operands) in samples {
      let results = try ReferenceInterpreter.evaluate(op, operands: operands)
      #expect(results.map(\.type) == (try op.resultTypes(for: operands.map(\.type))), "\(op.name)")
    }
    let families: [String] =
      Op.Unary.allCases.map(\.rawValue) + Op.Binary.allCases.map(\.rawValue)
      + Cumulative.allCases.map(\.rawValue)
      + Op.Reduction.allCases.map { "reduce_window_" + $0.rawValue }
      + Op.Reduction.allCases.map { "reduce_" + $0.rawValue } + Op.ArgReduction.allCases.map(\.rawValue)
    let others = [
      "constant", "compare", "select", "clamp", "fma", "convert", "bitcast_convert", "integer_pow", "broadcast_in_dim",
      "reshape", "transpose", "slice", "pad", "concatenate", "iota", "dot_general", "random_seed", "random_fold_in",
      "random_split", "random_bits", "random_wrap", "random_unwrap", "call", "stop_gradient", "fusion",
      "debug_print", "optimization_barrier", "cholesky", "qr", "eigh", "lu", "triangular_solve", "sort", "top_k",
      "select_and_gather_add", "select_and_scatter_add",
    ]
    #expect(Set(samples.map(\.op.name)) == Set(families + others))
  }

  @Test("every op runs on every dtype that its type rule admits, and on no elements")
  func dtypes() throws {
    for (op, operands) in try samples() {
      for dtype in DType.allCases {
        for empty in [false, true] {
          // Operands keep their roles: bool predicates, keys and words keep their dtype, the others change.
          let changed = operands.map { x in
            let fixed = x.type.dtype == .bool || x.type.dtype == .key || x.type.dtype == .u32
            let type = fixed ? x.type : x.type.with(dtype: dtype)
            let shape = empty ? type.shape.map { _ in 0 } : type.shape
            return DenseConstant(
              type: type.with(shape: shape),
              elements: (0..<(shape.contains(0) ? 0 : type.elementCount)).map { Literal($0 + 1, as: type.dtype) })
          }
          guard let types = try? op.resultTypes(for: changed.map(\.type)) else { continue }
          #expect(try ReferenceInterpreter.evaluate(op, operands: changed).map(\.type) == types)
        }
      }
    }
  }
}
