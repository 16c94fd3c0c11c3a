// f32 functions on vectors.
//
// All are within 2 ulp over all normal inputs, which AccuracyTests measures. The exception is erf_inv: it and the log
// and log1p inside it are the polynomials that XLA's CPU backend emits, with an FMA exactly where it has one, so that
// random normals equal JAX's bit for bit. The caller may rely on every lane being computed independently. Subnormal
// inputs count as zero (blox_fp_enter is on, and the bit tests agree). Rarer functions widen to f64: math_circular.inc.h
// and math_hyperbolic.inc.h, math_gamma.inc.h.

#define F32(bits) splat_bits_f32(bits)

// Adding it rounds a number below 2^22 to an integer, which is what its last bits then say.
#define ROUND_TO_INTEGER_F32 0x1.8p23f

// exp(r) - 1 for |r| <= ln(2) / 2 within a hundredth of a unit of its last place before rounding: 1/2 and a minimax fit of
// the coefficients behind it, each rounded before the next is fitted. With one coefficient less, tanh is 2.06 ulp off.
// Terms go in pairs (Estrin), since each multiplication waits for the one before.
INLINE vf32 exp_series_f32(vf32 r) {
  vf32 square = r * r;
  vf32 p = fma_f32(F32(0x39512CC4), r, F32(0x3AB69FA1));
  p = fma_f32(p, square, fma_f32(F32(0x3C0887FD), r, F32(0x3D2AAA7A)));
  p = fma_f32(p, square, fma_f32(F32(0x3E2AAAAB), r, F32(0x3F000000)));
  return fma_f32(p, square, r);
}

// 2^n y for integral n in [-127, 128], 2^-127 counting as zero. 2^128 is no number: its second half is a multiplication of
// its own. XLA stops at 2^127 and stretches the argument of the series instead, which costs 5 ulp near overflow.
INLINE vf32 scale_f32(vf32 y, vf32 n) {
#if VECTOR_BYTES == 64
  return (vf32)_mm512_scalef_ps((__m512)y, (__m512)n);
#else
  vi32 top = n > 127.0f;
  y *= (vf32)(((vi32)(n + ROUND_TO_INTEGER_F32) + top + 127) << 23);
  return top ? y + y : y;
#endif
}

// x - n ln 2 (Cody and Waite) with |x - n ln 2| <= ln(2) / 2, for |x| < 2^20.
INLINE vf32 exp_reduce_f32(vf32 x, vf32 *n) {
  *n = fma_f32(x, F32(0x3FB8AA3B), (vf32)ROUND_TO_INTEGER_F32) - ROUND_TO_INTEGER_F32;
  return fma_f32(-*n, F32(0xB95E8083), fma_f32(-*n, F32(0x3F318000), x));
}

// x within bounds; NaN stays.
INLINE vf32 bounded_f32(vf32 x, float low, float high) {
  x = low > x ? (vf32)low : x;
  return high < x ? (vf32)high : x;
}

// For x in [-88, 88.9] and NaN.
INLINE vf32 exp_bounded_f32(vf32 x) {
  vf32 n, r = exp_reduce_f32(x, &n);
  return scale_f32(exp_series_f32(r) + 1.0f, n);
}

INLINE vf32 exp_f32(vf32 x) { return exp_bounded_f32(bounded_f32(x, -88.0f, 88.9f)); }

INLINE vf32 exp2_f32(vf32 x) {
  vf32 bounded = bounded_f32(x, -127.0f, 128.4f);
  vf32 n = (bounded + ROUND_TO_INTEGER_F32) - ROUND_TO_INTEGER_F32;
  vf32 y = scale_f32(exp_series_f32((bounded - n) * F32(0x3F317218)) + 1.0f, n);
  return x >= 128.0f ? F32(0x7F800000) : y;
}

// log(1 + t) + e ln 2 for 1 + t in [sqrt(1/2), sqrt(2)), after Cephes' logf.
INLINE vf32 log_reduced_f32(vf32 t, vf32 ef) {
  vf32 z = t * t, z3 = z * t;
  vf32 a = fma_f32(fma_f32(t, F32(0x3D9021BB), F32(0xBDEBD1B8)), t, F32(0x3DEF251A));
  vf32 b = fma_f32(fma_f32(t, F32(0xBDFE5D4F), F32(0x3E11E9BF)), t, F32(0xBE2AAE50));
  vf32 d = fma_f32(fma_f32(t, F32(0x3E4CCEAC), F32(0xBE7FFFFC)), t, F32(0x3EAAAAAA));
  vf32 y = fma_f32(fma_f32(a, z3, b), z3, d);
  y = fma_f32(y, z3, ef * F32(0xB95E8083));
  return fma_f32(ef, F32(0x3F318000), fma_f32(-z, (vf32)0.5f, t) + y);
}

