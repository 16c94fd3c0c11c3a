// One case where each rule applies and one where it must not: elementwise ops and constants.

let allSimplificationCases =
  constantCases + unaryCases + binaryCases + choiceCases + shapeCases + contractionCases
  + windowCases

private let constantCases: [SimplificationCase] = [
  rewrites(
    "splat-constant", "f32[2] -> f32[2]",
    "%1: f32[2] = constant dense<[2.5, 2.5]>; %2: f32[2] = add %0, %1; return %2",
    "%1: f32[2] = add %0, 2.5; return %1"),
  keeps(
    "splat-constant", "f32[2] -> f32[2]",
    "%1: f32[2] = constant dense<[2.5, 1.5]>; %2: f32[2] = add %0, %1; return %2"),
  rewrites(
    "fold-splats", "f32[100] -> f32[100]",
    "%1: f32[100] = constant 4.0; %2: f32[100] = sqrt %1; %3: f32[100] = add %0, %2; return %3",
    "%1: f32[100] = add %0, 2.0; return %1", folds: true),
  keeps(
    "fold-splats", "f32[100] -> f32[100]",
    "%1: f32[100] = constant 4.0; %2: f32[100] = sqrt %1; %3: f32[100] = add %0, %2; return %3"),
  rewrites(
    "fold-constants", "f32[] -> f32[]",
    "%1: f32[2] = constant dense<[2.5, 1.5]>; %2: f32[] = reduce_sum %1 {axes=[0]}; %3: f32[] = add %0, %2; return %3",
    "%1: f32[] = add %0, 4.0; return %1", folds: true),
  keeps(
    "fold-constants", "f32[2,2] -> f32[2,2]",
    "%1: f32[2] = constant dense<[2.5, 1.5]>; %2: f32[2,2] = broadcast_in_dim %1 {dims=[0]}; "
      + "%3: f32[2,2] = add %0, %2; return %3", folds: true),
]

private let unaryCases: [SimplificationCase] = [
  rewrites("stop-gradient", "f32[2] -> f32[2]", "%1: f32[2] = stop_gradient %0; return %1", "return %0"),
  keeps("stop-gradient", "f32[2] -> f32[2]", "%1: f32[2] = neg %0; return %1"),
  rewrites("neg-neg", "f32[2] -> f32[2]", "%1: f32[2] = neg %0; %2: f32[2] = neg %1; return %2", "return %0"),
  keeps("neg-neg", "f32[2] -> f32[2]", "%1: f32[2] = neg %0; %2: f32[2] = floor %1; %3: f32[2] = neg %2; return %3"),
  rewrites(
    "neg-mul", "f32[2] -> f32[2]", "%1: f32[2] = mul %0, 3.0; %2: f32[2] = neg %1; return %2",
    "%1: f32[2] = mul %0, -3.0; return %1"),
  keeps(
    "neg-mul", "f32[2], f32[2] -> f32[2]", "%2: f32[2] = sub %0, %1; %3: f32[2] = neg %2; return %3"),
  rewrites(
    "abs-sign", "f32[2] -> f32[2]",
    "%1: f32[2] = neg %0; %2: f32[2] = abs %1; %3: f32[2] = abs %2; return %3",
    "%1: f32[2] = abs %0; return %1"),
  // The negative of an unsigned number wraps around, and its magnitude is itself.
  rewrites(
    "abs-sign", "u16[2] -> u16[2]", "%1: u16[2] = neg %0; %2: u16[2] = abs %1; return %2",
    "%1: u16[2] = neg %0; return %1"),
  keeps("abs-sign", "f32[2] -> f32[2]", "%1: f32[2] = abs %0; %2: f32[2] = neg %1; return %2"),
  rewrites("not-not", "i32[2] -> i32[2]", "%1: i32[2] = not %0; %2: i32[2] = not %1; return %2", "return %0"),
  keeps("not-not", "i32[2] -> i32[2]", "%1: i32[2] = not %0; %2: i32[2] = neg %1; return %2"),
  rewrites(
    "not-compare", "i32[2] -> bool[2]",
    "%1: bool[2] = compare %0, 3 {direction=lt}; %2: bool[2] = not %1; return %2",
    "%1: bool[2] = compare %0, 3 {direction=ge}; return %1"),
  rewrites(
    "not-compare", "f32[2] -> bool[2]",
    "%1: bool[2] = compare %0, 3.0 {direction=eq}; %2: bool[2] = not %1; return %2",
    "%1: bool[2] = compare %0, 3.0 {direction=ne}; return %1"),
  keeps(
    "not-compare", "f32[2] -> bool[2]",
    "%1: bool[2] = compare %0, 3.0 {direction=lt}; %2: bool[2] = not %1; return %2"),
  rewrites(
    "integer-pow-small", "f32[2] -> f32[2], f32[2], f32[2]",
    "%1: f32[2] = integer_pow %0 {exponent=0}; %2: f32[2] = integer_pow %0 {exponent=1}; "
      + "%3: f32[2] = integer_pow %0 {exponent=2}; return %1, %2, %3",
    "%1: f32[2] = mul %0, %0; return 1.0, %0, %1"),
  keeps("integer-pow-small", "f32[2] -> f32[2]", "%1: f32[2] = integer_pow %0 {exponent=3}; return %1"),
]

