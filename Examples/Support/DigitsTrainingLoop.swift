// The training loop of digits and convnet: epochs with a bar, or with lines where there is no terminal.

import BloxIR
import BloxNN

/// Trains epoch after epoch, and prints how that goes and the accuracy at the end.
///
/// - Parameters:
///   - step: Trains on a batch, and gives the loss.
///   - heldOutAccuracy: The share of the held-out images that are told apart by now.
package func trainOnDigits(
  _ digits: DigitImages, epochs: Int, batch: Int, step: (_ images: Tensor, _ labels: Tensor) throws -> Tensor,
  heldOutAccuracy: () throws -> Double
) throws {
  var bar = ProgressBar(total: epochs * (digits.trainingCount / batch))
  for epoch in 1...max(1, epochs) where epochs > 0 {
    var losses: [Tensor] = []
    for (images, labels) in try digits.batches(of: batch, epoch: epoch) {
      let loss = try step(images, labels)
      losses.append(loss)
      try bar.advance(note: "epoch \(epoch)  loss \(fixed(try loss.item(), decimals: 4))")
    }
    if !bar.isVisible, epoch == 1 || epoch % 10 == 0 || epoch == epochs {
      let mean = try losses.map { try $0.item() }.reduce(0, +) / Double(max(1, losses.count))
      let share = try heldOutAccuracy()
      say(
        "epoch \(String(repeating: " ", count: max(0, 3 - "\(epoch)".count)))\(epoch)"
          + "  loss \(fixed(mean, decimals: 4))  held-out accuracy \(fixed(share * 100, decimals: 1)) %"
          + "  \(Int(bar.rate)) steps/s")
    }
  }
  bar.finish()
  let share = try heldOutAccuracy()
  say(
    "held-out accuracy \(fixed(share * 100, decimals: 2)) % on \(digits.heldOutCount) images after \(epochs) epochs"
      + " (\(Int(bar.rate)) steps/s)")
}
