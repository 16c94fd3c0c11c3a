// The kernels' names for dtypes and operations.
import BloxIR
import CBloxKernels

extension DType {
  /// The kernels' name of the dtype.
  var kernel: blox_dtype {
    switch self {
    case .bool: BLOX_BOOL
    case .i8: BLOX_I8
    case .i16: BLOX_I16
    case .i32: BLOX_I32
    case .i64: BLOX_I64
    case .u8: BLOX_U8
    case .u16: BLOX_U16
    case .u32: BLOX_U32
    case .u64: BLOX_U64
    case .bf16: BLOX_BF16
    case .f16: BLOX_F16
    case .f32: BLOX_F32
    case .f64: BLOX_F64
    case .key: BLOX_KEY
    }
  }
}

extension Op.Unary {
  var kernel: blox_unary {
    switch self {
    case .neg: BLOX_NEG
    case .abs: BLOX_ABS
    case .sign: BLOX_SIGN
    case .floor: BLOX_FLOOR
    case .ceil: BLOX_CEIL
    case .exp: BLOX_EXP
    case .log: BLOX_LOG
    case .log1p: BLOX_LOG1P
    case .sqrt: BLOX_SQRT
    case .rsqrt: BLOX_RSQRT
    case .tanh: BLOX_TANH
    case .logistic: BLOX_LOGISTIC
    case .erf: BLOX_ERF
    case .erfInv: BLOX_ERF_INV
    case .not: BLOX_NOT
    case .isFinite: BLOX_IS_FINITE
    case .exp2: BLOX_EXP2
    case .expm1: BLOX_EXPM1
    case .cbrt: BLOX_CBRT
    case .sin: BLOX_SIN
    case .cos: BLOX_COS
    case .tan: BLOX_TAN
    case .asin: BLOX_ASIN
    case .acos: BLOX_ACOS
    case .atan: BLOX_ATAN
    case .sinh: BLOX_SINH
    case .cosh: BLOX_COSH
    case .asinh: BLOX_ASINH
    case .acosh: BLOX_ACOSH
    case .atanh: BLOX_ATANH
    case .erfc: BLOX_ERFC
    case .lgamma: BLOX_LGAMMA
    case .digamma: BLOX_DIGAMMA
    case .roundNearestEven: BLOX_ROUND_NEAREST_EVEN
    case .roundNearestAway: BLOX_ROUND_NEAREST_AWAY
    case .populationCount: BLOX_POPULATION_COUNT
    case .clz: BLOX_CLZ
    }
  }

  /// Roughly what one f32 element costs, in nanoseconds; used only to decide what is worth another thread.
  var cost: Double {
    switch self {
    case .neg, .abs, .sign, .floor, .ceil, .not, .isFinite: 0.05
    case .sqrt, .rsqrt: 0.15
    case .exp, .log, .log1p, .tanh, .logistic, .erf, .erfInv: 0.4
    case .roundNearestEven, .roundNearestAway: 0.1
    case .exp2, .populationCount, .clz: 0.4
    case .expm1, .cbrt, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh: 2
    case .erfc, .lgamma, .digamma: 4
    }
  }
}

extension Op.Binary {
  var kernel: blox_binary {
    switch self {
    case .add: BLOX_ADD
    case .sub: BLOX_SUB
    case .mul: BLOX_MUL
    case .div: BLOX_DIV
    case .rem: BLOX_REM
    case .pow: BLOX_POW
    case .max: BLOX_MAX
    case .min: BLOX_MIN
    case .and: BLOX_AND
    case .or: BLOX_OR
    case .xor: BLOX_XOR
    case .shiftLeft: BLOX_SHIFT_LEFT
    case .shiftRightLogical: BLOX_SHIFT_RIGHT_LOGICAL
    case .shiftRightArithmetic: BLOX_SHIFT_RIGHT_ARITHMETIC
    case .atan2: BLOX_ATAN2
    case .nextafter: BLOX_NEXTAFTER
    }
  }

  /// Roughly what one f32 element costs, in nanoseconds.
  var cost: Double {
    switch self {
    case .add, .sub, .mul, .max, .min, .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: 0.05
    case .div: 0.15
    case .rem, .pow: 1
    case .atan2: 2
    case .nextafter: 0.1
    }
  }
}

extension Op.Comparison {
  var kernel: blox_compare {
    switch self {
    case .eq: BLOX_EQ
    case .ne: BLOX_NE
    case .lt: BLOX_LT
    case .le: BLOX_LE
    case .gt: BLOX_GT
    case .ge: BLOX_GE
    }
  }
}

extension Op.Reduction {
  var kernel: blox_reduce {
    switch self {
    case .sum: BLOX_REDUCE_SUM
    case .max: BLOX_REDUCE_MAX
    case .min: BLOX_REDUCE_MIN
    case .and: BLOX_REDUCE_AND
    case .or: BLOX_REDUCE_OR
    case .prod: BLOX_REDUCE_PROD
    case .xor: BLOX_REDUCE_XOR
    }
  }
}