// x = 2^e (1 + t); returns t.
INLINE vf32 log_split_f32(vf32 x, vf32 *e) {
  vu32 bits = (vu32)x;
  vf32 m = (vf32)((bits & 0x007FFFFFu) | 0x3F000000u);
  vi32 below = m < F32(0x3F3504F3);
  *e = __builtin_convertvector((vi32)(bits >> 23) - 126 + below, vf32);
  return (m - 1.0f) + (vf32)((vi32)m & below);
}

INLINE vf32 log_special_f32(vf32 x, vf32 y) {
  vu32 bits = (vu32)x;
  y = bits >= 0x7F800000u ? F32(0x7FC00000) : y;                      // negative or NaN
  y = bits == 0x7F800000u ? x : y;                                    // infinity
  return (bits & 0x7FFFFFFFu) < 0x00800000u ? F32(0xFF800000) : y;    // zeros and subnormals
}

INLINE vf32 log_f32(vf32 x) {
  vf32 e, t = log_split_f32(x, &e);
  return log_special_f32(x, log_reduced_f32(t, e));
}

// log(1 + x) with what rounding 1 + x lost added to the reduced argument.
INLINE vf32 log1p_f32(vf32 x) {
  vf32 u = 1.0f + x;
  vf32 e, t = log_split_f32(u, &e);
  vf32 lost = x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x);
  vf32 power = (vf32)((127 - __builtin_convertvector(e, vi32)) << 23);  // 2^-e; for e = 128 the rest is infinite anyway
  t = e == 0.0f ? x : ((x < 0x1p60f) ? fma_f32(lost, power, t) : t);
  vf32 y = log_special_f32(u, log_reduced_f32(t, e));
  return x == 0.0f ? copysign_f32((vf32)0.0f, x) : y;  // subnormals, too, compare equal to zero
}

// XLA's log1p, for erf_inv: near zero a rational function, elsewhere log(1 + x).
INLINE vf32 xla_log1p_f32(vf32 x) {
  vf32 n = fma_f32(x, (vf32)4.527e-05f, F32(0x3EFF40C5));
  n = fma_f32(n, x, F32(0x40D284FA));
  n = fma_f32(n, x, F32(0x41EF4B9C));
  n = fma_f32(n, x, F32(0x4273CC76));
  n = fma_f32(n, x, F32(0x426473AD));
  n = fma_f32(n, x, F32(0x41A05101));
  vf32 d = x + F32(0x417101AD);
  d = fma_f32(d, x, F32(0x42A6185B));
  d = fma_f32(d, x, F32(0x435DC32D));
  d = fma_f32(d, x, F32(0x439A8CA3));
  d = fma_f32(d, x, F32(0x43586D8A));
  d = fma_f32(d, x, F32(0x42707982));
  vf32 z = x * x;
  vf32 near_zero = x + fma_f32(z, (vf32)-0.5f, (x * z) * (n / d));
  return abs_f32(x) < F32(0x3ED413CD) ? near_zero : log_f32(x + 1.0f);
}

// tanh within 2 ulp, which XLA's clamped rational function (5 ulp) is not: m / (m + 2) with m = exp(2|x|) - 1, whose
// error is relative since 2^n - 1 is exact. One division, the slowest instruction here, serves the quotient and a step of
// Newton's method, which sees what rounding m + 2 lost.
INLINE vf32 tanh_f32(vf32 x) {
  vf32 size = abs_f32(x);
  size = 10.0f < size ? (vf32)10.0f : size;  // NaN stays
  vf32 n, r = exp_reduce_f32(size + size, &n), power = scale_f32((vf32)1.0f, n);
  vf32 m = fma_f32(power, exp_series_f32(r), power - 1.0f);
  vf32 d = m + 2.0f, d_low = m - (d - 2.0f), inverse = 1.0f / d, y = m * inverse;
  return copysign_f32(fma_f32(fma_f32(-y, d_low, fma_f32(-y, d, m)), inverse, y), x);
}

// 1 / (1 + exp(-x)). The divisor is 2^n s + (1 + 2^n), rounded once; one step of Newton's method sees what that lost.
INLINE vf32 logistic_f32(vf32 x) {
  vf32 n, r = exp_reduce_f32(-bounded_f32(x, -88.0f, 87.0f), &n);
  vf32 power = scale_f32((vf32)1.0f, n), series = exp_series_f32(r), sum = 1.0f + power;
  vf32 d = fma_f32(power, series, sum), d_low = fma_f32(power, series, sum - d), y = 1.0f / d;
  return fma_f32(fma_f32(-y, d_low, fma_f32(-y, d, (vf32)1.0f)), y, y);
}

