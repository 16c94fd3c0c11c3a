// f64 functions on vectors, within 4 ulp: Cody-Waite reductions with Taylor series that reach 2^-53 on the reduced
// range, and fdlibm's log and log1p. The rare ones (pow, erf, erf_inv) call libm for each element. More functions are
// in math_circular.inc.h, math_hyperbolic.inc.h and math_gamma.inc.h.

// Adding and subtracting this constant rounds |x| < 2^51 to an integer; between the two steps, the low bits of
// the sum hold the integer in two's complement. It needs no rounding or conversion instruction.
#define ROUND_TO_INTEGER_F64 6755399441055744.0

INLINE vf64 small_to_f64(vi64 e) {
  return (vf64)(e + 0x4338000000000000ll) - ROUND_TO_INTEGER_F64;
}

// 2^n from n + ROUND_TO_INTEGER_F64, for n in the exponent range of normal numbers.
INLINE vf64 exp2_of_shifted(vf64 shifted) { return (vf64)(((vu64)shifted + 1023) << 52); }

INLINE float flush_f32(float x) {
  return __builtin_fabsf(x) < 0x1p-126f ? __builtin_copysignf(0.0f, x) : x;
}
INLINE double flush_f64(double x) {
  return __builtin_fabs(x) < 0x1p-1022 ? __builtin_copysign(0.0, x) : x;
}

INLINE bool is_subnormal_f64(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits << 1) - 1 < (1ull << 53) - 1;
}

// libm for the few operations that see subnormals. The operands are volatile so that no call moves out of the mode.
static double ieee_pow(double x, double y) {
  uint64_t mode = blox_fp_enter_ieee();
  volatile double p = x, q = y, r = pow(p, q);
  blox_fp_leave(mode);
  return r;
}
static double ieee_fmod(double x, double y) {
  uint64_t mode = blox_fp_enter_ieee();
  volatile double p = x, q = y, r = fmod(p, q);
  blox_fp_leave(mode);
  return r;
}
static float ieee_fmodf(float x, float y) {
  uint64_t mode = blox_fp_enter_ieee();
  volatile float p = x, q = y, r = fmodf(p, q);
  blox_fp_leave(mode);
  return r;
}

#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33

// (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2.
INLINE vf64 exp_series_f64(vf64 r) {
  vf64 p = fma_f64(r, (vf64)(1.0 / 6227020800.0), (vf64)(1.0 / 479001600));
  p = fma_f64(p, r, (vf64)(1.0 / 39916800));
  p = fma_f64(p, r, (vf64)(1.0 / 3628800));
  p = fma_f64(p, r, (vf64)(1.0 / 362880));
  p = fma_f64(p, r, (vf64)(1.0 / 40320));
  p = fma_f64(p, r, (vf64)(1.0 / 5040));
  p = fma_f64(p, r, (vf64)(1.0 / 720));
  p = fma_f64(p, r, (vf64)(1.0 / 120));
  p = fma_f64(p, r, (vf64)(1.0 / 24));
  p = fma_f64(p, r, (vf64)(1.0 / 6));
  return fma_f64(p, r, (vf64)0.5);
}

INLINE vf64 exp_f64(vf64 x) {
  vf64 bounded = x > -746.0 ? x : (vf64)-746.0;
  bounded = bounded < 710.0 ? bounded : (vf64)710.0;
  vf64 shifted = fma_f64(bounded, (vf64)1.4426950408889634, (vf64)ROUND_TO_INTEGER_F64);
  vf64 n = shifted - ROUND_TO_INTEGER_F64;
  vf64 r = fma_f64(-n, (vf64)LN2_LOW, fma_f64(-n, (vf64)LN2_HIGH, bounded));
  vf64 y = fma_f64(exp_series_f64(r), r * r, r) + 1.0;
  // 2^n in two factors: n itself reaches 1024.
  vf64 half = n * 0.5 + ROUND_TO_INTEGER_F64;
  vf64 rest = (n - (half - ROUND_TO_INTEGER_F64)) + ROUND_TO_INTEGER_F64;
  y = y * exp2_of_shifted(half) * exp2_of_shifted(rest);
  return x == x ? y : x;
}

