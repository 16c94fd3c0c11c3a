// Giving arguments away: what became of them, and the run that takes them.

import BloxIR
import BloxPasses
import BloxRuntime

/// What a donation that nothing can use is: a line, or an error.
public enum DonationPolicy: String, CaseIterable, Hashable, Sendable {
  /// A line of the topic `donation`, once per compiled program. The argument is given up all the same.
  case report
  /// ``BloxError/Code/donatedTensor`` before anything is given up.
  case require
}

/// What became of one tensor of a donated argument.
public struct DonatedArgument: Hashable, Sendable {
  /// The tensor's name: a parameter's path, or the argument and where in it.
  public let name: String
  /// The tensor's type.
  public let type: TensorType
  /// The name of the result that has its memory; `nil` when none has.
  public let result: String?
  /// Whether that result is the argument itself, so that nothing was written.
  public let isForwarded: Bool
  /// Why no result has its memory; `nil` when one has.
  public let reason: String?
}

extension DonatedArgument: CustomStringConvertible {
  /// As in `'arg0', f32[2], was not usable: no result has its size, 8 bytes`.
  public var description: String {
    if let reason { return "'\(name)', \(type), was not usable: \(reason)" }
    return isForwarded
      ? "'\(name)', \(type), is the result '\(result ?? "")' unchanged"
      : "'\(name)', \(type), is reused by the result '\(result ?? "")'"
  }
}

extension Executable {
  /// What the plan does with each donated argument.
  var donatedArguments: [DonatedArgument] {
    program.donationReport.map { donation in
      let parameter = program.parameters[donation.parameter]
      let name = parameter.label?.text ?? "%\(donation.parameter)"
      let result = { [program] (index: Int) in program.results[index].label?.text ?? "result \(index)" }
      return switch donation.outcome {
      case .reused(let index):
        DonatedArgument(name: name, type: parameter.type, result: result(index), isForwarded: false, reason: nil)
      case .forwarded(let index):
        DonatedArgument(name: name, type: parameter.type, result: result(index), isForwarded: true, reason: nil)
      case .unused(let reason):
        DonatedArgument(name: name, type: parameter.type, result: nil, isForwarded: false, reason: reason)
      }
    }
  }
}

extension [DonatedArgument] {
  /// Throws when a donation must be usable and is not.
  func expectUsable(_ policy: DonationPolicy, function: String) throws(BloxError) {
    guard policy == .require else { return }
    let unused = filter { $0.reason != nil }
    guard !unused.isEmpty else { return }
    throw BloxError(
      .donatedTensor,
      "\(function): donation is required, but \(unused.map(\.description).joined(separator: "; ")). Do not donate it, or"
        + " return a result of its size; nothing has been given up")
  }
}

/// Who took donated tensors, which share it.
final class DonationSite: Sendable {
  let function: String
  let location: SourceLocation?

  init(function: String, location: SourceLocation?) {
    self.function = function
    self.location = location
  }

  var text: String { location.map { "\(function) at \($0)" } ?? function }
}

/// Which tensors of a call are given up.
struct Donation {
  /// For each tensor.
  let isDonated: [Bool]
  /// What tensors are called in messages.
  let makeLabels: () throws -> [LeafLabel]
}

/// Runs an executable on concrete arguments, some of which are given up.
///
/// A donated tensor is taken before the run and put back when the run fails, so that of two tasks that donate one
/// tensor only one gets it.
func run(
  _ executable: Executable, _ tensors: [Tensor], donation: Donation?, function: String, at location: SourceLocation?,
  checks: Set<ElementCheck>
) throws -> [Tensor] {
  var storages: [Storage] = []
  var donates: [Bool]?
  do {
    if let donation {
      let site = DonationSite(function: function, location: location)
      var flags = Array(repeating: false, count: tensors.count)
      var areAllAlone = true
      storages.reserveCapacity(tensors.count)
      for index in tensors.indices {
        if donation.isDonated[index], let buffer = tensors[index].buffer {
          let (storage, isAlone) = try buffer.take(by: site)
          flags[index] = isAlone
          areAllAlone = areAllAlone && isAlone
          storages.append(storage)
        } else {
          storages.append(try tensors[index].concreteStorage(for: function))
        }
      }
      if !areAllAlone { try expectDistinct(tensors, donation, function) }
      donates = flags
    } else {
      storages = try tensors.storages(for: function)
    }
    return executable.tensors(try executable.run(storages, donating: donates, checks: checks))
  } catch let error as BloxError where error.code == .nonFinite {
    // Found while the program ran: donated memory has been written over.
    throw error
  } catch {
    // Those before the one that could not be taken.
    for (index, storage) in storages.enumerated() where donation?.isDonated[index] == true {
      tensors[index].buffer?.giveBack(storage)
    }
    // A tensor that is passed twice could not be taken twice.
    if let donation { try expectDistinct(tensors, donation, function) }
    throw error
  }
}

/// Throws when a donated tensor is passed twice.
private func expectDistinct(_ tensors: [Tensor], _ donation: Donation, _ function: String) throws {
  var positions: [ObjectIdentifier: Int] = [:]
  for (index, tensor) in tensors.enumerated() {
    guard let buffer = tensor.buffer, let first = positions.updateValue(index, forKey: ObjectIdentifier(buffer)),
      donation.isDonated[first] || donation.isDonated[index]
    else { continue }
    let labels = try donation.makeLabels()
    throw BloxError(
      .donatedTensor,
      "\(function): the same tensor of type \(buffer.type) is passed as '\(labels[first].label.text)' and as"
        + " '\(labels[index].label.text)', and donated; pass a copy, or do not donate it")
  }
}

extension Tensor {
  /// The elements of a concrete tensor.
  fileprivate var buffer: TensorBuffer? {
    guard case .concrete(let buffer) = representation else { return nil }
    return buffer
  }
}
