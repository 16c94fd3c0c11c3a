// One case where each rule of windows applies and one where it must not.

let windowCases: [SimplificationCase] = [
  rewrites(
    "window-one-tap", "f32[5] -> f32[3]",
    "%1: f32[3] = reduce_window_max %0 {window=[1], strides=[2], low=[1], high=[-1]}; return %1",
    "%1: f32[5] = pad %0, -inf {low=[1], high=[-1]}; %2: f32[3] = slice %1 {start=[0], limit=[5], stride=[2]}; "
      + "return %2"),
  rewrites(
    "window-one-tap", "f32[5] -> f32[5]", "%1: f32[5] = reduce_window_sum %0 {window=[1]}; return %1", "return %0"),
  keeps(
    "window-one-tap", "f32[5] -> f32[9]",
    "%1: f32[9] = reduce_window_sum %0 {window=[1], base_dilation=[2]}; return %1"),
  keeps(
    "window-one-tap", "f32[5] -> f32[1]",
    "%1: f32[1] = reduce_window_sum %0 {window=[1], strides=[1000], high=[900]}; return %1"),
  rewrites(
    "window-everything", "f32[2,3,4] -> f32[2,1,4]",
    "%1: f32[2,1,4] = reduce_window_max %0 {window=[1,3,1], strides=[1,3,1]}; return %1",
    "%1: f32[2,4] = reduce_max %0 {axes=[1]}; %2: f32[2,1,4] = reshape %1; return %2"),
  rewrites(
    "window-everything", "i32[2,3] -> i32[1,1]", "%1: i32[1,1] = reduce_window_sum %0 {window=[2,3]}; return %1",
    "%1: i32[] = reduce_sum %0 {axes=[0,1]}; %2: i32[1,1] = reshape %1; return %2"),
  keeps(
    "window-everything", "f32[2,3] -> f32[1,1]", "%1: f32[1,1] = reduce_window_sum %0 {window=[2,3]}; return %1"),
  keeps(
    "window-everything", "f32[2,3] -> f32[1,2]", "%1: f32[1,2] = reduce_window_max %0 {window=[2,2]}; return %1"),
  keeps(
    "window-everything", "f32[3] -> f32[1]",
    "%1: f32[1] = reduce_window_max %0 {window=[3], low=[1], high=[-1]}; return %1"),
]