// N. Juffa's erff: a polynomial in x^2 near zero, 1 - exp(q(|x|)) beyond.
INLINE vf32 erf_f32(vf32 x) {
  vf32 size = abs_f32(x), z = x * x;
  vf32 p = fma_f32(z, (vf32)-5.96761703e-4f, (vf32)4.99119423e-3f);
  p = fma_f32(p, z, (vf32)-2.67681349e-2f);
  p = fma_f32(p, z, (vf32)1.12819925e-1f);
  p = fma_f32(p, z, (vf32)-3.76125336e-1f);
  p = fma_f32(p, z, (vf32)1.28379166e-1f);
  vf32 near_zero = fma_f32(p, x, x);
  vf32 bounded = size < 4.0f ? size : (vf32)4.0f, square = bounded * bounded;
  vf32 q = fma_f32(bounded, (vf32)-1.72853470e-5f, (vf32)3.83197126e-4f);
  q = fma_f32(q, square, fma_f32(bounded, (vf32)-3.88396438e-3f, (vf32)2.42546219e-2f));
  q = fma_f32(q, bounded, (vf32)-1.06777877e-1f);
  q = fma_f32(q, bounded, (vf32)-6.34846687e-1f);
  q = fma_f32(q, bounded, (vf32)-1.28717512e-1f);
  q = fma_f32(q, bounded, -bounded);
  vf32 far = copysign_f32(1.0f - exp_bounded_f32(q), x);
  vf32 y = size > 0.927734375f ? far : near_zero;
  return x == x ? y : x;
}

// M. Giles, "Approximating the erfinv function" (2010), single precision.
INLINE vf32 erf_inv_f32(vf32 x) {
  vf32 w = -xla_log1p_f32(-x * x);
  vi32 central = w < 5.0f;
  vf32 u = central ? w - 2.5f : __builtin_elementwise_sqrt(w) - 3.0f;
#define STEP(c, t) p = fma_f32(p, u, central ? (vf32)(c) : (vf32)(t))
  vf32 p = central ? (vf32)2.81022636e-08f : (vf32)-0.000200214257f;
  STEP(3.43273939e-07f, 0.000100950558f);
  STEP(-3.5233877e-06f, 0.00134934322f);
  STEP(-4.39150654e-06f, -0.00367342844f);
  STEP(0.00021858087f, 0.00573950773f);
  STEP(-0.00125372503f, -0.0076224613f);
  STEP(-0.00417768164f, 0.00943887047f);
  STEP(0.246640727f, 1.00167406f);
  STEP(1.50140941f, 2.83297682f);
#undef STEP
  return x * (abs_f32(x) == 1.0f ? F32(0x7F800000) : p);
}

INLINE vf32 sqrt_f32(vf32 x) { return __builtin_elementwise_sqrt(x); }
INLINE vf32 rsqrt_f32(vf32 x) { return 1.0f / __builtin_elementwise_sqrt(x); }

// |x|^y through log2 and exp2 in f64: about 2^-44 relative, so that rounding to f32 is all that is lost.
INLINE vf64 power_of_size(vf64 size, vf64 y) {
  vu64 bits = (vu64)size;
  // size = 2^e * m with m in [sqrt(1/2), sqrt(2)); log2(m) = 2 / ln 2 * atanh((m - 1) / (m + 1)).
  vi64 e = ((vi64)bits - (vi64)0x3FE6A09E667F3BCDll) >> 52;
  vf64 m = (vf64)(bits - ((vu64)e << 52));
  vf64 s = (m - 1.0) / (m + 1.0), z = s * s;
  vf64 p = fma_f64(z, (vf64)(1.0 / 15), (vf64)(1.0 / 13));
  p = fma_f64(p, z, (vf64)(1.0 / 11));
  p = fma_f64(p, z, (vf64)(1.0 / 9));
  p = fma_f64(p, z, (vf64)(1.0 / 7));
  p = fma_f64(p, z, (vf64)(1.0 / 5));
  p = fma_f64(p, z, (vf64)(1.0 / 3));
  p = fma_f64(p, z, (vf64)1.0);
  vf64 log2 = fma_f64(p, s * 2.8853900817779268, small_to_f64(e));
  log2 = size == 0.0 ? (vf64)-INFINITY : log2;
  log2 = size == INFINITY ? (vf64)INFINITY : log2;
  vf64 t = y * log2;
  t = t < 300.0 ? t : (vf64)300.0;   // beyond the range of f32 either way
  t = t > -300.0 ? t : (vf64)-300.0;
  vf64 shifted = t + ROUND_TO_INTEGER_F64;
  vf64 f = (t - (shifted - ROUND_TO_INTEGER_F64)) * 0.69314718055994531;
  vf64 q = fma_f64(f, (vf64)(1.0 / 3628800), (vf64)(1.0 / 362880));
  q = fma_f64(q, f, (vf64)(1.0 / 40320));
  q = fma_f64(q, f, (vf64)(1.0 / 5040));
  q = fma_f64(q, f, (vf64)(1.0 / 720));
  q = fma_f64(q, f, (vf64)(1.0 / 120));
  q = fma_f64(q, f, (vf64)(1.0 / 24));
  q = fma_f64(q, f, (vf64)(1.0 / 6));
  q = fma_f64(q, f, (vf64)0.5);
  q = fma_f64(q, f, (vf64)1.0);
  q = fma_f64(q, f, (vf64)1.0);
  return q * exp2_of_shifted(shifted);
}

