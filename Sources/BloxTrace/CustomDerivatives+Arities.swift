// `customJVP` and `customVJP` for one to four arguments. A rule takes and returns the arguments' trees as tuples, which
// parameter packs cannot express with the compiler (6.3), hence one overload for each number.

import BloxIR

/// Gives a function a derivative of its own, in forward mode (JAX's `custom_jvp`).
///
/// ```swift
/// let softplus = customJVP { (x: Tensor) in try log(1 + exp(x)) } jvp: { x, dx in
///   (try log(1 + exp(x)), try sigmoid(x) * dx)
/// }
/// ```
///
/// The rule maps arguments and their tangents to the output and its tangent, linearly in the tangents; both `jvp` and
/// `grad` follow it. It is not consulted where no argument has a tangent. Tangents of integer tensors are zeros and
/// ignored. Traced tensors must be passed as arguments; concrete ones that the closures capture are constants.
///
/// - Throws: When called in a transformation: ``BloxError/Code/structureMismatch`` when the rule's results do not have
///   the types of the output, ``BloxError/Code/leakedTracer`` for a captured traced tensor, or what the closures throw.
public func customJVP<Output: TensorTree, A: TensorTree>(
  _ function: TensorFunction<Output, A>, jvp: @escaping (A, A) throws -> (Output, Output)
) -> TensorFunction<Output, A> {
  TensorFunction(name: function.name) { (a: A) in
    try function.callWithRule(a) { traced in
      try traced.jvpRule { primals, tangents in
        var (x, dx) = (TreeReader(primals), TreeReader(tangents))
        return try jvp(try x.take(a), try dx.take(a))
      }
    }
  }
}

/// Gives a closure of one argument a derivative of its own in forward mode; see the version for a function.
public func customJVP<Output: TensorTree, A: TensorTree>(
  name: String = "function", _ function: @escaping (A) throws -> Output,
  jvp: @escaping (A, A) throws -> (Output, Output)
) -> TensorFunction<Output, A> {
  customJVP(TensorFunction(name: name, function), jvp: jvp)
}

/// Gives a function of two arguments a derivative of its own in forward mode. The rule takes the arguments and their
/// tangents as tuples; see the version for one argument.
public func customJVP<Output: TensorTree, A: TensorTree, B: TensorTree>(
  _ function: TensorFunction<Output, A, B>, jvp: @escaping ((A, B), (A, B)) throws -> (Output, Output)
) -> TensorFunction<Output, A, B> {
  TensorFunction(name: function.name) { (a: A, b: B) in
    try function.callWithRule(a, b) { traced in
      try traced.jvpRule { primals, tangents in
        var (x, dx) = (TreeReader(primals), TreeReader(tangents))
        return try jvp((try x.take(a), try x.take(b)), (try dx.take(a), try dx.take(b)))
      }
    }
  }
}

/// Gives a closure of two arguments a derivative of its own in forward mode; see the version for a function.
public func customJVP<Output: TensorTree, A: TensorTree, B: TensorTree>(
  name: String = "function", _ function: @escaping (A, B) throws -> Output,
  jvp: @escaping ((A, B), (A, B)) throws -> (Output, Output)
) -> TensorFunction<Output, A, B> {
  customJVP(TensorFunction(name: name, function), jvp: jvp)
}

/// Gives a function of three arguments a derivative of its own in forward mode. The rule takes the arguments and their
/// tangents as tuples; see the version for one argument.
public func customJVP<Output: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  _ function: TensorFunction<Output, A, B, C>, jvp: @escaping ((A, B, C), (A, B, C)) throws -> (Output, Output)
) -> TensorFunction<Output, A, B, C> {
  TensorFunction(name: function.name) { (a: A, b: B, c: C) in
    try function.callWithRule(a, b, c) { traced in
      try traced.jvpRule { primals, tangents in
        var (x, dx) = (TreeReader(primals), TreeReader(tangents))
        return try jvp((try x.take(a), try x.take(b), try x.take(c)), (try dx.take(a), try dx.take(b), try dx.take(c)))
      }
    }
  }
}