// The common part of fdlibm's log and log1p: e * ln 2 + log(1 + f) + c, where c is what rounding 1 + x lost.
INLINE vf64 log_reduced_f64(vf64 f, vf64 e, vf64 c) {
  vf64 s = f / (f + 2.0), z = s * s, half_square = f * f * 0.5;
  vf64 p = fma_f64(z, (vf64)1.479819860511658591e-01, (vf64)1.531383769920937332e-01);
  p = fma_f64(p, z, (vf64)1.818357216161805012e-01);
  p = fma_f64(p, z, (vf64)2.222219843214978396e-01);
  p = fma_f64(p, z, (vf64)2.857142874366239149e-01);
  p = fma_f64(p, z, (vf64)3.999999999940941908e-01);
  p = fma_f64(p, z, (vf64)6.666666666666735130e-01);
  vf64 r = p * z;
  return e * LN2_HIGH - ((half_square - (s * (half_square + r) + (e * LN2_LOW + c))) - f);
}

// x = 2^e * m with m in [sqrt(1/2), sqrt(2)); the exponent field is read as a signed difference.
INLINE vi64 log_exponent_f64(vf64 x) { return ((vi64)x - 0x3FE6A09E667F3BCDll) >> 52; }

INLINE vf64 log_special_f64(vf64 x, vf64 y) {
  vu64 bits = (vu64)x;
  y = bits >= 0x7FF0000000000000ull ? (vf64)(vu64)0x7FF8000000000000ull : y;
  y = bits == 0x7FF0000000000000ull ? x : y;
  return (bits & 0x7FFFFFFFFFFFFFFFull) < 0x0010000000000000ull ? (vf64)-INFINITY : y;
}

INLINE vf64 log_f64(vf64 x) {
  vi64 e = log_exponent_f64(x);
  vf64 m = (vf64)((vi64)x - (e << 52));
  return log_special_f64(x, log_reduced_f64(m - 1.0, small_to_f64(e), (vf64)0.0));
}

INLINE vf64 log1p_f64(vf64 x) {
  vf64 u = x + 1.0;
  vi64 e = log_exponent_f64(u);
  vf64 m = (vf64)((vi64)u - (e << 52));
  vf64 c = (x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x)) / u;
  c = x < 0x1p60 ? c : (vf64)0.0;
  vi64 direct = (vi64)(e == 0);  // then 1 + x need not be rounded at all
  vf64 y = log_reduced_f64(direct ? x : m - 1.0, small_to_f64(e), direct ? (vf64)0.0 : c);
  y = log_special_f64(u, y);
  return x == 0.0 ? copysign_f64((vf64)0.0, x) : y;  // subnormals, too, compare equal to zero
}

// t / (t + 2) with t = exp(2|x|) - 1.
INLINE vf64 tanh_f64(vf64 x) {
  vf64 size = abs_f64(x);
  vf64 bounded = size < 20.0 ? size + size : (vf64)40.0;
  vf64 shifted = fma_f64(bounded, (vf64)1.4426950408889634, (vf64)ROUND_TO_INTEGER_F64);
  vf64 n = shifted - ROUND_TO_INTEGER_F64;
  vf64 r = fma_f64(-n, (vf64)LN2_LOW, fma_f64(-n, (vf64)LN2_HIGH, bounded));
  vf64 p = fma_f64(exp_series_f64(r), r * r, r);
  vf64 scale = exp2_of_shifted(shifted);
  vf64 t = fma_f64(scale, p, scale - 1.0);
  vf64 y = copysign_f64(t / (t + 2.0), x);
  return x == x ? y : x;
}

