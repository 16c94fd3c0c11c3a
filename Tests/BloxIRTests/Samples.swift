// Programs as text that more than one suite reads: each construct once, exactly as the printer writes it.

enum Samples {
  struct Sample: Sendable, CustomStringConvertible {
    let name: String
    let text: String
    var description: String { name }
  }

  static let all = [adder, linear, sgd, dropout, planned, calls, labels]

  static let adder = Sample(
    name: "adder",
    text: """
      // blox-ir 1
      program @adder(%0: f32[3] {arg="x"}) -> (f32[3]) {
        %1: f32[3] = add %0, 10.0
        return %1
      }

      """)

  static let linear = Sample(
    name: "linear",
    text: """
      // blox-ir 1
      program @linear(
          %0: f32[4] {path="demo/linear/bias", trainable},
          %1: f32[3,4] {path="demo/linear/kernel", trainable},
          %2: f32[2,3] {arg="inputs"}
      ) -> (f32[2,4]) {
        %3: f32[2,4] = dot_general %2, %1 {contract=[1]x[0]}  // demo/linear
        %4: f32[2,4] = broadcast_in_dim %0 {dims=[1]}  // demo/linear
        %5: f32[2,4] = add %3, %4  // demo/linear
        return %5
      }

      """)

  static let sgd = Sample(
    name: "linear.sgd",
    text: """
      // blox-ir 1
      program @linear.sgd(
          %0: f32[4] {path="demo/linear/bias", trainable, donated},
          %1: f32[3,4] {path="demo/linear/kernel", trainable, donated},
          %2: f32[2,3] {arg="inputs"},
          %3: f32[2,4] {arg="targets"}
      ) -> (f32[4] {path="demo/linear/bias"}, f32[3,4] {path="demo/linear/kernel"}, f32[] {arg="loss"}) {
        %4: f32[2,4] = dot_general %2, %1 {contract=[1]x[0]}
        %5: f32[2,4] = broadcast_in_dim %0 {dims=[1]}
        %6: f32[2,4] = add %4, %5
        %7: f32[2,4] = sub %6, %3
        %8: f32[2,4] = mul %7, %7
        %9: f32[] = reduce_sum %8 {axes=[0,1]}
        %10: f32[] = mul %9, 0.125
        %11: f32[2,4] = mul %7, 0.25
        %12: f32[3,4] = dot_general %2, %11 {contract=[0]x[0]}
        %13: f32[4] = reduce_sum %11 {axes=[0]}
        %14: f32[4] = mul %13, 0.01
        %15: f32[4] = sub %0, %14
        %16: f32[3,4] = mul %12, 0.01
        %17: f32[3,4] = sub %1, %16
        return %15, %17, %10
      }

      """)

  static let dropout = Sample(
    name: "dropout.vmap",
    text: """
      // blox-ir 1
      program @dropout.vmap(
          %0: u32[] {path="rng_demo/rng/counter"},
          %1: key[] {path="rng_demo/rng/seed"},
          %2: f32[4,8] {arg="x"}
      ) -> (f32[4,8], u32[] {path="rng_demo/rng/counter"}, key[] {path="rng_demo/rng/seed"}) {
        %3: u32[4] = iota {axis=0}
        %4: key[4] = broadcast_in_dim %1 {dims=[]}
        %5: key[4] = random_fold_in %4, %3
        %6: u32[4] = broadcast_in_dim %0 {dims=[]}
        %7: key[4] = random_fold_in %5, %6
        %8: u32[4,8] = random_bits %7 {shape=[8]}
        %9: u32[4,8] = shift_right_logical %8, 9
        %10: u32[4,8] = or %9, 1065353216
        %11: f32[4,8] = bitcast_convert %10
        %12: f32[4,8] = sub %11, 1.0
        %13: bool[4,8] = compare %12, 0.5 {direction=lt}
        %14: f32[4,8] = convert %13
        %15: f32[4,8] = mul %2, %14
        %16: f32[4,8] = div %15, 0.5
        %17: u32[] = add %0, 1
        return %16, %17, %1
      }

      """)

  static let planned = Sample(
    name: "linear.planned",
    text: """
      // blox-ir 1
      program @linear.relu(
          %0: f32[512] {path="net/l/bias", trainable},
          %1: f32[784,512] {path="net/l/kernel", trainable, donated},
          %2: f32[128,784] {arg="x"}
      ) -> (
          f32[128,512],
          f32[784,512]
      ) {plan="arena 262144 B, results 262144 B, aliased 1605632 B, peak 524288 B"} {
        %3: f32[128,512] = dot_general %2, %1 {contract=[1]x[0], buffer=arena[0]}
        %4: f32[128,512], %5: f32[784,512] = fusion %3, %1 {kind=loop, buffers=[result[0], param[1]]}
            region(%6: f32[128,512], %7: f32[784,512]) {
          %8: f32[128,512] = max %6, 0.0
          %9: f32[784,512] = fusion %7 {kind=loop} region(%10: f32[784,512]) {
            return %10
          }
          return %8, %9
        }  // net/l
        %11: f32[] = constant nan {buffer=const}
        return %4, %5
      }

      """)

  static let calls = Sample(
    name: "calls",
    text: """
      // blox-ir 1
      program @main(%0: f32[2], %1: i32[]) -> (f32[2], i32[], f32[2]) {
        %2: f32[2] = call @twice %0
        %3: i32[] = call @one
        call @nothing %2, 1.5
        %4: f32[2] = call @twice %2
        return %4, %3, 0.0
      }
      program @twice(%0: f32[2]) -> (f32[2]) {
        %1: f32[2] = call @"the sum" %0, %0
        return %1
      }
      program @one() -> (i32[]) {
        return 1
      }
      program @nothing(%0: f32[2], %1: f32[]) -> () {
        return
      }
      program @"the sum"(%0: f32[2], %1: f32[2]) -> (f32[2]) {
        %2: f32[2] = add %0, %1
        return %2
      }

      """)

  static let labels = Sample(
    name: "labels",
    text: #"""
      // blox-ir 1
      program @"a \"b\"\n"(%0: f32[] {arg="tab\tback\\slash\u{0}"}) -> (f32[] {arg="größe"}) {
        return %0
      }

      """#)
}
