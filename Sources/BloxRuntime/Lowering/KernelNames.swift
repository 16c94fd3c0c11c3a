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
    }
  }

  /// Roughly what one f32 element costs, in nanoseconds; used only to decide what is worth another thread.
  var cost: Double {
    switch self {
    case .neg, .abs, .sign, .floor, .ceil, .not, .isFinite: 0.05
    case .sqrt, .rsqrt: 0.15
    case .exp, .log, .log1p, .tanh, .logistic, .erf, .erfInv: 0.4
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
    }
  }

  /// Roughly what one f32 element costs, in nanoseconds.
  var cost: Double {
    switch self {
    case .add, .sub, .mul, .max, .min, .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: 0.05
    case .div: 0.15
    case .rem, .pow: 1
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
    }
  }
}

/// The instruction set that kernels are chosen from, asked of the processor once: asking is slow.
let kernelISA = blox_best_isa()
