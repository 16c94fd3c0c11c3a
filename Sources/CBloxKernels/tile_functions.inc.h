// Elementwise kernels of the less common functions of floats; see tile_float.inc.h.

// To the nearest integer, ties to even or away from zero. From 2^(digits - 1) on every number is an integer.
INLINE vf32 round_nearest_even_f32(vf32 x) {
  vf32 shifted = abs_f32(x) + 0x1p23f;
  vf32 y = copysign_f32(shifted - 0x1p23f, x);
  return abs_f32(x) < 0x1p23f ? y : x;
}
INLINE vf64 round_nearest_even_f64(vf64 x) {
  vf64 shifted = abs_f64(x) + 0x1p52;
  vf64 y = copysign_f64(shifted - 0x1p52, x);
  return abs_f64(x) < 0x1p52 ? y : x;
}
// Rounding to even goes down at a tie with an even floor and nowhere else.
INLINE vf32 round_nearest_away_f32(vf32 x) {
  vf32 size = abs_f32(x), even = round_nearest_even_f32(size);
  return copysign_f32(size - even == 0.5f ? even + 1.0f : even, x);
}
INLINE vf64 round_nearest_away_f64(vf64 x) {
  vf64 size = abs_f64(x), even = round_nearest_even_f64(size);
  return copysign_f64(size - even == 0.5 ? even + 1.0 : even, x);
}

#define FUNCTION_KERNELS(type, T, V, LANES)                                              \
  FLOAT_UNARY(exp2, type, T, V, LANES, exp2_##type)                                   \
  FLOAT_UNARY(expm1, type, T, V, LANES, expm1_##type)                                 \
  FLOAT_UNARY(cbrt, type, T, V, LANES, cbrt_##type)                                   \
  FLOAT_UNARY(sin, type, T, V, LANES, sin_##type)                                     \
  FLOAT_UNARY(cos, type, T, V, LANES, cos_##type)                                     \
  FLOAT_UNARY(tan, type, T, V, LANES, tan_##type)                                     \
  FLOAT_UNARY(asin, type, T, V, LANES, asin_##type)                                   \
  FLOAT_UNARY(acos, type, T, V, LANES, acos_##type)                                   \
  FLOAT_UNARY(atan, type, T, V, LANES, atan_##type)                                   \
  FLOAT_UNARY(sinh, type, T, V, LANES, sinh_##type)                                   \
  FLOAT_UNARY(cosh, type, T, V, LANES, cosh_##type)                                   \
  FLOAT_UNARY(asinh, type, T, V, LANES, asinh_##type)                                 \
  FLOAT_UNARY(acosh, type, T, V, LANES, acosh_##type)                                 \
  FLOAT_UNARY(atanh, type, T, V, LANES, atanh_##type)                                 \
  FLOAT_UNARY(erfc, type, T, V, LANES, erfc_##type)                                   \
  FLOAT_UNARY(lgamma, type, T, V, LANES, lgamma_##type)                               \
  FLOAT_UNARY(digamma, type, T, V, LANES, digamma_##type)                             \
  FLOAT_UNARY(round_nearest_even, type, T, V, LANES, round_nearest_even_##type)       \
  FLOAT_UNARY(round_nearest_away, type, T, V, LANES, round_nearest_away_##type)       \
  FLOAT_BINARY(atan2, type, T, V, LANES, atan2_##type)

FUNCTION_KERNELS(f32, float, vf32, LANES_F32)
FUNCTION_KERNELS(f64, double, vf64, LANES_F64)

#define HALF_FUNCTION_KERNELS(half) \
  LIFT_UNARY(exp2, half)            \
  LIFT_UNARY(expm1, half)           \
  LIFT_UNARY(cbrt, half)            \
  LIFT_UNARY(sin, half)             \
  LIFT_UNARY(cos, half)             \
  LIFT_UNARY(tan, half)             \
  LIFT_UNARY(asin, half)            \
  LIFT_UNARY(acos, half)            \
  LIFT_UNARY(atan, half)            \
  LIFT_UNARY(sinh, half)            \
  LIFT_UNARY(cosh, half)            \
  LIFT_UNARY(asinh, half)           \
  LIFT_UNARY(acosh, half)           \
  LIFT_UNARY(atanh, half)           \
  LIFT_UNARY(erfc, half)            \
  LIFT_UNARY(lgamma, half)          \
  LIFT_UNARY(digamma, half)         \
  LIFT_UNARY(round_nearest_even, half) \
  LIFT_UNARY(round_nearest_away, half) \
  LIFT_BINARY(atan2, half)

HALF_FUNCTION_KERNELS(bf16)
HALF_FUNCTION_KERNELS(f16)

// The next number after x towards y: a step of the bits, which are ordered as the sizes are. No result is flushed.
// Equal numbers give y, and numbers below LEAST, which compare as zeros, are equal.
#define NEXTAFTER_KERNEL(type, BITS, SIGN, INFINITE, LEAST)                                              \
  INLINE BITS nextafter_one_##type(BITS x, BITS y) {                                                     \
    BITS size_x = x & (BITS)(SIGN - 1), size_y = y & (BITS)(SIGN - 1);                                   \
    BITS stepped = ((x ^ y) & SIGN) || size_x > size_y ? (BITS)(x - 1) : (BITS)(x + 1);                  \
    BITS result = size_x == 0 ? (BITS)((y & SIGN) | 1) : stepped;                                        \
    result = x == y || (size_x < LEAST && size_y < LEAST) ? y : result;                                  \
    result = size_y > INFINITE ? y : result;                                                             \
    return size_x > INFINITE ? x : result;                                                               \
  }                                                                                                      \
  static void nextafter_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) {  \
    (void)c;                                                                                             \
    BITS *d = dst;                                                                                       \
    const BITS *x = a, *y = b;                                                                           \
    INDEPENDENT for (size_t i = 0; i < n; i++) d[i] = nextafter_one_##type(x[i], y[i]);                  \
  }

NEXTAFTER_KERNEL(bf16, uint16_t, 0x8000u, 0x7F80u, 0x0080u)
NEXTAFTER_KERNEL(f16, uint16_t, 0x8000u, 0x7C00u, 1u)
NEXTAFTER_KERNEL(f32, uint32_t, 0x80000000u, 0x7F800000u, 0x00800000u)
NEXTAFTER_KERNEL(f64, uint64_t, 0x8000000000000000ull, 0x7FF0000000000000ull, 0x0010000000000000ull)