/// Gives a closure of three arguments a derivative of its own in forward mode; see the version for a function.
public func customJVP<Output: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  name: String = "function", _ function: @escaping (A, B, C) throws -> Output,
  jvp: @escaping ((A, B, C), (A, B, C)) throws -> (Output, Output)
) -> TensorFunction<Output, A, B, C> {
  customJVP(TensorFunction(name: name, function), jvp: jvp)
}

/// Gives a function of four arguments a derivative of its own in forward mode. The rule takes the arguments and their
/// tangents as tuples; see the version for one argument.
public func customJVP<Output: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree>(
  _ function: TensorFunction<Output, A, B, C, D>, jvp: @escaping ((A, B, C, D), (A, B, C, D)) throws -> (Output, Output)
) -> TensorFunction<Output, A, B, C, D> {
  TensorFunction(name: function.name) { (a: A, b: B, c: C, d: D) in
    try function.callWithRule(a, b, c, d) { traced in
      try traced.jvpRule { primals, tangents in
        var (x, dx) = (TreeReader(primals), TreeReader(tangents))
        return try jvp(
          (try x.take(a), try x.take(b), try x.take(c), try x.take(d)),
          (try dx.take(a), try dx.take(b), try dx.take(c), try dx.take(d)))
      }
    }
  }
}

/// Gives a closure of four arguments a derivative of its own in forward mode; see the version for a function.
public func customJVP<Output: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree>(
  name: String = "function", _ function: @escaping (A, B, C, D) throws -> Output,
  jvp: @escaping ((A, B, C, D), (A, B, C, D)) throws -> (Output, Output)
) -> TensorFunction<Output, A, B, C, D> {
  customJVP(TensorFunction(name: name, function), jvp: jvp)
}

/// Gives a function a derivative of its own, in reverse mode (JAX's `custom_vjp`).
///
/// ```swift
/// let clipped = customVJP { (x: Tensor) in try x * 2 } forward: { x in
///   (try x * 2, x)
/// } backward: { x, ct in
///   try minimum(maximum(ct * x, -1), 1)
/// }
/// ```
///
/// `forward` gives the output and what the backward rule needs; `backward` maps those residuals and a cotangent of the
/// output to a cotangent of the argument. Cotangents for integer tensors are ignored. Forward-mode derivatives (`jvp`,
/// `linearize`, `jacfwd`) of such a function are an error. Traced tensors must be passed as arguments; concrete ones
/// that the closures capture are constants.
///
/// - Throws: When called in a transformation: ``BloxError/Code/structureMismatch`` when a rule's results do not have
///   the types of the output or the arguments, ``BloxError/Code/leakedTracer`` for a captured traced tensor, or what
///   the closures throw.
public func customVJP<Output: TensorTree, Residuals: TensorTree, A: TensorTree>(
  _ function: TensorFunction<Output, A>, forward: @escaping (A) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> A
) -> TensorFunction<Output, A> {
  TensorFunction(name: function.name) { (a: A) in
    try function.callWithRule(a) { traced in
      try traced.vjpRule { primals in
        var reader = TreeReader(primals)
        return try forward(try reader.take(a))
      } backward: { residuals, cotangent in
        try backward(residuals, cotangent).tensors()
      }
    }
  }
}

/// Gives a closure of one argument a derivative of its own in reverse mode; see the version for a function.
public func customVJP<Output: TensorTree, Residuals: TensorTree, A: TensorTree>(
  name: String = "function", _ function: @escaping (A) throws -> Output,
  forward: @escaping (A) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> A
) -> TensorFunction<Output, A> {
  customVJP(TensorFunction(name: name, function), forward: forward, backward: backward)
}

