// The digits that digits and convnet train on.

import BloxNN
import CDigitsData

/// Images of handwritten digits, some of which are held out.
package struct DigitImages {
  /// The number of pixels of an image, whose rows are one after the other.
  package static let pixelCount = Int(digits_image_size)

  /// The number of images to train on.
  package var trainingCount: Int { used.count }
  /// The number of images held out.
  package var heldOutCount: Int { held.count }

  private let pixels: [Float]
  private let labels: [Int32]
  private let held: [Int]
  private let used: [Int]
  private let key: Key

  /// Reads all images. A seed decides which are held out and the order in which the others come.
  package init(heldOut count: Int, seed: Int) throws {
    let total = Int(digits_count)
    let images = UnsafeBufferPointer(start: digits_images_data(), count: total * Self.pixelCount)
    pixels = images.map { Float($0) / Float(digits_pixel_max) }
    labels = UnsafeBufferPointer(start: digits_labels_data(), count: total).map { Int32($0) }
    key = try Key(seed).foldIn(1)
    let order = try key.permutation(total)
    (held, used) = (Array(order.prefix(count)), Array(order.dropFirst(count)))
  }

  /// The images held out, `[count, pixels]` with values from 0 to 1, and their labels, `i32[count]`.
  package func heldOut() throws -> (images: Tensor, labels: Tensor) { try batch(held[...]) }

  /// The images to train on in the order of an epoch, without those that do not fill a batch.
  package func batches(of size: Int, epoch: Int) throws -> some Sequence<(images: Tensor, labels: Tensor)> {
    let shuffled = try key.foldIn(epoch).permutation(used.count).map { used[$0] }
    return try (0..<used.count / size).map { try batch(shuffled[$0 * size..<($0 + 1) * size]) }
  }

  private func batch(_ positions: ArraySlice<Int>) throws -> (images: Tensor, labels: Tensor) {
    var images: [Float] = []
    images.reserveCapacity(positions.count * Self.pixelCount)
    for position in positions { images += pixels[position * Self.pixelCount..<(position + 1) * Self.pixelCount] }
    return (
      try Tensor(shape: [positions.count, Self.pixelCount], scalars: images),
      try Tensor(shape: [positions.count], scalars: positions.map { labels[$0] })
    )
  }
}