INLINE vf64 logistic_f64(vf64 x) { return 1.0 / (1.0 + exp_f64(-x)); }
INLINE vf64 sqrt_f64(vf64 x) { return __builtin_elementwise_sqrt(x); }
INLINE vf64 rsqrt_f64(vf64 x) { return 1.0 / __builtin_elementwise_sqrt(x); }

INLINE vf64 sign_f64(vf64 x) {
  vf64 y = copysign_f64(x == 0.0 ? (vf64)0.0 : (vf64)1.0, x);
  return x == x ? y : x;
}

// M. Giles' central polynomial or the tail expansion gives a start that Newton's steps (with Halley's
// correction) refine on erf near zero and on erfc in the tail, where 1 - |x| is exact and erf has no digits left.
static double erf_inv_scalar_f64(double x) {
  double size = __builtin_fabs(x);
  if (!(size < 1.0)) return size == 1.0 ? x * INFINITY : NAN;
  if (size < 0x1p-30) return x * 0.88622692545275801;
  double w = -log((1.0 - size) * (1.0 + size)), y;
  if (w < 5.0) {
    w -= 2.5;
    y = 2.81022636e-08;
    y = y * w + 3.43273939e-07;
    y = y * w - 3.5233877e-06;
    y = y * w - 4.39150654e-06;
    y = y * w + 0.00021858087;
    y = y * w - 0.00125372503;
    y = y * w - 0.00417768164;
    y = y * w + 0.246640727;
    y = (y * w + 1.50140941) * size;
  } else {
    y = sqrt(w - 0.5 * log(3.1415926535897931 * w));  // erfc(y) ~ exp(-y^2) / (y sqrt(pi))
  }
  for (int step = 0; step < 3; step++) {
    double error = size < 0.5 ? erf(y) - size : (1.0 - size) - erfc(y);
    double delta = error * 0.88622692545275801 * exp(y * y);
    y -= delta / (1.0 + y * delta);
  }
  return __builtin_copysign(y, x);
}

#define EACH_F64(result, expression)             \
  do {                                           \
    for (int i = 0; i < LANES_F64; i++) {        \
      (result)[i] = expression;                  \
    }                                            \
  } while (0)

INLINE vf64 erf_f64(vf64 x) { vf64 r; EACH_F64(r, erf(x[i])); return r; }
INLINE vf64 erf_inv_f64(vf64 x) { vf64 r; EACH_F64(r, erf_inv_scalar_f64(flush_f64(x[i]))); return r; }

// The special cases look at the operands as they are: infinity to the power of a subnormal is infinity.
INLINE double pow_one_f64(double x, double y) {
  return flush_f64(is_subnormal_f64(x) || is_subnormal_f64(y) ? ieee_pow(x, y) : pow(x, y));
}
INLINE vf64 pow_f64(vf64 x, vf64 y) { vf64 r; EACH_F64(r, pow_one_f64(x[i], y[i])); return r; }

// C's fmod; see rem_f32.
INLINE vf64 rem_f64(vf64 x, vf64 y) {
  vf64 xs = abs_f64(x), ys = abs_f64(y);
  vf64 q = xs / ys;
  vi64 ordinary = (vi64)((q < 0x1p50) & (ys >= 0x1p-900) & (ys < INFINITY));
  vf64 safe = ordinary ? q : (vf64)0.0;
  vf64 whole = (safe + ROUND_TO_INTEGER_F64) - ROUND_TO_INTEGER_F64;  // nearest; one too many gives r < 0
  vf64 r = fma_f64(-whole, ys, xs);
  r = r < 0.0 ? r + ys : r;
  r = whole == 0.0 ? x : copysign_f64(r, x);
  if (any_i64(~ordinary)) {
    for (int i = 0; i < LANES_F64; i++) {
      if (ordinary[i]) continue;
      r[i] = ieee_fmod(x[i], is_subnormal_f64(y[i]) ? 0.0 : y[i]);
    }
  }
  return r;
}