// To f64 with subnormals, which are integers in units of 2^-149.
INLINE void widen_all_f32(vf64x2 *wide, vf32 x) {
  vi32 bits = (vi32)abs_f32(x);
  vi32 is_small = bits < 0x00800000;
  vf64x2 tiny = __builtin_convertvector(bits, vf64x2) * 0x1p-149;
  vu64x2 size = __builtin_convertvector(is_small, vi64x2) ? (vu64x2)tiny
                                                          : (vu64x2)__builtin_convertvector(abs_f32(x), vf64x2);
  vu64x2 sign = __builtin_convertvector((vu32)x >> 31, vu64x2) << 63;
  *wide = (vf64x2)(size | sign);
}

// The special cases of C99 (F.9.4.4). They look at the operands as they are: a subnormal exponent is not zero. So
// tests for zero are on bits.
INLINE vf32 pow_f32(vf32 x, vf32 y) {
  vf32 size = abs_f32(x);
  vf64x2 wide_size, wide_y, wide;
  widen_all_f32(&wide_size, size);
  widen_all_f32(&wide_y, y);
  wide.lo = power_of_size(wide_size.lo, wide_y.lo);
  wide.hi = power_of_size(wide_size.hi, wide_y.hi);
  vf32 r = __builtin_convertvector(wide, vf32);
  r = size == 1.0f ? (vf32)1.0f : r;  // infinite y too
  // From 2^24 on every f32 is an even integer, and below, its conversion to an integer is exact.
  vf32 y_size = abs_f32(y);
  vi32 large = y_size >= 16777216.0f;
  vi32 whole = __builtin_convertvector((large | (y != y)) ? (vf32)0.0f : y_size, vi32);
  vi32 integral = large | ((vu32)__builtin_convertvector(whole, vf32) == (vu32)y_size);
  vi32 odd = integral & -(whole & 1);
  r = (vf32)((vu32)r | ((vu32)x & (vu32)odd & 0x80000000u));
  vi32 negative = ((vi32)x < 0) & ((vi32)size > 0) & ((vi32)size < 0x7F800000);
  r = (negative & ~integral) ? F32(0x7FC00000) : r;
  r = ((x != x) | (y != y)) ? F32(0x7FC00000) : r;
  return (((vi32)y_size == 0) | (x == 1.0f)) ? (vf32)1.0f : r;
}

INLINE vf32 sign_f32(vf32 x) {
  vf32 y = copysign_f32(x == 0.0f ? (vf32)0.0f : (vf32)1.0f, x);
  return x == x ? y : x;
}

// C's fmod. With q = |x / y| rounded and below 2^23, trunc(q) is the true quotient or one more, and
// |x| - q|y| is a multiple of the last place of y that fits f32, so one FMA gives it exactly. Lanes outside
// that range (very rare) go through libm. The result is exact and keeps subnormals; a subnormal divisor is zero.
INLINE vf32 rem_f32(vf32 x, vf32 y) {
  vf32 xs = abs_f32(x), ys = abs_f32(y);
  vf32 q = xs / ys;
  vi32 ordinary = (q < 8388608.0f) & (ys >= 0x1p-100f) & (ys < INFINITY);
  vf32 whole = __builtin_convertvector(__builtin_convertvector(ordinary ? q : (vf32)0.0f, vi32), vf32);
  vf32 r = fma_f32(-whole, ys, xs);
  r = r < 0.0f ? r + ys : r;
  r = whole == 0.0f ? x : copysign_f32(r, x);
  if (any_i32(~ordinary)) {
    for (int i = 0; i < LANES_F32; i++) {
      if (ordinary[i]) continue;
      r[i] = ieee_fmodf(x[i], flush_f32(y[i]));
    }
  }
  return r;
}
