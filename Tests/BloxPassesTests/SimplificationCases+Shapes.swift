// One case where each rule applies and one where it must not: shapes, reductions, products, random words.

let shapeCases: [SimplificationCase] = [
  rewrites(
    "broadcast-literal", "f32[2,2] -> f32[2,2]",
    "%1: f32[] = constant 2.0; %2: f32[2,2] = broadcast_in_dim %1 {dims=[]}; %3: f32[2,2] = add %0, %2; return %3",
    "%1: f32[2,2] = add %0, 2.0; return %1"),
  keeps("broadcast-literal", "f32[] -> f32[2,2]", "%1: f32[2,2] = broadcast_in_dim %0 {dims=[]}; return %1"),
  rewrites(
    "broadcast-nothing", "f32[2,3] -> f32[2,3]", "%1: f32[2,3] = broadcast_in_dim %0 {dims=[0,1]}; return %1",
    "return %0"),
  keeps("broadcast-nothing", "f32[2,2] -> f32[2,2]", "%1: f32[2,2] = broadcast_in_dim %0 {dims=[1,0]}; return %1"),
  rewrites(
    "broadcast-broadcast", "f32[2] -> f32[4,3,2]",
    "%1: f32[3,2] = broadcast_in_dim %0 {dims=[1]}; %2: f32[4,3,2] = broadcast_in_dim %1 {dims=[1,2]}; return %2",
    "%1: f32[4,3,2] = broadcast_in_dim %0 {dims=[2]}; return %1"),
  keeps(
    "broadcast-broadcast", "f32[2] -> f32[3,2]",
    "%1: f32[2] = neg %0; %2: f32[3,2] = broadcast_in_dim %1 {dims=[1]}; return %2"),
  rewrites(
    "broadcast-reshape", "f32[2] -> f32[2,3]",
    "%1: f32[2,1] = reshape %0; %2: f32[2,3] = broadcast_in_dim %1 {dims=[0,1]}; return %2",
    "%1: f32[2,3] = broadcast_in_dim %0 {dims=[0]}; return %1"),
  keeps(
    "broadcast-reshape", "f32[6] -> f32[4,2,3]",
    "%1: f32[2,3] = reshape %0; %2: f32[4,2,3] = broadcast_in_dim %1 {dims=[1,2]}; return %2"),
  rewrites(
    "broadcast-iota", " -> i32[2,3]",
    "%0: i32[3] = iota {axis=0}; %1: i32[2,3] = broadcast_in_dim %0 {dims=[1]}; return %1",
    "%0: i32[2,3] = iota {axis=1}; return %0"),
  keeps(
    "broadcast-iota", " -> i32[2,3], i32[3]",
    "%0: i32[3] = iota {axis=0}; %1: i32[3] = neg %0; %2: i32[2,3] = broadcast_in_dim %1 {dims=[1]}; return %2, %0"),
  rewrites(
    "broadcast-to-reshape", "f32[2] -> f32[1,2]", "%1: f32[1,2] = broadcast_in_dim %0 {dims=[1]}; return %1",
    "%1: f32[1,2] = reshape %0; return %1"),
  keeps(
    "broadcast-to-reshape", "f32[2,3] -> f32[3,2]", "%1: f32[3,2] = broadcast_in_dim %0 {dims=[1,0]}; return %1"),
  rewrites(
    "reshape-literal", "f32[4] -> f32[4]",
    "%1: f32[2,2] = constant 2.0; %2: f32[4] = reshape %1; %3: f32[4] = add %0, %2; return %3",
    "%1: f32[4] = add %0, 2.0; return %1"),
  keeps(
    "reshape-literal", "f32[4] -> f32[4]",
    "%1: f32[2,2] = constant dense<[1.0, 2.0, 3.0, 4.0]>; %2: f32[4] = reshape %1; %3: f32[4] = add %0, %2; return %3"),
  rewrites("reshape-nothing", "f32[4] -> f32[4]", "%1: f32[4] = reshape %0; return %1", "return %0"),
  keeps("reshape-nothing", "f32[4] -> f32[2,2]", "%1: f32[2,2] = reshape %0; return %1"),
  rewrites(
    "reshape-reshape", "f32[6] -> f32[3,2]", "%1: f32[2,3] = reshape %0; %2: f32[3,2] = reshape %1; return %2",
    "%1: f32[3,2] = reshape %0; return %1"),
  keeps(
    "reshape-reshape", "f32[6] -> f32[3,2]",
    "%1: f32[2,3] = reshape %0; %2: f32[3,2] = transpose %1 {permutation=[1,0]}; return %2"),
  rewrites(
    "reshape-scalar-broadcast", "f32[] -> f32[4]",
    "%1: f32[2,2] = broadcast_in_dim %0 {dims=[]}; %2: f32[4] = reshape %1; return %2",
    "%1: f32[4] = broadcast_in_dim %0 {dims=[]}; return %1"),
  keeps(
    "reshape-scalar-broadcast", "f32[2] -> f32[4]",
    "%1: f32[2,2] = broadcast_in_dim %0 {dims=[1]}; %2: f32[4] = reshape %1; return %2"),
  rewrites(
    "transpose-literal", "f32[3,2] -> f32[3,2]",
    "%1: f32[2,3] = constant 2.0; %2: f32[3,2] = transpose %1 {permutation=[1,0]}; %3: f32[3,2] = add %0, %2; "
      + "return %3", "%1: f32[3,2] = add %0, 2.0; return %1"),
  keeps("transpose-literal", "f32[2,3] -> f32[3,2]", "%1: f32[3,2] = transpose %0 {permutation=[1,0]}; return %1"),
  rewrites(
    "transpose-nothing", "f32[2,3] -> f32[2,3]", "%1: f32[2,3] = transpose %0 {permutation=[0,1]}; return %1",
    "return %0"),
  keeps("transpose-nothing", "f32[2,2] -> f32[2,2]", "%1: f32[2,2] = transpose %0 {permutation=[1,0]}; return %1"),
  rewrites(
    "transpose-transpose", "f32[2,3,4] -> f32[4,3,2]",
    "%1: f32[3,4,2] = transpose %0 {permutation=[1,2,0]}; %2: f32[4,3,2] = transpose %1 {permutation=[1,0,2]}; "
      + "return %2", "%1: f32[4,3,2] = transpose %0 {permutation=[2,1,0]}; return %1"),
  keeps(
    "transpose-transpose", "f32[2,3] -> f32[2,3]",
    "%1: f32[3,2] = transpose %0 {permutation=[1,0]}; %2: f32[3,2] = neg %1; "
      + "%3: f32[2,3] = transpose %2 {permutation=[1,0]}; return %3"),
  rewrites(
    "transpose-broadcast", "f32[2] -> f32[2,3]",
    "%1: f32[3,2] = broadcast_in_dim %0 {dims=[1]}; %2: f32[2,3] = transpose %1 {permutation=[1,0]}; return %2",
    "%1: f32[2,3] = broadcast_in_dim %0 {dims=[0]}; return %1"),
  keeps(
    "transpose-broadcast", "f32[2,3] -> f32[3,2]",
    "%1: f32[2,3] = neg %0; %2: f32[3,2] = transpose %1 {permutation=[1,0]}; return %2"),
  rewrites(
    "transpose-to-reshape", "f32[2,1,3] -> f32[1,2,3]",
    "%1: f32[1,2,3] = transpose %0 {permutation=[1,0,2]}; return %1", "%1: f32[1,2,3] = reshape %0; return %1"),
  keeps(
    "transpose-to-reshape", "f32[2,1,3] -> f32[3,1,2]",
    "%1: f32[3,1,2] = transpose %0 {permutation=[2,1,0]}; return %1"),
  rewrites("iota-single", " -> i32[1,3]", "%0: i32[1,3] = iota {axis=0}; return %0", "return 0"),
  keeps("iota-single", " -> i32[1,3]", "%0: i32[1,3] = iota {axis=1}; return %0"),
  rewrites(
    "slice-literal", "f32[1] -> f32[1]",
    "%1: f32[3] = constant 2.0; %2: f32[1] = slice %1 {start=[1], limit=[2]}; %3: f32[1] = add %0, %2; return %3",
    "%1: f32[1] = add %0, 2.0; return %1"),
  keeps("slice-literal", "f32[3] -> f32[1]", "%1: f32[1] = slice %0 {start=[1], limit=[2]}; return %1"),
  rewrites(
    "slice-nothing", "f32[3] -> f32[3]", "%1: f32[3] = slice %0 {start=[0], limit=[3]}; return %1", "return %0"),
  keeps("slice-nothing", "f32[3] -> f32[2]", "%1: f32[2] = slice %0 {start=[0], limit=[2]}; return %1"),
  rewrites(
    "slice-slice", "f32[9] -> f32[2]",
    "%1: f32[4] = slice %0 {start=[1], limit=[9], stride=[2]}; "
      + "%2: f32[2] = slice %1 {start=[1], limit=[4], stride=[2]}; return %2",
    "%1: f32[2] = slice %0 {start=[3], limit=[8], stride=[4]}; return %1"),
  keeps(
    "slice-slice", "f32[9] -> f32[2]",
    "%1: f32[4] = slice %0 {start=[1], limit=[5]}; %2: f32[4] = neg %1; "
      + "%3: f32[2] = slice %2 {start=[0], limit=[2]}; return %3"),
  rewrites(
    "slice-concatenate", "f32[2], f32[3] -> f32[2]",
    "%2: f32[5] = concatenate %0, %1 {axis=0}; %3: f32[2] = slice %2 {start=[3], limit=[5]}; return %3",
    "%2: f32[2] = slice %1 {start=[1], limit=[3]}; return %2"),
  keeps(
    "slice-concatenate", "f32[2], f32[3] -> f32[2]",
    "%2: f32[5] = concatenate %0, %1 {axis=0}; %3: f32[2] = slice %2 {start=[1], limit=[3]}; return %3"),
  rewrites(
    "pad-nothing", "f32[2] -> f32[2]", "%1: f32[2] = pad %0, 0.0 {low=[0], high=[0]}; return %1", "return %0"),
  keeps("pad-nothing", "f32[2] -> f32[2]", "%1: f32[2] = pad %0, 0.0 {low=[1], high=[-1]}; return %1"),
  rewrites(
    "pad-literal", "f32[3] -> f32[3]",
    "%1: f32[2] = constant 1.0; %2: f32[3] = pad %1, 1.0 {low=[1], high=[0]}; %3: f32[3] = add %0, %2; return %3",
    "%1: f32[3] = add %0, 1.0; return %1"),
  keeps(
    "pad-literal", "f32[3] -> f32[3]",
    "%1: f32[2] = constant 1.0; %2: f32[3] = pad %1, 0.0 {low=[1], high=[0]}; %3: f32[3] = add %0, %2; return %3"),
  rewrites(
    "add-pads", "f32[2], f32[3] -> f32[5]",
    "%2: f32[5] = pad %0, 0.0 {low=[0], high=[3]}; %3: f32[5] = pad %1, 0.0 {low=[2], high=[0]}; "
      + "%4: f32[5] = add %2, %3; return %4",
    "%2: f32[2] = add %0, 0.0; %3: f32[3] = add %1, 0.0; %4: f32[5] = concatenate %2, %3 {axis=0}; return %4"),
  rewrites(
    "add-pads", "f32[2,1], f32[2,2], f32[2,3] -> f32[2,8]",
    "%3: f32[2,8] = pad %2, 0.0 {low=[0,4], high=[0,1]}; %4: f32[2,8] = pad %1, 0.0 {low=[0,2], high=[0,4]}; "
      + "%5: f32[2,8] = add %3, %4; %6: f32[2,8] = pad %0, 0.0 {low=[0,1], high=[0,6]}; %7: f32[2,8] = add %5, %6; "
      + "return %7",
    "%3: f32[2,2] = add %1, 0.0; %4: f32[2,3] = add %2, 0.0; %5: f32[2,1] = add %0, 0.0; "
      + "%6: f32[2,6] = concatenate %5, %3, %4 {axis=1}; %7: f32[2,8] = pad %6, 0.0 {low=[0,1], high=[0,1]}; return %7"),
  rewrites(
    "add-pads", "i32[2], i32[3] -> i32[5]",
    "%2: i32[5] = pad %0, 0 {low=[3], high=[0]}; %3: i32[5] = pad %1, 0 {low=[0], high=[2]}; "
      + "%4: i32[5] = add %2, %3; return %4",
    "%2: i32[5] = concatenate %1, %0 {axis=0}; return %2"),
  keeps(
    "add-pads", "f32[2], f32[3] -> f32[6]",
    "%2: f32[6] = pad %0, 0.0 {low=[0], high=[4]}; %3: f32[6] = pad %1, 0.0 {low=[3], high=[0]}; "
      + "%4: f32[6] = add %2, %3; return %4"),
  keeps(
    "add-pads", "f32[3], f32[3] -> f32[5]",
    "%2: f32[5] = pad %0, 0.0 {low=[0], high=[2]}; %3: f32[5] = pad %1, 0.0 {low=[2], high=[0]}; "
      + "%4: f32[5] = add %2, %3; return %4"),
  keeps(
    "add-pads", "f32[2], f32[3] -> f32[5]",
    "%2: f32[5] = pad %0, -0.0 {low=[0], high=[3]}; %3: f32[5] = pad %1, 0.0 {low=[2], high=[0]}; "
      + "%4: f32[5] = add %2, %3; return %4"),
  keeps(
    "add-pads", "f32[2], f32[3] -> f32[5], f32[5]",
    "%2: f32[5] = pad %0, 0.0 {low=[0], high=[3]}; %3: f32[5] = pad %1, 0.0 {low=[2], high=[0]}; "
      + "%4: f32[5] = add %2, %3; return %2, %4"),
  keeps(
    "add-pads", "f32[1,2], f32[1,2] -> f32[2,4]",
    "%2: f32[2,4] = pad %0, 0.0 {low=[0,0], high=[1,2]}; %3: f32[2,4] = pad %1, 0.0 {low=[1,2], high=[0,0]}; "
      + "%4: f32[2,4] = add %2, %3; return %4"),
  rewrites(
    "concatenate-empty", "f32[2], f32[0], f32[3] -> f32[5]",
    "%3: f32[5] = concatenate %0, %1, %2 {axis=0}; return %3",
    "%3: f32[5] = concatenate %0, %2 {axis=0}; return %3"),
  keeps(
    "concatenate-empty", "f32[2], f32[3] -> f32[5]", "%2: f32[5] = concatenate %0, %1 {axis=0}; return %2"),
  rewrites(
    "concatenate-one", "f32[2] -> f32[2]", "%1: f32[2] = concatenate %0 {axis=0}; return %1", "return %0"),
  keeps("concatenate-one", "f32[2] -> f32[4]", "%1: f32[4] = concatenate %0, %0 {axis=0}; return %1"),
  rewrites(
    "concatenate-literals", "f32[3] -> f32[3]",
    "%1: f32[1] = constant 2.0; %2: f32[2] = constant 2.0; %3: f32[3] = concatenate %1, %2 {axis=0}; "
      + "%4: f32[3] = add %0, %3; return %4", "%1: f32[3] = add %0, 2.0; return %1"),
  keeps(
    "concatenate-literals", "f32[3] -> f32[3]",
    "%1: f32[1] = constant 1.0; %2: f32[2] = constant 2.0; %3: f32[3] = concatenate %1, %2 {axis=0}; "
      + "%4: f32[3] = add %0, %3; return %4"),
]