private let binaryCases: [SimplificationCase] = [
  rewrites(
    "literals-right", "f32[2] -> f32[2]", "%1: f32[2] = add 3.0, %0; return %1",
    "%1: f32[2] = add %0, 3.0; return %1"),
  keeps("literals-right", "f32[2] -> f32[2]", "%1: f32[2] = sub 3.0, %0; return %1"),
  rewrites("add-nothing", "f32[2] -> f32[2]", "%1: f32[2] = add %0, -0.0; return %1", "return %0"),
  rewrites("add-nothing", "i32[2] -> i32[2]", "%1: i32[2] = add %0, 0; return %1", "return %0"),
  keeps("add-nothing", "f32[2] -> f32[2]", "%1: f32[2] = add %0, 0.0; return %1"),
  rewrites(
    "add-zero-twice", "f32[2] -> f32[2]", "%1: f32[2] = add %0, 0.0; %2: f32[2] = add %1, 0.0; return %2",
    "%1: f32[2] = add %0, 0.0; return %1"),
  keeps(
    "add-zero-twice", "f32[2] -> f32[2]", "%1: f32[2] = add %0, 1.0; %2: f32[2] = add %1, 0.0; return %2"),
  rewrites("sub-nothing", "f32[2] -> f32[2]", "%1: f32[2] = sub %0, 0.0; return %1", "return %0"),
  keeps("sub-nothing", "f32[2] -> f32[2]", "%1: f32[2] = sub %0, -0.0; return %1"),
  rewrites(
    "add-neg", "f32[2], f32[2] -> f32[2], f32[2]",
    "%2: f32[2] = neg %1; %3: f32[2] = add %0, %2; %4: f32[2] = add %2, %0; return %3, %4",
    "%2: f32[2] = sub %0, %1; return %2, %2"),
  keeps("add-neg", "f32[2], f32[2] -> f32[2]", "%2: f32[2] = neg %1; %3: f32[2] = max %0, %2; return %3"),
  rewrites(
    "sub-neg", "f32[2], f32[2] -> f32[2]", "%2: f32[2] = neg %1; %3: f32[2] = sub %0, %2; return %3",
    "%2: f32[2] = add %0, %1; return %2"),
  keeps("sub-neg", "f32[2], f32[2] -> f32[2]", "%2: f32[2] = neg %0; %3: f32[2] = sub %2, %1; return %3"),
  rewrites("mul-one", "f32[2] -> f32[2]", "%1: f32[2] = mul 1.0, %0; return %1", "return %0"),
  keeps("mul-one", "f32[2] -> f32[2]", "%1: f32[2] = mul %0, -1.0; return %1"),
  rewrites("mul-zero", "i32[2] -> i32[2]", "%1: i32[2] = mul %0, 0; return %1", "return 0"),
  keeps("mul-zero", "f32[2] -> f32[2]", "%1: f32[2] = mul %0, 0.0; return %1"),
  rewrites(
    "mul-neg", "f32[2], f32[2] -> f32[2], f32[2]",
    "%2: f32[2] = neg %0; %3: f32[2] = neg %1; %4: f32[2] = mul %2, 3.0; %5: f32[2] = mul %2, %3; return %4, %5",
    "%2: f32[2] = mul %0, -3.0; %3: f32[2] = mul %0, %1; return %2, %3"),
  keeps("mul-neg", "f32[2], f32[2] -> f32[2]", "%2: f32[2] = neg %0; %3: f32[2] = mul %2, %1; return %3"),
  rewrites("div-one", "f32[2] -> f32[2]", "%1: f32[2] = div %0, 1.0; return %1", "return %0"),
  keeps("div-one", "f32[2] -> f32[2]", "%1: f32[2] = div 1.0, %0; return %1"),
  rewrites(
    "div-power-of-two", "f32[2] -> f32[2]", "%1: f32[2] = div %0, -8.0; return %1",
    "%1: f32[2] = mul %0, -0.125; return %1"),
  keeps("div-power-of-two", "f32[2] -> f32[2]", "%1: f32[2] = div %0, 3.0; return %1"),
  keeps("div-power-of-two", "i32[2] -> i32[2]", "%1: i32[2] = div %0, 8; return %1"),
  keeps("div-power-of-two", "f32[2] -> f32[2]", "%1: f32[2] = div %0, 1.7014118e+38; return %1"),
  rewrites(
    "mul-chain", "f32[2], i32[2] -> f32[2], i32[2]",
    "%2: f32[2] = mul %0, 2.0; %3: f32[2] = mul %2, 0.125; %4: i32[2] = mul %1, 3; %5: i32[2] = mul %4, 5; "
      + "return %3, %5",
    "%2: f32[2] = mul %0, 0.25; %3: i32[2] = mul %1, 15; return %2, %3"),
  keeps("mul-chain", "f32[2] -> f32[2]", "%1: f32[2] = mul %0, 3.0; %2: f32[2] = mul %1, 0.5; return %2"),
  rewrites(
    "add-chain", "i32[2] -> i32[2]", "%1: i32[2] = add %0, 3; %2: i32[2] = add %1, -5; return %2",
    "%1: i32[2] = add %0, -2; return %1"),
  keeps("add-chain", "f32[2] -> f32[2]", "%1: f32[2] = add %0, 3.0; %2: f32[2] = add %1, 5.0; return %2"),
  rewrites("rem-one", "i32[2] -> i32[2]", "%1: i32[2] = rem %0, 1; return %1", "return 0"),
  keeps("rem-one", "f32[2] -> f32[2]", "%1: f32[2] = rem %0, 1.0; return %1"),
  rewrites(
    "pow-small", "f32[2] -> f32[2], f32[2], f32[2]",
    "%1: f32[2] = pow %0, 0.0; %2: f32[2] = pow %0, 1.0; %3: f32[2] = pow %0, 2.0; return %1, %2, %3",
    "%1: f32[2] = mul %0, %0; return 1.0, %0, %1"),
  keeps("pow-small", "f32[2] -> f32[2]", "%1: f32[2] = pow %0, 0.5; return %1"),
  rewrites(
    "same-operands", "f32[2], i32[2] -> f32[2], i32[2], i32[2]",
    "%2: f32[2] = max %0, %0; %3: i32[2] = and %1, %1; %4: i32[2] = sub %1, %1; return %2, %3, %4",
    "return %0, %1, 0"),
  keeps("same-operands", "f32[2] -> f32[2]", "%1: f32[2] = sub %0, %0; return %1"),
  rewrites(
    "extremes", "i32[2] -> i32[2], i32[2]",
    "%1: i32[2] = max %0, -2147483648; %2: i32[2] = min %0, -2147483648; return %1, %2", "return %0, -2147483648"),
  keeps("extremes", "f32[2] -> f32[2]", "%1: f32[2] = max %0, -inf; return %1"),
  rewrites(
    "bits-of-literal", "u8[2], bool[2] -> u8[2], u8[2], u8[2], bool[2], bool[2]",
    "%2: u8[2] = and %0, 0; %3: u8[2] = or %0, 255; %4: u8[2] = xor %0, 255; %5: bool[2] = and %1, true; "
      + "%6: bool[2] = or false, %1; return %2, %3, %4, %5, %6",
    "%2: u8[2] = not %0; return 0, 255, %2, %1, %1"),
  keeps("bits-of-literal", "u8[2] -> u8[2]", "%1: u8[2] = and %0, 254; return %1"),
  rewrites("shift-nothing", "i32[2] -> i32[2]", "%1: i32[2] = shift_right_logical %0, 0; return %1", "return %0"),
  keeps("shift-nothing", "i32[2] -> i32[2]", "%1: i32[2] = shift_left 0, %0; return %1"),
]

