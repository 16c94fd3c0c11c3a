// erfc, lgamma and digamma. f32 computes in f64 vectors; erfc and lgamma of f64 are rare and call libm.

// exp(x^2) erfc(x) (1 + 2 x) in t = (x - 4) / (x + 4) on 0 <= x <= 10.3: a Chebyshev fit with error 2e-14.
INLINE vf64 erfc_single_f64(vf64 x) {
  vf64 size = abs_f64(x);
  size = size < 10.3 ? size : (vf64)10.3;  // beyond, the result is zero in f32
  vf64 t = (size - 4.0) / (size + 4.0);
  vf64 p = fma_f64(t, (vf64)2.0991524834734892141e-6, (vf64)6.7309325713428108736e-6);
#define STEP(c) p = fma_f64(p, t, (vf64)(c))
  STEP(-0.000011930857329131995839);
  STEP(-0.000025367369746239005082);
  STEP(0.00015056483338842665815);
  STEP(-0.00019895194742647728116);
  STEP(-0.00075769903992523544422);
  STEP(0.0050319205657043922951);
  STEP(-0.01619774981329615456);
  STEP(0.037167520260411644854);
  STEP(-0.066330364316687731771);
  STEP(0.093732834722714930743);
  STEP(-0.1010390661008684135);
  STEP(0.068097054263322010101);
  STEP(0.015379652103602672193);
  STEP(-0.13962111684065179861);
  STEP(1.2329951186255504637);
#undef STEP
  vf64 y = exp_f64(-(size * size)) * p / fma_f64(size, (vf64)2.0, (vf64)1.0);
  y = x < 0.0 ? 2.0 - y : y;
  return x == x ? y : x;
}

INLINE vf64 erfc_f64(vf64 x) { vf64 r; EACH_F64(r, flush_f64(erfc(flush_f64(x[i])))); return r; }

// Lanczos' approximation with g = 7 and 9 terms, the sum of fractions written as one, and the reflection formula below
// 1/2. About 2e-15 absolute: enough for f32 up to the zeros.
INLINE vf64 lgamma_single_f64(vf64 x) {
  vi64 reflected = (vi64)(x < 0.5);
  vf64 z = (reflected ? 1.0 - x : x) - 1.0;
  vf64 u = z < 0x1p60 ? z : (vf64)0x1p60;  // the eighth power must not overflow
  vf64 n = fma_f64(u, (vf64)0.99999999999980993228, (vf64)60.458333333341901672);
  n = fma_f64(n, u, (vf64)1599.0425347220413755);
  n = fma_f64(n, u, (vf64)24165.510665029472523);
  n = fma_f64(n, u, (vf64)228235.21549971407122);
  n = fma_f64(n, u, (vf64)1379496.2658786688726);
  n = fma_f64(n, u, (vf64)5210869.0177608271311);
  n = fma_f64(n, u, (vf64)11246929.484659921672);
  n = fma_f64(n, u, (vf64)10619610.099075991012);
  vf64 d = u + 36.0;
  d = fma_f64(d, u, (vf64)546.0);
  d = fma_f64(d, u, (vf64)4536.0);
  d = fma_f64(d, u, (vf64)22449.0);
  d = fma_f64(d, u, (vf64)67284.0);
  d = fma_f64(d, u, (vf64)118124.0);
  d = fma_f64(d, u, (vf64)109584.0);
  d = fma_f64(d, u, (vf64)40320.0);
  vf64 t = z + 7.5;
  vf64 y = fma_f64(z + 0.5, log_f64(t), (vf64)0.9189385332046727418 - t) + log_f64(n / d);
  y = ((x == 1.0) | (x == 2.0)) ? (vf64)0.0 : y;
  if (any_i64(reflected)) {
    // log(pi / |sin(pi x)|) - y; the sine repeats with period 1 up to its sign.
    vf64 size = abs_f64(x);
    vf64 part = size - __builtin_elementwise_floor(size);
    part = part > 0.5 ? 1.0 - part : part;
    vf64 sine = sin_f64(part * 3.14159265358979312);
    vf64 mirrored = 1.1447298858494001741 - log_f64(sine) - y;
    y = reflected ? (part == 0.0 ? (vf64)INFINITY : mirrored) : y;
  }
  y = abs_f64(x) == INFINITY ? (vf64)INFINITY : y;
  return x == x ? y : x;
}

// libm's lgamma writes the sign of gamma to a global variable, lgamma_r does not.
INLINE vf64 lgamma_f64(vf64 x) {
  vf64 r;
  int sign;
  EACH_F64(r, flush_f64(lgamma_r(flush_f64(x[i]), &sign)));
  return r;
}

// psi(x) = psi(x + 10) - sum of 1 / (x + k), then the asymptotic series; below 1/2 by reflection.
INLINE vf64 digamma_f64(vf64 x) {
  vi64 reflected = (vi64)(x < 0.5);
  vf64 start = reflected ? 1.0 - x : x;
  vi64 low = (vi64)(start < 10.0);
  vf64 a = start, sum = (vf64)0.0;
  for (int k = 0; k < 5; k++) {
    sum += (a + a + 1.0) / (a * (a + 1.0));
    a += 2.0;
  }
  sum = low ? sum : (vf64)0.0;
  vf64 y = low ? start + 10.0 : start;
  vf64 w = 1.0 / y, z = w * w;
  vf64 p = fma_f64(z, (vf64)(1.0 / 12), (vf64)(-691.0 / 32760));
  p = fma_f64(p, z, (vf64)(1.0 / 132));
  p = fma_f64(p, z, (vf64)(-1.0 / 240));
  p = fma_f64(p, z, (vf64)(1.0 / 252));
  p = fma_f64(p, z, (vf64)(-1.0 / 120));
  p = fma_f64(p, z, (vf64)(1.0 / 12));
  vf64 psi = ((log_f64(y) - 0.5 * w) - p * z) - sum;
  if (any_i64(reflected)) {
    // psi(1 - x) - pi / tan(pi x), where the tangent has period 1; its argument stays within half a period.
    vf64 part = x - __builtin_elementwise_floor(x);
    part = part > 0.5 ? part - 1.0 : part;
    part = abs_f64(x) < 0.5 ? x : part;  // exact near zero
    vf64 mirrored = psi - 3.14159265358979312 / tan_f64(part * 3.14159265358979312);
    psi = reflected ? (part == 0.0 ? (vf64)(vu64)0x7FF8000000000000ull : mirrored) : psi;
  }
  psi = x == INFINITY ? x : psi;
  return x == -INFINITY ? (vf64)(vu64)0x7FF8000000000000ull : psi;
}

#define WIDENED_AS(name, function)                       \
  INLINE vf32 name##_f32(vf32 x) {                       \
    vf64x2 wide = __builtin_convertvector(x, vf64x2);    \
    wide.lo = function(wide.lo);                         \
    wide.hi = function(wide.hi);                         \
    return __builtin_convertvector(wide, vf32);          \
  }
WIDENED_AS(erfc, erfc_single_f64)
WIDENED_AS(lgamma, lgamma_single_f64)
WIDENED_UNARY(digamma)
