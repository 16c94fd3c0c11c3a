// The tensor users compute with: concrete, or a stand-in while a function is traced.

@_exported public import BloxIR
import BloxRuntime
import Synchronization

/// A multi-dimensional array: immutable, of any dtype, and a value.
///
/// A tensor is either *concrete* and holds its elements, or *traced* and stands for a value of the program that a
/// transformation (``jit``, ``grad``, ``vmap``, …) is making of your function. Functions work the same on both.
///
/// ```swift
/// let x = try Tensor([[1, 2], [3, 4]])          // f32[2,2]
/// let y = try tanh(x.matmul(x)) * 0.5 + 1       // operators broadcast as NumPy does
/// ```
public struct Tensor: Sendable {
  enum Representation: Sendable {
    case concrete(TensorBuffer)
    case traced(Tracer)
    /// A type without elements, as ``evalShape`` gives.
    case abstract(TensorType)
  }

  let representation: Representation

  init(_ representation: Representation) { self.representation = representation }
  /// A tensor whose elements are in a block of memory of the type's size.
  package init(type: TensorType, storage: Storage) {
    representation = .concrete(TensorBuffer(type: type, storage: storage))
  }

  /// The element type and shape.
  public var type: TensorType {
    switch representation {
    case .concrete(let buffer): buffer.type
    case .traced(let tracer): tracer.type
    case .abstract(let type): type
    }
  }

  /// Whether the tensor has a type; that of a concrete one is compared where it is.
  func has(_ type: TensorType) -> Bool {
    switch representation {
    case .concrete(let buffer): buffer.type == type
    case .traced(let tracer): tracer.type == type
    case .abstract(let own): own == type
    }
  }

  /// The size of each dimension, outermost first.
  public var shape: [Int] { type.shape }
  /// The element type.
  public var dtype: DType { type.dtype }
  /// The number of dimensions.
  public var rank: Int { type.rank }
  /// The number of elements.
  public var count: Int { type.elementCount }

  /// Whether the tensor stands for a value of a function being traced, rather than holding elements.
  public var isTraced: Bool {
    switch representation {
    case .traced: true
    case .concrete, .abstract: false
    }
  }

  /// A tensor that has a type but no elements, for ``evalShape`` and ``makeProgram``.
  public static func abstract(_ type: TensorType) -> Tensor { Tensor(.abstract(type)) }
}

/// The elements of a concrete tensor. Copies of a tensor share one buffer, so that donating one of them makes all
/// of them unusable.
final class TensorBuffer: Sendable {
  private enum State: Sendable {
    case live(Storage)
    case donated(to: DonationSite)
  }

  let type: TensorType
  private let state: Mutex<State>

  init(type: TensorType, storage: Storage) {
    self.type = type
    state = Mutex(.live(storage))
  }

  /// The elements.
  ///
  /// - Throws: ``BloxError/Code/donatedTensor`` when the tensor was given up.
  func storage() throws(BloxError) -> Storage {
    switch state.locked({ $0 }) {
    case .live(let storage): return storage
    case .donated(let taker): throw donatedError(taker)
    }
  }

  /// Gives the elements up to a call. With them comes whether no other tensor shares their memory, so that it may be
  /// written over: a result that is an argument unchanged shares the argument's, and giving up one must not destroy
  /// the other.
  ///
  /// - Throws: ``BloxError/Code/donatedTensor`` when they have been given up already.
  func take(by site: DonationSite) throws(BloxError) -> (storage: Storage, isAlone: Bool) {
    var isAlone = false
    var earlier: DonationSite?
    let storage = state.locked { state -> Storage? in
      switch state {
      case .donated(let taker):
        earlier = taker
        return nil
      case .live(var storage):
        // Only the local copy may hold a reference while uniqueness is asked for.
        state = .donated(to: site)
        isAlone = isKnownUniquelyReferenced(&storage)
        return storage
      }
    }
    if let storage { return (storage, isAlone) }
    guard let earlier else { preconditionFailure("a tensor is live or donated") }
    throw donatedError(earlier)
  }

  /// Undoes ``take(by:)`` for a call that failed.
  func giveBack(_ storage: Storage) {
    state.locked { $0 = .live(storage) }
  }

  private func donatedError(_ taker: DonationSite) -> BloxError {
    BloxError(
      .donatedTensor,
      "this tensor of type \(type) was donated to \(taker.text) and no longer holds elements; use that call's results, or"
        + " do not donate the argument")
  }
}

/// What a traced tensor stands for.
struct Tracer: Sendable {
  let trace: Trace
  let operand: Operand
  let type: TensorType
}
