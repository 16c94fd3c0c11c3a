// The reference cases of convolution layers.

import BloxNN
import TestSupport

@testable import BloxTrace

extension BloxModel {
  /// The model of a case of convolutions; `nil` for what is none.
  init?(conv testCase: ConformanceCase) throws {
    typealias Make = (Graph, Rng) throws -> any Layer
    let make: Make
    switch testCase.name {
    case "Conv/1d": make = { try Conv($0, kernelSize: 3, outputChannels: 4, rng: $1) }
    case "Conv/2d": make = { try Conv($0, kernelSize: [3, 3], outputChannels: 4, rng: $1) }
    case "Conv/2d_valid_stride":
      make = { try Conv($0, kernelSize: [2, 3], outputChannels: 3, rng: $1, strides: 2, padding: .valid) }
    case "Conv/3d": make = { try Conv($0, kernelSize: [2, 2, 2], outputChannels: 2, rng: $1) }
    case "Conv/nobatch": make = { try Conv($0, kernelSize: [3, 3], outputChannels: 2, rng: $1) }
    case "Conv/batch2": make = { try Conv($0, kernelSize: 3, outputChannels: 2, rng: $1) }
    case "Conv/dilated": make = { try Conv($0, kernelSize: 3, outputChannels: 2, rng: $1, kernelDilation: 2) }
    case "Conv/input_dilation":
      make = {
        try Conv(
          $0, kernelSize: [2, 2], outputChannels: 2, rng: $1, padding: .explicit([(1, 1), (1, 1)]), inputDilation: 2)
      }
    case "Conv/grouped":
      make = { try Conv($0, kernelSize: [3, 3], outputChannels: 4, rng: $1, featureGroupCount: 2) }
    case "Conv/nobias": make = { try Conv($0, kernelSize: 3, outputChannels: 2, rng: $1, useBias: false) }
    case "ConvTranspose/1d":
      make = { try ConvTranspose($0, kernelSize: 3, outputChannels: 4, rng: $1, strides: 2) }
    case "ConvTranspose/2d": make = { try ConvTranspose($0, kernelSize: [3, 3], outputChannels: 2, rng: $1) }
    case "ConvTranspose/2d_valid":
      make = {
        try ConvTranspose($0, kernelSize: [2, 2], outputChannels: 3, rng: $1, strides: [2, 2], padding: .valid)
      }
    case "ConvTranspose/nobatch":
      make = { try ConvTranspose($0, kernelSize: 3, outputChannels: 2, rng: $1, strides: 2) }
    case "ConvTranspose/dilated":
      make = {
        try ConvTranspose($0, kernelSize: [2, 2], outputChannels: 1, rng: $1, strides: 2, kernelDilation: 2)
      }
    case _: return nil
    }
    try self.init { graph, rng -> any Layer in try make(graph.child("layer"), rng) }
  }
}