let contractionCases: [SimplificationCase] = [
  rewrites(
    "reduce-single", "f32[2,1] -> f32[2]", "%1: f32[2] = reduce_sum %0 {axes=[1]}; return %1",
    "%1: f32[2] = reshape %0; return %1"),
  keeps("reduce-single", "f32[2,1] -> f32[1]", "%1: f32[1] = reduce_sum %0 {axes=[0]}; return %1"),
  rewrites(
    "reduce-literal", "f32[2] -> f32[2]",
    "%1: f32[2,3] = constant 2.0; %2: f32[2] = reduce_max %1 {axes=[1]}; %3: f32[2] = add %0, %2; return %3",
    "%1: f32[2] = add %0, 2.0; return %1"),
  keeps(
    "reduce-literal", "f32[2] -> f32[2]",
    "%1: f32[2,3] = constant 0.1; %2: f32[2] = reduce_sum %1 {axes=[1]}; %3: f32[2] = add %0, %2; return %3"),
  rewrites(
    "reduce-reduce", "f32[2,3,4] -> f32[3]",
    "%1: f32[3,4] = reduce_max %0 {axes=[0]}; %2: f32[3] = reduce_max %1 {axes=[1]}; return %2",
    "%1: f32[3] = reduce_max %0 {axes=[0,2]}; return %1"),
  keeps(
    "reduce-reduce", "f32[2,3,4] -> f32[3]",
    "%1: f32[3,4] = reduce_sum %0 {axes=[0]}; %2: f32[3] = reduce_sum %1 {axes=[1]}; return %2"),
  rewrites("arg-reduce-single", "f32[2,1] -> i32[2]", "%1: i32[2] = argmax %0 {axis=1}; return %1", "return 0"),
  keeps("arg-reduce-single", "f32[2,1] -> i32[1]", "%1: i32[1] = argmax %0 {axis=0}; return %1"),
  rewrites("cumulative-single", "f32[2,1] -> f32[2,1]", "%1: f32[2,1] = cumsum %0 {axis=1}; return %1", "return %0"),
  keeps("cumulative-single", "f32[2,1] -> f32[2,1]", "%1: f32[2,1] = cumsum %0 {axis=0}; return %1"),
  rewrites("sort-short", "f32[1,3] -> f32[1,3]", "%1: f32[1,3] = sort %0 {axis=0, stable}; return %1", "return %0"),
  keeps("sort-short", "f32[1,3] -> f32[1,3]", "%1: f32[1,3] = sort %0 {axis=1, stable}; return %1"),
  rewrites(
    "sort-sorted", "f32[3], i32[3] -> f32[3], i32[3]",
    "%2: f32[3], %3: i32[3] = sort %0, %1 {axis=0, stable}; %4: f32[3] = sort %2 {axis=0}; return %4, %3",
    "%2: f32[3], %3: i32[3] = sort %0, %1 {axis=0, stable}; return %2, %3"),
  keeps(
    "sort-sorted", "f32[3], i32[3] -> i32[3]",
    "%2: f32[3], %3: i32[3] = sort %0, %1 {axis=0, stable}; %4: i32[3] = sort %3 {axis=0, stable}; return %4"),
  rewrites(
    "dot-transpose", "f32[3,2], f32[4,3] -> f32[2,4]",
    "%2: f32[2,3] = transpose %0 {permutation=[1,0]}; %3: f32[3,4] = transpose %1 {permutation=[1,0]}; "
      + "%4: f32[2,4] = dot_general %2, %3 {contract=[1]x[0]}; return %4",
    "%2: f32[2,4] = dot_general %0, %1 {contract=[0]x[1]}; return %2"),
  keeps(
    "dot-transpose", "f32[2,5,3], f32[3,4] -> f32[5,2,4]",
    "%2: f32[5,2,3] = transpose %0 {permutation=[1,0,2]}; "
      + "%3: f32[5,2,4] = dot_general %2, %1 {contract=[2]x[0]}; return %3"),
  rewrites(
    "transpose-dot", "f32[2,3], f32[3,4] -> f32[4,2]",
    "%2: f32[2,4] = dot_general %0, %1 {contract=[1]x[0]}; %3: f32[4,2] = transpose %2 {permutation=[1,0]}; "
      + "return %3", "%2: f32[4,2] = dot_general %1, %0 {contract=[0]x[1]}; return %2"),
  keeps(
    "transpose-dot", "f32[2,3], f32[3,4] -> f32[4,2], f32[2,4]",
    "%2: f32[2,4] = dot_general %0, %1 {contract=[1]x[0]}; %3: f32[4,2] = transpose %2 {permutation=[1,0]}; "
      + "return %3, %2"),
  rewrites(
    "unwrap-wrap", "key[2], u32[3,2] -> key[2], u32[3,2]",
    "%2: u32[2,2] = random_unwrap %0; %3: key[2] = random_wrap %2; %4: key[3] = random_wrap %1; "
      + "%5: u32[3,2] = random_unwrap %4; return %3, %5", "return %0, %1"),
  keeps("unwrap-wrap", "key[2] -> u32[2,2]", "%1: u32[2,2] = random_unwrap %0; return %1"),
]
