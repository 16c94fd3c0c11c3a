// Jacobians and Hessians: derivatives along all basis directions at once, by vmap.

import BloxIR

extension Tensor {
  /// The basis of the tensors of a type: `[count] + shape`, with a single 1 in each.
  fileprivate static func basis(_ type: TensorType) throws -> Tensor {
    guard type.dtype.isFloating else {
      throw BloxError(
        .gradientOfInteger, "a Jacobian exists for floating-point tensors only; got \(type)")
    }
    let flat = try Tensor.eye(type.elementCount, dtype: type.dtype)
    return try flat.reshape([type.elementCount] + type.shape)
  }
}

/// The Jacobian of a function of one tensor, column by column in forward mode: `output.shape + input.shape`.
///
/// Cheaper than ``jacrev(_:)`` when the output is larger than the input.
public func jacfwd(_ function: TensorFunction<Tensor, Tensor>) -> TensorFunction<Tensor, Tensor> {
  TensorFunction(name: "jacfwd of \(function.name)") { (x: Tensor) in
    let columns = try vmap(inAxes: [0], outAxes: [-1]) { (direction: Tensor) in
      try jvp(function, primals: x, tangents: direction).1
    }(try Tensor.basis(x.type))
    return try columns.reshape(columns.shape.dropLast() + x.shape)
  }
}

/// The Jacobian of a closure of one tensor in forward mode; see ``jacfwd(_:)``.
public func jacfwd(_ function: @escaping (Tensor) throws -> Tensor) -> TensorFunction<Tensor, Tensor> {
  jacfwd(TensorFunction(function))
}

/// The Jacobian of a function of one tensor, row by row in reverse mode: `output.shape + input.shape`.
///
/// Cheaper than ``jacfwd(_:)`` when the input is larger than the output.
public func jacrev(_ function: TensorFunction<Tensor, Tensor>) -> TensorFunction<Tensor, Tensor> {
  TensorFunction(name: "jacrev of \(function.name)") { (x: Tensor) in
    let (y, pullback) = try vjp(function, x)
    let rows = try vmap { (cotangent: Tensor) in try pullback(cotangent) }(try Tensor.basis(y.type))
    return try rows.reshape(y.shape + x.shape)
  }
}

/// The Jacobian of a closure of one tensor in reverse mode; see ``jacrev(_:)``.
public func jacrev(_ function: @escaping (Tensor) throws -> Tensor) -> TensorFunction<Tensor, Tensor> {
  jacrev(TensorFunction(function))
}

/// The second derivatives of a scalar function of one tensor: `input.shape + input.shape`.
public func hessian(_ function: TensorFunction<Tensor, Tensor>) -> TensorFunction<Tensor, Tensor> {
  jacfwd(jacrev(function))
}

/// The second derivatives of a scalar closure of one tensor; see ``hessian(_:)``.
public func hessian(_ function: @escaping (Tensor) throws -> Tensor) -> TensorFunction<Tensor, Tensor> {
  hessian(TensorFunction(function))
}

/// The product of a scalar function's Hessian with a vector, without the Hessian: forward over reverse.
///
/// ```swift
/// let product = try hvp(loss)(params, direction)
/// ```
public func hvp<Tree: TensorTree>(
  _ function: TensorFunction<Tensor, Tree>
) -> TensorFunction<Tree, Tree, Tree> {
  TensorFunction(name: "hvp of \(function.name)") { (x: Tree, direction: Tree) in
    try jvp(grad(function), primals: x, tangents: direction).1
  }
}

/// The product of a scalar closure's Hessian with a vector; see ``hvp(_:)``.
public func hvp<Tree: TensorTree>(
  _ function: @escaping (Tree) throws -> Tensor
) -> TensorFunction<Tree, Tree, Tree> {
  hvp(TensorFunction(function))
}
