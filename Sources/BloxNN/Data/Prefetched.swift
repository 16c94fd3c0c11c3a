// Values made in the background, a bounded number ahead of their use.

import BloxIR
import BloxRuntime
import Synchronization

/// An asynchronous sequence whose elements a background task makes while earlier ones are used.
///
/// At most `depth` elements wait at a time. An error of the function ends the sequence where it occurred, after the
/// elements before it. Leaving the loop early or cancelling its task ends the background task.
///
/// ```swift
/// for try await batch in try batches.prefetched(depth: 2) { … }
/// ```
public struct Prefetched<Element: Sendable>: AsyncSequence {
  private let depth: Int
  private let makeNext: @Sendable () throws -> (() throws -> Element?)

  /// Makes a sequence from a function that begins anew for each loop, and gives the function that makes elements until
  /// it gives `nil`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a depth below 1.
  public init(depth: Int = 2, _ makeNext: @escaping @Sendable () throws -> (() throws -> Element?)) throws {
    guard depth > 0 else { throw BloxError(.invalidArgument, "prefetched: a depth of \(depth) is below 1") }
    self.depth = depth
    self.makeNext = makeNext
  }

  /// Starts the background task.
  public func makeAsyncIterator() -> AsyncIterator {
    let channel = Channel<Element>(capacity: depth)
    let makeNext = makeNext
    let task = Task.detached {
      do {
        let next = try makeNext()
        while !Task.isCancelled, let element = try next() {
          guard await channel.send(element) else { return }
        }
        channel.finish(nil)
      } catch {
        channel.finish(error)
      }
    }
    return AsyncIterator(owner: Owner(channel: channel, task: task))
  }

  /// Gives the elements in order.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let owner: Owner

    /// The next element; `nil` after the last.
    ///
    /// - Throws: What the function threw, and `CancellationError` when the task is cancelled.
    public mutating func next() async throws -> Element? {
      let channel = owner.channel
      return try await withTaskCancellationHandler {
        try await channel.receive()
      } onCancel: {
        channel.finish(CancellationError(), dropsElements: true)
      }
    }
  }

  /// Ends the background task when the last copy of the iterator goes; the task does not keep it alive.
  fileprivate final class Owner: Sendable {
    let channel: Channel<Element>
    let task: Task<Void, Never>

    init(channel: Channel<Element>, task: Task<Void, Never>) {
      (self.channel, self.task) = (channel, task)
    }

    deinit {
      task.cancel()
      channel.finish(CancellationError(), dropsElements: true)
    }
  }
}

/// A queue of bounded length between one sender and one receiver.
private final class Channel<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var isFinished = false
    var error: (any Error)?
    var receiver: CheckedContinuation<Element?, any Error>?
    /// Resumed with whether there is still someone to send to.
    var sender: CheckedContinuation<Bool, Never>?
  }

  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) { self.capacity = capacity }

  /// Hands over an element, and waits for room; `false` when nobody wants more.
  func send(_ element: Element) async -> Bool {
    await withCheckedContinuation { sender in
      let (receiver, answer) = state.locked { state -> (CheckedContinuation<Element?, any Error>?, Bool?) in
        if state.isFinished { return (nil, false) }
        if let receiver = state.receiver {
          state.receiver = nil
          return (receiver, true)
        }
        state.elements.append(element)
        if state.elements.count < capacity { return (nil, true) }
        state.sender = sender
        return (nil, nil)
      }
      receiver?.resume(returning: element)
      if let answer { sender.resume(returning: answer) }
    }
  }

  func receive() async throws -> Element? {
    try await withCheckedThrowingContinuation { receiver in
      let (answer, sender) = state.locked {
        state -> (Result<Element?, any Error>?, CheckedContinuation<Bool, Never>?) in
        if !state.elements.isEmpty {
          let sender = state.sender
          state.sender = nil
          return (.success(state.elements.removeFirst()), sender)
        }
        if state.isFinished {
          // An error is told once; then the sequence is over.
          defer { state.error = nil }
          return (state.error.map { .failure($0) } ?? .success(nil), nil)
        }
        state.receiver = receiver
        return (nil, nil)
      }
      sender?.resume(returning: true)
      if let answer { receiver.resume(with: answer) }
    }
  }

  /// Ends the sequence, with an error or without; the first end counts, except that cancellation drops what waits.
  func finish(_ error: (any Error)?, dropsElements: Bool = false) {
    let (receiver, sender) = state.locked { state in
      let isOver = state.isFinished && (!dropsElements || state.elements.isEmpty)
      if dropsElements { state.elements = [] }
      // A receiver that waits is told the error now, and nobody later.
      if !isOver { state.error = state.receiver == nil ? error : nil }
      state.isFinished = true
      defer { (state.receiver, state.sender) = (nil, nil) }
      return (state.receiver, state.sender)
    }
    if let error { receiver?.resume(throwing: error) } else { receiver?.resume(returning: nil) }
    sender?.resume(returning: false)
  }
}
