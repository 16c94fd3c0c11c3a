// What became of donated parameters.
import BloxIR

/// What a plan does with a donated parameter.
public enum DonationOutcome: Hashable, Sendable {
  /// The result is written into the parameter's memory.
  case reused(result: Int)
  /// The result is the parameter itself.
  case forwarded(result: Int)
  /// The memory serves nothing, for the reason given.
  case unused(reason: String)
}

/// The outcome for one donated parameter.
public struct Donation: Hashable, Sendable {
  /// The parameter's position.
  public let parameter: Int
  /// What the plan does with it.
  public let outcome: DonationOutcome
}

extension Program {
  /// What the plan does with each donated parameter, in order. Meaningful once buffers are planned.
  public var donationReport: [Donation] {
    let places = resultPlaces
    let storage = ValueStorage(self)
    return parameters.indices.filter { parameters[$0].isDonated }.map { index in
      guard let result = places.firstIndex(of: .parameter(index)) else {
        return Donation(parameter: index, outcome: .unused(reason: reasonUnused(index, places, storage)))
      }
      let isForwarded = storage.block(of: parameterValue(index)) == results[result].operand.value.map(storage.block)
      return Donation(parameter: index, outcome: isForwarded ? .forwarded(result: result) : .reused(result: result))
    }
  }

  /// Where each result lives; a literal in the result's own memory.
  private var resultPlaces: [BufferLocation] {
    let places = places
    return results.enumerated().map { index, result in
      guard let value = result.operand.value, value.index < places.count else { return .result(index) }
      return places[value.index]
    }
  }

  private func reasonUnused(_ index: Int, _ places: [BufferLocation], _ storage: ValueStorage) -> String {
    let byteCount = parameters[index].type.byteCount
    let sameSize = results.indices.filter { type(of: results[$0].operand).byteCount == byteCount }
    if sameSize.isEmpty { return "no result has its size, \(byteCount) bytes" }
    let isFree = sameSize.contains { result in
      if case .result = places[result] { return results[result].operand.value != nil }
      return false
    }
    return isFree
      ? "it is still read when the results of its size are written"
      : "every result of its size already has the memory of another argument"
  }
}
