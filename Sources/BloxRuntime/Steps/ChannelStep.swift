// Convolutions in which each channel of the input meets its own kernel.
import CBloxKernels

/// One product per channel, in parts of rows. Channels are innermost in input, kernel and target.
struct ChannelStep: BitwiseCopyable {
  let function: blox_channels_fn
  let patches: UnsafePointer<blox_patches>
  let input: Int32
  let kernel: Int32
  let target: Int32
  let channels: Int
  let rows: Int
  let rowsPerPart: Int

  static func run(_ step: UnsafePointer<ChannelStep>, _ memory: RunMemory) {
    let parts = (step.pointee.rows + step.pointee.rowsPerPart - 1) / step.pointee.rowsPerPart
    runParts(step, parts: parts, memory) { context, part, _ in
      let call = context.assumingMemoryBound(to: StepCall<ChannelStep>.self).pointee
      let (step, memory) = (call.step.pointee, call.memory)
      let first = part * step.rowsPerPart
      step.function(
        step.patches, memory.address(step.input), memory.address(step.kernel), memory.address(step.target),
        Int64(step.channels), Int64(first), Int64(min(step.rows, first + step.rowsPerPart)))
    }
  }
}