private let choiceCases: [SimplificationCase] = [
  rewrites(
    "compare-literal-right", "f32[2] -> bool[2]", "%1: bool[2] = compare 1.0, %0 {direction=le}; return %1",
    "%1: bool[2] = compare %0, 1.0 {direction=ge}; return %1"),
  keeps("compare-literal-right", "f32[2] -> bool[2]", "%1: bool[2] = compare %0, 1.0 {direction=le}; return %1"),
  rewrites(
    "compare-same", "i32[2] -> bool[2], bool[2]",
    "%1: bool[2] = compare %0, %0 {direction=le}; %2: bool[2] = compare %0, %0 {direction=ne}; return %1, %2",
    "return true, false"),
  keeps("compare-same", "f32[2] -> bool[2]", "%1: bool[2] = compare %0, %0 {direction=eq}; return %1"),
  rewrites(
    "compare-bool", "bool[2] -> bool[2], bool[2]",
    "%1: bool[2] = compare %0, true {direction=eq}; %2: bool[2] = compare %0, true {direction=ne}; return %1, %2",
    "%1: bool[2] = not %0; return %0, %1"),
  keeps("compare-bool", "bool[2] -> bool[2]", "%1: bool[2] = compare %0, true {direction=lt}; return %1"),
  rewrites(
    "select-constant", "f32[2], f32[2] -> f32[2], f32[2]",
    "%2: f32[2] = select true, %0, %1; %3: f32[2] = select false, %0, %1; return %2, %3", "return %0, %1"),
  keeps("select-constant", "bool[2], f32[2] -> f32[2]", "%2: f32[2] = select %0, %1, 0.0; return %2"),
  rewrites(
    "select-same", "bool[2], f32[2] -> f32[2]", "%2: f32[2] = select %0, %1, %1; return %2", "return %1"),
  keeps("select-same", "bool[2] -> f32[2]", "%1: f32[2] = select %0, 0.0, -0.0; return %1"),
  rewrites(
    "select-not", "bool[2], f32[2] -> f32[2]", "%2: bool[2] = not %0; %3: f32[2] = select %2, %1, 0.0; return %3",
    "%2: f32[2] = select %0, 0.0, %1; return %2"),
  keeps("select-not", "bool[2], f32[2] -> f32[2]", "%2: f32[2] = neg %1; %3: f32[2] = select %0, %2, %1; return %3"),
  rewrites(
    "select-bool", "bool[2] -> bool[2], bool[2]",
    "%1: bool[2] = select %0, true, false; %2: bool[2] = select %0, false, true; return %1, %2",
    "%1: bool[2] = not %0; return %0, %1"),
  keeps("select-bool", "bool[2] -> i32[2]", "%1: i32[2] = select %0, 1, 0; return %1"),
  rewrites(
    "select-select", "bool[2], f32[2], f32[2] -> f32[2]",
    "%3: f32[2] = select %0, %1, 1.0; %4: f32[2] = select %0, %3, %2; return %4",
    "%3: f32[2] = select %0, %1, %2; return %3"),
  keeps(
    "select-select", "bool[2], bool[2], f32[2] -> f32[2]",
    "%3: f32[2] = select %0, %2, 1.0; %4: f32[2] = select %1, %3, %2; return %4"),
  rewrites("convert-nothing", "f32[2] -> f32[2]", "%1: f32[2] = convert %0; return %1", "return %0"),
  keeps("convert-nothing", "f32[2] -> f64[2]", "%1: f64[2] = convert %0; return %1"),
  rewrites(
    "convert-literal", "f32[2] -> f32[2]",
    "%1: i32[2] = constant 3; %2: f32[2] = convert %1; %3: f32[2] = mul %0, %2; return %3",
    "%1: f32[2] = mul %0, 3.0; return %1"),
  keeps(
    "convert-literal", "i32[2] -> i32[2]",
    "%1: f32[2] = constant 2.5; %2: i32[2] = convert %1; %3: i32[2] = mul %0, %2; return %3"),
  rewrites(
    "convert-convert", "i8[2], bool[2] -> f32[2], i32[2]",
    "%2: i32[2] = convert %0; %3: f32[2] = convert %2; %4: f32[2] = convert %1; %5: i32[2] = convert %4; "
      + "return %3, %5",
    "%2: f32[2] = convert %0; %3: i32[2] = convert %1; return %2, %3"),
  keeps(
    "convert-convert", "u8[2] -> i8[2]", "%1: f32[2] = convert %0; %2: i8[2] = convert %1; return %2"),
  keeps(
    "convert-convert", "f32[2] -> f32[2]", "%1: bf16[2] = convert %0; %2: f32[2] = convert %1; return %2"),
  rewrites(
    "convert-iota", " -> f32[3,2]", "%0: i32[3,2] = iota {axis=0}; %1: f32[3,2] = convert %0; return %1",
    "%0: f32[3,2] = iota {axis=0}; return %0"),
  keeps("convert-iota", " -> i8[300]", "%0: i32[300] = iota {axis=0}; %1: i8[300] = convert %0; return %1"),
]
