// Compiling functions: one trace and one executable per structure and types of the arguments.

import BloxIR

/// Compiles a function: it is traced once for each structure, shape and dtype of its arguments, and run from the
/// compiled program after that.
///
/// ```swift
/// let step = jit(donating: [0]) { (params: Params, x: Tensor) in
///   …
///   return (params, loss)
/// }
/// ```
///
/// The cache belongs to the returned function: side effects of `function` happen once per trace, and what it captures
/// is read at trace time. Changing a captured object later has no effect on shapes already seen (JAX's stale trace);
/// use a new `jit`, ``TensorFunction/clearCache()``, or `staleness` to be told.
///
/// Arguments that are no tensors are static: see ``Static`` and ``StaticArgument``.
///
/// - Parameters:
///   - name: What messages and program text call the function.
///   - arguments: Names of the arguments for messages, program text and `donating`; `arg0`, `arg1`, … otherwise.
///   - donating: Arguments that the caller gives up, by position or name. Results may reuse their memory; using a
///     donated tensor afterwards is an error.
///   - donation: What a donation is that no result can use.
///   - staleness: What is done about captured values that have changed; what ``Diagnostics`` says if `nil`.
///   - cacheLimit: How many traces are kept; one more drops the one that was not used for longest.
///   - function: The function to compile.
public func jit<Output, each Input: TensorTree>(
  name: String? = nil, arguments: [String] = [], donating: ArgumentSelection = .none,
  donation: DonationPolicy = .report, staleness: Staleness? = nil, cacheLimit: Int = 256, file: String = #fileID,
  line: Int = #line, _ function: TensorFunction<Output, repeat each Input>
) -> TensorFunction<Output, repeat each Input> {
  let configuration = JitConfiguration(
    name: name ?? function.name, argumentNames: arguments, donating: donating, donation: donation,
    staleness: staleness, cacheLimit: cacheLimit, declared: SourceLocation(file: file, line: line))
  return TensorFunction(compiling: function, JitCache(configuration))
}

/// Compiles a closure that returns one tree; see
/// ``jit(name:arguments:donating:donation:staleness:cacheLimit:file:line:_:)``.
public func jit<Output: TensorTree, each Input: TensorTree>(
  name: String? = nil, arguments: [String] = [], donating: ArgumentSelection = .none,
  donation: DonationPolicy = .report, staleness: Staleness? = nil, cacheLimit: Int = 256, file: String = #fileID,
  line: Int = #line, _ function: @escaping (repeat each Input) throws -> Output
) -> TensorFunction<Output, repeat each Input> {
  jit(
    name: name, arguments: arguments, donating: donating, donation: donation, staleness: staleness,
    cacheLimit: cacheLimit, file: file, line: line, TensorFunction(function))
}

/// Compiles a closure that returns two trees; see
/// ``jit(name:arguments:donating:donation:staleness:cacheLimit:file:line:_:)``.
public func jit<A: TensorTree, B: TensorTree, each Input: TensorTree>(
  name: String? = nil, arguments: [String] = [], donating: ArgumentSelection = .none,
  donation: DonationPolicy = .report, staleness: Staleness? = nil, cacheLimit: Int = 256, file: String = #fileID,
  line: Int = #line, _ function: @escaping (repeat each Input) throws -> (A, B)
) -> TensorFunction<(A, B), repeat each Input> {
  jit(
    name: name, arguments: arguments, donating: donating, donation: donation, staleness: staleness,
    cacheLimit: cacheLimit, file: file, line: line, TensorFunction(function))
}

/// Compiles a closure that returns three trees; see
/// ``jit(name:arguments:donating:donation:staleness:cacheLimit:file:line:_:)``.
public func jit<A: TensorTree, B: TensorTree, C: TensorTree, each Input: TensorTree>(
  name: String? = nil, arguments: [String] = [], donating: ArgumentSelection = .none,
  donation: DonationPolicy = .report, staleness: Staleness? = nil, cacheLimit: Int = 256, file: String = #fileID,
  line: Int = #line, _ function: @escaping (repeat each Input) throws -> (A, B, C)
) -> TensorFunction<(A, B, C), repeat each Input> {
  jit(
    name: name, arguments: arguments, donating: donating, donation: donation, staleness: staleness,
    cacheLimit: cacheLimit, file: file, line: line, TensorFunction(function))
}
