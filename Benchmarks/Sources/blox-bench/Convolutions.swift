// Workloads of convolutions and pooling, forward and with their gradients.

import BloxNN

private func convolution(_ name: String, _ x: [Int], _ kernel: [Int], flops: Double) -> [Workload] {
  [
    Workload(name: "\(name)_fwd", flops: flops) {
      var inputs = Inputs()
      let arguments = (try inputs.weyl(x), try inputs.weight(kernel))
      let function = jit(convolved)
      return .function(memory: { function.memory }) { [try function(arguments.0, arguments.1)] }
    },
    Workload(name: "\(name)_grad", flops: 3 * flops) {
      var inputs = Inputs()
      let arguments = (try inputs.weyl(x), try inputs.weight(kernel))
      let cotangent = try inputs.weyl(Array(x.dropLast()) + [kernel[3]])
      let function = jit { (x: Tensor, kernel: Tensor, cotangent: Tensor) in
        let (y, pullback) = try vjp(convolved, x, kernel)
        let (dx, dKernel) = try pullback(cotangent)
        return (y, dx, dKernel)
      }
      return .function(memory: { function.memory }) {
        let (y, dx, dKernel) = try function(arguments.0, arguments.1, cotangent)
        return [y, dx, dKernel]
      }
    },
  ]
}

let convolutions =
  convolution("conv2d_a", [32, 28, 28, 32], [3, 3, 32, 64], flops: 924_844_032)
  + convolution("conv2d_b", [8, 56, 56, 64], [3, 3, 64, 64], flops: 1_849_688_064) + [
    Workload(name: "max_pool", bytes: 32_112_640) {
      var inputs = Inputs()
      let x = try inputs.weyl([32, 56, 56, 64])
      let function = jit(pooled)
      return .function(memory: { function.memory }) { [try function(x)] }
    },
    Workload(name: "max_pool_grad", bytes: 64_225_280) {
      var inputs = Inputs()
      let x = try inputs.weyl([32, 56, 56, 64])
      let cotangent = try inputs.weyl([32, 28, 28, 64])
      let function = jit { (x: Tensor, cotangent: Tensor) in
        let (y, pullback) = try vjp(pooled, x)
        return (y, try pullback(cotangent))
      }
      return .function(memory: { function.memory }) {
        let (y, dx) = try function(x, cotangent)
        return [y, dx]
      }
    },
  ]
