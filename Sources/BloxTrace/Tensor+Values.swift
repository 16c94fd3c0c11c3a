// Reading the elements of concrete tensors.

import BloxIR
import BloxRuntime

extension Tensor {
  /// The elements in row-major order.
  ///
  /// - Throws: ``BloxError/Code/concretization`` for a tensor that has no elements because its function is being
  ///   traced, ``BloxError/Code/donatedTensor`` for one that was given up.
  public func scalars<Scalar: TensorScalar>(
    as type: Scalar.Type = Scalar.self, file: String = #fileID, line: Int = #line
  ) throws -> [Scalar] {
    let storage = try readableStorage(SourceLocation(file: file, line: line))
    if Scalar.self == Float.self, dtype == .f32, let floats = storage.elements(as: Float.self) as? [Scalar] {
      return Array(floats.prefix(count))
    }
    let constant = DenseConstant(storage, self.type)
    return (0..<count).map { Scalar(constant[$0]) }
  }

  /// The only element, as a `Double`.
  ///
  /// - Throws: As ``scalars(as:)``, and ``BloxError/Code/shapeMismatch`` when there is not exactly one element.
  public func item(file: String = #fileID, line: Int = #line) throws -> Double {
    guard count == 1 else {
      throw BloxError(.shapeMismatch, "item: a tensor of type \(type) has \(count) elements; only one can be an item")
    }
    return try scalars(as: Double.self, file: file, line: line)[0]
  }

  /// The elements as a constant of the IR.
  public func constant(file: String = #fileID, line: Int = #line) throws -> DenseConstant {
    DenseConstant(try readableStorage(SourceLocation(file: file, line: line)), type)
  }

  private func readableStorage(_ location: SourceLocation) throws -> Storage {
    switch representation {
    case .concrete(let buffer): return try buffer.storage()
    case .traced(let tracer): throw tracer.concretizationError(location)
    case .abstract(let type):
      throw BloxError(
        .concretization, "a tensor of type \(type) made by evalShape has no elements to read")
    }
  }
}

extension Tracer {
  fileprivate func concretizationError(_ location: SourceLocation) -> BloxError {
    let inputs = trace.inputs(of: operand)
    let dependence =
      inputs.isEmpty ? "" : " It depends on the input\(inputs.count == 1 ? "" : "s") \(inputs.joined(separator: ", "))."
    let scope = ModuleScope.path
    return BloxError(
      .concretization,
      "the elements of a traced tensor of type \(type) were asked for while \(trace.name) was being traced, when there"
        + " are none yet.\(dependence) Use select(predicate, a, b) instead of a Swift `if`, return the tensor and read it"
        + " outside, or make what decides a static argument (Static, StaticArgument)",
      modulePath: scope.isEmpty ? nil : scope, location: location)
  }
}

extension Bool {
  /// The only element of a tensor, for use in Swift's control flow.
  ///
  /// - Throws: As ``Tensor/item()``: a traced tensor has no value to decide on.
  public init(_ tensor: Tensor, file: String = #fileID, line: Int = #line) throws {
    self = try tensor.item(file: file, line: line) != 0
  }
}
