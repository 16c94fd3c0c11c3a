// exp2, expm1, cbrt, the hyperbolic functions and their inverses on f64 vectors, within 4 ulp; f32 widens to f64.

// (1 + p) * 2^n, in two factors because n may exceed the exponents of normal numbers on both sides.
INLINE vf64 scale_f64(vf64 y, vf64 n) {
  vf64 half = n * 0.5 + ROUND_TO_INTEGER_F64;
  vf64 rest = (n - (half - ROUND_TO_INTEGER_F64)) + ROUND_TO_INTEGER_F64;
  return y * exp2_of_shifted(half) * exp2_of_shifted(rest);
}

// exp(x) = 2^n (1 + p) for |x| <= 746.
INLINE vf64 exp_parts_f64(vf64 x, vf64 *n) {
  vf64 shifted = fma_f64(x, (vf64)1.4426950408889634, (vf64)ROUND_TO_INTEGER_F64);
  *n = shifted - ROUND_TO_INTEGER_F64;
  vf64 r = fma_f64(-*n, (vf64)LN2_LOW, fma_f64(-*n, (vf64)LN2_HIGH, x));
  return fma_f64(exp_series_f64(r), r * r, r);
}

INLINE vf64 exp2_f64(vf64 x) {
  vf64 bounded = x > -1080.0 ? x : (vf64)-1080.0;
  bounded = bounded < 1030.0 ? bounded : (vf64)1030.0;
  vf64 n = (bounded + ROUND_TO_INTEGER_F64) - ROUND_TO_INTEGER_F64;
  vf64 r = (bounded - n) * 0.69314718055994531;
  vf64 y = scale_f64(fma_f64(exp_series_f64(r), r * r, r) + 1.0, n);
  return x == x ? y : x;
}

// 2^n (p + (1 - 2^-n)).
INLINE vf64 expm1_f64(vf64 x) {
  vf64 bounded = x > -40.0 ? x : (vf64)-40.0;
  bounded = bounded < 710.0 ? bounded : (vf64)710.0;
  vf64 n;
  vf64 p = exp_parts_f64(bounded, &n);
  vf64 small = n < 64.0 ? n : (vf64)64.0;  // from here on 2^-n is lost in the sum
  vf64 y = scale_f64(p + (1.0 - exp2_of_shifted(ROUND_TO_INTEGER_F64 - small)), n);
  y = x == 0.0 ? copysign_f64((vf64)0.0, x) : y;
  return x == x ? y : x;
}

// exp(x) / 2 for x >= 0, finite where exp(x) is no longer.
INLINE vf64 half_exp_f64(vf64 x) {
  vf64 n;
  vf64 p = exp_parts_f64(x < 712.0 ? x : (vf64)712.0, &n);
  return scale_f64(p + 1.0, n - 1.0);
}

INLINE vf64 sinh_f64(vf64 x) {
  vf64 size = abs_f64(x);
  vf64 e = expm1_f64(size < 22.0 ? size : (vf64)22.0);
  vf64 near_zero = 0.5 * (e + e / (e + 1.0));
  vf64 y = copysign_f64(size < 22.0 ? near_zero : half_exp_f64(size), x);
  return x == x ? y : x;
}

INLINE vf64 cosh_f64(vf64 x) {
  vf64 half = half_exp_f64(abs_f64(x));
  vf64 y = half + 0.25 / half;
  return x == x ? y : x;
}

// log1p(u) + ln 2 where u was taken half as large, lest it overflow.
INLINE vf64 asinh_f64(vf64 x) {
  vf64 size = abs_f64(x);
  vi64 large = (vi64)(size > 0x1p500);
  vf64 square = size * size;
  vf64 u = large ? size : size + square / (1.0 + __builtin_elementwise_sqrt(1.0 + square));
  vf64 y = log1p_f64(u) + (large ? (vf64)0.69314718055994531 : (vf64)0.0);
  return copysign_f64(y, x);
}

INLINE vf64 acosh_f64(vf64 x) {
  vi64 large = (vi64)(x > 0x1p500);
  vf64 t = x - 1.0;
  vf64 u = large ? x : t + __builtin_elementwise_sqrt(fma_f64(t, t, t + t));
  vf64 y = log1p_f64(u) + (large ? (vf64)0.69314718055994531 : (vf64)0.0);
  return x >= 1.0 ? y : (vf64)(vu64)0x7FF8000000000000ull;
}

INLINE vf64 atanh_f64(vf64 x) {
  vf64 size = abs_f64(x), twice = size + size;
  vf64 u = twice / (1.0 - size);
  u = size < 0.5 ? twice + twice * size / (1.0 - size) : u;
  return copysign_f64(0.5 * log1p_f64(u), x);
}

// FreeBSD's cbrt: a third of the exponent, a polynomial to 23 bits, then one step of Newton's method on a rounded value
// whose square is exact.
INLINE vf64 cbrt_f64(vf64 x) {
  vf64 size = abs_f64(x);
  size = ((size == 0.0) | ~(size < INFINITY)) ? (vf64)1.0 : size;
  vu64 high = ((vu64)size >> 32) * 0x55555556u >> 32;
  vf64 t = (vf64)((high + 715094163u) << 32);
  vf64 r = (t * t) * (t / size);
  vf64 p = fma_f64(r, (vf64)1.621429720105354466140, (vf64)-1.88497984543377169875);
  p = fma_f64(p, r, (vf64)1.87595182427177009643);
  vf64 q = fma_f64(r, (vf64)0.145996192886612446982, (vf64)-0.758397934778766047437);
  t = t * fma_f64((r * r) * r, q, p);
  t = (vf64)(((vu64)t + 0x80000000ull) & 0xFFFFFFFFC0000000ull);
  r = size / (t * t);
  t = fma_f64(t, (r - t) / (t + t + r), t);
  t = copysign_f64(t, x);
  vi64 special = (vi64)(x == 0.0) | ~(vi64)(abs_f64(x) < INFINITY);
  return special ? (x == 0.0 ? (vf64)((vu64)x & 0x8000000000000000ull) : x) : t;
}

WIDENED_UNARY(expm1)
WIDENED_UNARY(sinh)
WIDENED_UNARY(cosh)
WIDENED_UNARY(asinh)
WIDENED_UNARY(acosh)
WIDENED_UNARY(atanh)
WIDENED_UNARY(cbrt)