/// Gives a function of two arguments a derivative of its own in reverse mode. The backward rule returns the arguments'
/// cotangents as a tuple; see the version for one argument.
public func customVJP<Output: TensorTree, Residuals: TensorTree, A: TensorTree, B: TensorTree>(
  _ function: TensorFunction<Output, A, B>, forward: @escaping (A, B) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> (A, B)
) -> TensorFunction<Output, A, B> {
  TensorFunction(name: function.name) { (a: A, b: B) in
    try function.callWithRule(a, b) { traced in
      try traced.vjpRule { primals in
        var reader = TreeReader(primals)
        return try forward(try reader.take(a), try reader.take(b))
      } backward: { residuals, cotangent in
        let parts = try backward(residuals, cotangent)
        return try parts.0.tensors() + parts.1.tensors()
      }
    }
  }
}

/// Gives a closure of two arguments a derivative of its own in reverse mode; see the version for a function.
public func customVJP<Output: TensorTree, Residuals: TensorTree, A: TensorTree, B: TensorTree>(
  name: String = "function", _ function: @escaping (A, B) throws -> Output,
  forward: @escaping (A, B) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> (A, B)
) -> TensorFunction<Output, A, B> {
  customVJP(TensorFunction(name: name, function), forward: forward, backward: backward)
}

/// Gives a function of three arguments a derivative of its own in reverse mode. The backward rule returns the
/// arguments' cotangents as a tuple; see the version for one argument.
public func customVJP<Output: TensorTree, Residuals: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  _ function: TensorFunction<Output, A, B, C>, forward: @escaping (A, B, C) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> (A, B, C)
) -> TensorFunction<Output, A, B, C> {
  TensorFunction(name: function.name) { (a: A, b: B, c: C) in
    try function.callWithRule(a, b, c) { traced in
      try traced.vjpRule { primals in
        var reader = TreeReader(primals)
        return try forward(try reader.take(a), try reader.take(b), try reader.take(c))
      } backward: { residuals, cotangent in
        let parts = try backward(residuals, cotangent)
        return try parts.0.tensors() + parts.1.tensors() + parts.2.tensors()
      }
    }
  }
}

/// Gives a closure of three arguments a derivative of its own in reverse mode; see the version for a function.
public func customVJP<Output: TensorTree, Residuals: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  name: String = "function", _ function: @escaping (A, B, C) throws -> Output,
  forward: @escaping (A, B, C) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> (A, B, C)
) -> TensorFunction<Output, A, B, C> {
  customVJP(TensorFunction(name: name, function), forward: forward, backward: backward)
}

/// Gives a function of four arguments a derivative of its own in reverse mode. The backward rule returns the arguments'
/// cotangents as a tuple; see the version for one argument.
public func customVJP<
  Output: TensorTree, Residuals: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree
>(
  _ function: TensorFunction<Output, A, B, C, D>, forward: @escaping (A, B, C, D) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> (A, B, C, D)
) -> TensorFunction<Output, A, B, C, D> {
  TensorFunction(name: function.name) { (a: A, b: B, c: C, d: D) in
    try function.callWithRule(a, b, c, d) { traced in
      try traced.vjpRule { primals in
        var reader = TreeReader(primals)
        return try forward(try reader.take(a), try reader.take(b), try reader.take(c), try reader.take(d))
      } backward: { residuals, cotangent in
        let parts = try backward(residuals, cotangent)
        return try parts.0.tensors() + parts.1.tensors() + parts.2.tensors() + parts.3.tensors()
      }
    }
  }
}

/// Gives a closure of four arguments a derivative of its own in reverse mode; see the version for a function.
public func customVJP<
  Output: TensorTree, Residuals: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree
>(
  name: String = "function", _ function: @escaping (A, B, C, D) throws -> Output,
  forward: @escaping (A, B, C, D) throws -> (Output, Residuals),
  backward: @escaping (Residuals, Output) throws -> (A, B, C, D)
) -> TensorFunction<Output, A, B, C, D> {
  customVJP(TensorFunction(name: name, function), forward: forward, backward: backward)
}
