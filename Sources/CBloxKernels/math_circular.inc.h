// sin, cos, tan and their inverses on f64 vectors, within 4 ulp. The polynomials are fdlibm's (Sun Microsystems, 1993),
// its branches become selections. f32 widens to f64, which costs less than a second set of reductions would gain.

// Replaces the lanes where `rare` holds by a scalar expression of `i`.
#define REPAIR_F64(result, rare, expression)   \
  if (any_i64(rare)) {                         \
    for (int i = 0; i < LANES_F64; i++) {      \
      if ((rare)[i]) (result)[i] = expression; \
    }                                          \
  }

// Defines name_f32 by name_f64: the result is rounded twice, which leaves it within 0.5 + 2^-28 ulp.
#define WIDENED_UNARY(name)                              \
  INLINE vf32 name##_f32(vf32 x) {                       \
    vf64x2 wide = __builtin_convertvector(x, vf64x2);    \
    wide.lo = name##_f64(wide.lo);                       \
    wide.hi = name##_f64(wide.hi);                       \
    return __builtin_convertvector(wide, vf32);          \
  }

#define HALF_PI_HIGH 0x1.921fb54442d18p+0
#define HALF_PI_MIDDLE 0x1.1a62633145c07p-54
#define HALF_PI_LOW -0x1.f1976b7ed8fbcp-110

// x - n * pi / 2 in two parts, with n in the low bits of `turns`; for |x| <= 2^20. x - n * HALF_PI_HIGH is exact: it
// is a multiple of the smaller last place of the two and at most about pi / 4.
INLINE vf64 reduce_half_pi(vf64 x, vf64 *low, vi64 *turns) {
  vf64 shifted = fma_f64(x, (vf64)0x1.45f306dc9c883p-1, (vf64)ROUND_TO_INTEGER_F64);
  vf64 n = shifted - ROUND_TO_INTEGER_F64;
  *turns = (vi64)shifted;
  vf64 r = fma_f64(-n, (vf64)HALF_PI_HIGH, x);
  vf64 product = n * HALF_PI_MIDDLE;
  vf64 rest = fma_f64(n, (vf64)HALF_PI_LOW, fma_f64(n, (vf64)HALF_PI_MIDDLE, -product));
  vf64 high = r - product;
  *low = ((r - high) - product) - rest;
  return high;
}

INLINE vf64 sin_reduced_f64(vf64 x, vf64 low) {
  vf64 z = x * x, v = z * x;
  vf64 p = fma_f64(z, (vf64)1.58969099521155010221e-10, (vf64)-2.50507602534068634195e-08);
  p = fma_f64(p, z, (vf64)2.75573137070700676789e-06);
  p = fma_f64(p, z, (vf64)-1.98412698298579493134e-04);
  p = fma_f64(p, z, (vf64)8.33333333332248946124e-03);
  return x - ((z * (0.5 * low - v * p) - low) - v * -1.66666666666666324348e-01);
}

INLINE vf64 cos_reduced_f64(vf64 x, vf64 low) {
  vf64 z = x * x;
  vf64 p = fma_f64(z, (vf64)-1.13596475577881948265e-11, (vf64)2.08757232129817482790e-09);
  p = fma_f64(p, z, (vf64)-2.75573143513906633035e-07);
  p = fma_f64(p, z, (vf64)2.48015872894767294178e-05);
  p = fma_f64(p, z, (vf64)-1.38888888888741095749e-03);
  p = fma_f64(p, z, (vf64)4.16666666666666019037e-02);
  vf64 half = 0.5 * z, w = 1.0 - half;
  return w + (((1.0 - w) - half) + (z * (z * p) - x * low));
}

// sin(x + turns * pi / 2); beyond the range of the reduction `rare` asks libm.
INLINE vf64 sin_of_turns_f64(vf64 x, int64_t extra) {
  vf64 low;
  vi64 turns;
  vf64 r = reduce_half_pi(x, &low, &turns);
  turns += extra;
  vi64 odd = (turns & 1) != 0;
  vf64 y = odd ? cos_reduced_f64(r, low) : sin_reduced_f64(r, low);
  return (vf64)((vu64)y ^ ((vu64)(turns & 2) << 62));
}

INLINE vf64 sin_f64(vf64 x) {
  vf64 y = sin_of_turns_f64(x, 0);
  y = x == 0.0 ? copysign_f64((vf64)0.0, x) : y;
  vi64 rare = (vi64)(abs_f64(x) > 0x1p20);
  REPAIR_F64(y, rare, sin(x[i]))
  return y;
}

INLINE vf64 cos_f64(vf64 x) {
  vf64 y = sin_of_turns_f64(x, 1);
  vi64 rare = (vi64)(abs_f64(x) > 0x1p20);
  REPAIR_F64(y, rare, cos(x[i]))
  return y;
}

INLINE vf64 tan_f64(vf64 x) {
  vf64 low;
  vi64 turns;
  vf64 r = reduce_half_pi(x, &low, &turns);
  vf64 s = sin_reduced_f64(r, low), c = cos_reduced_f64(r, low);
  vi64 odd = (turns & 1) != 0;
  vf64 y = (odd ? -c : s) / (odd ? s : c);
  y = x == 0.0 ? copysign_f64((vf64)0.0, x) : y;
  vi64 rare = (vi64)(abs_f64(x) > 0x1p20);
  REPAIR_F64(y, rare, tan(x[i]))
  return y;
}

// (asin(x) - x) / x as a function of z = x^2 <= 1/4.
INLINE vf64 asin_ratio_f64(vf64 z) {
  vf64 p = fma_f64(z, (vf64)3.47933107596021167570e-05, (vf64)7.91534994289814532176e-04);
  p = fma_f64(p, z, (vf64)-4.00555345006794114027e-02);
  p = fma_f64(p, z, (vf64)2.01212532134862925881e-01);
  p = fma_f64(p, z, (vf64)-3.25565818622400915405e-01);
  p = fma_f64(p, z, (vf64)1.66666666666666657415e-01);
  vf64 q = fma_f64(z, (vf64)7.70381505559019352791e-02, (vf64)-6.88283971605453293030e-01);
  q = fma_f64(q, z, (vf64)2.02094576023350569471e+00);
  q = fma_f64(q, z, (vf64)-2.40339491173441421878e+00);
  q = fma_f64(q, z, (vf64)1.0);
  return p * z / q;
}

// asin(x) = x + x R(x^2); above 1/2, pi / 2 - 2 asin(s) with s = sqrt((1 - x) / 2), whose rounding error is c.
INLINE vf64 asin_f64(vf64 x) {
  vf64 size = abs_f64(x);
  vi64 small = (vi64)(size < 0.5);
  vf64 z = small ? x * x : (1.0 - size) * 0.5;
  vf64 ratio = asin_ratio_f64(z);
  vf64 s = __builtin_elementwise_sqrt(z);
  vf64 c = fma_f64(-s, s, z) / (s + s);
  c = s > 0.0 ? c : (vf64)0.0;
  vf64 far = (vf64)HALF_PI_HIGH - (2.0 * s - (HALF_PI_MIDDLE - (2.0 * (c + s * ratio))));
  return copysign_f64(small ? fma_f64(size, ratio, size) : far, x);
}

INLINE vf64 acos_f64(vf64 x) {
  vf64 size = abs_f64(x);
  vi64 small = (vi64)(size < 0.5);
  vf64 z = small ? x * x : (1.0 - size) * 0.5;
  vf64 ratio = asin_ratio_f64(z);
  vf64 s = __builtin_elementwise_sqrt(z);
  vf64 c = fma_f64(-s, s, z) / (s + s);
  c = s > 0.0 ? c : (vf64)0.0;
  vf64 rest = s * ratio + c;
  vf64 near_zero = (vf64)HALF_PI_HIGH - (x - (HALF_PI_MIDDLE - x * ratio));
  vf64 near_one = 2.0 * (s + rest);
  vf64 near_minus_one = 2.0 * ((vf64)HALF_PI_HIGH - (s + (rest - HALF_PI_MIDDLE)));
  return small ? near_zero : (x > 0.0 ? near_one : near_minus_one);
}

// atan(x) = atan(k) + atan((x - k) / (1 + k x)) for the nearest of k = 0, 1/2, 1, 3/2, infinity.
INLINE vf64 atan_size_f64(vf64 size) {
  vf64 top = size, bottom = (vf64)1.0, high = (vf64)0.0, low = (vf64)0.0;
#define FROM(bound, t, b, h, l)                          \
  do {                                                   \
    vi64 in = (vi64)(size >= (bound));                   \
    top = in ? (t) : top;                                \
    bottom = in ? (b) : bottom;                          \
    high = in ? (vf64)(h) : high;                        \
    low = in ? (vf64)(l) : low;                          \
  } while (0)
  FROM(0.4375, 2.0 * size - 1.0, 2.0 + size, 4.63647609000806093515e-01, 2.26987774529616870924e-17);
  FROM(0.6875, size - 1.0, size + 1.0, 7.85398163397448278999e-01, 3.06161699786838301793e-17);
  FROM(1.1875, size - 1.5, fma_f64(size, (vf64)1.5, (vf64)1.0), 9.82793723247329054082e-01, 1.39033110312309984516e-17);
  FROM(2.4375, (vf64)-1.0, size, HALF_PI_HIGH, HALF_PI_MIDDLE);
#undef FROM
  vf64 t = top / bottom, z = t * t, w = z * z;
  vf64 odd = fma_f64(w, (vf64)1.62858201153657823623e-02, (vf64)4.97687799461593236017e-02);
  odd = fma_f64(odd, w, (vf64)6.66107313738753120669e-02);
  odd = fma_f64(odd, w, (vf64)9.09088713343650656196e-02);
  odd = fma_f64(odd, w, (vf64)1.42857142725034663711e-01);
  odd = fma_f64(odd, w, (vf64)3.33333333333329318027e-01);
  vf64 even = fma_f64(w, (vf64)-3.65315727442169155270e-02, (vf64)-5.83357013379057348645e-02);
  even = fma_f64(even, w, (vf64)-7.69187620504482999495e-02);
  even = fma_f64(even, w, (vf64)-1.11111104054623557880e-01);
  even = fma_f64(even, w, (vf64)-1.99999999998764832476e-01);
  return high - ((t * (z * odd + w * even) - low) - t);
}

INLINE vf64 atan_f64(vf64 x) { return copysign_f64(atan_size_f64(abs_f64(x)), x); }

// The angle of (x, y), with C99's special cases (F.9.1.4).
INLINE vf64 atan2_f64(vf64 y, vf64 x) {
  vf64 ys = abs_f64(y), xs = abs_f64(x);
  vi64 both_infinite = (vi64)((ys == INFINITY) & (xs == INFINITY));
  vf64 angle = atan_size_f64(both_infinite ? (vf64)1.0 : ys / xs);
  angle = ys == 0.0 ? (vf64)0.0 : angle;
  vf64 turned = (vf64)(2.0 * HALF_PI_HIGH) - (angle - 2.0 * HALF_PI_MIDDLE);
  angle = (vi64)x < 0 ? turned : angle;
  angle = copysign_f64(angle, y);
  return ((x != x) | (y != y)) ? (vf64)(vu64)0x7FF8000000000000ull : angle;
}

WIDENED_UNARY(sin)
WIDENED_UNARY(cos)
WIDENED_UNARY(tan)
WIDENED_UNARY(asin)
WIDENED_UNARY(acos)
WIDENED_UNARY(atan)

INLINE vf32 atan2_f32(vf32 y, vf32 x) {
  vf64x2 wide_y = __builtin_convertvector(y, vf64x2), wide_x = __builtin_convertvector(x, vf64x2), angle;
  angle.lo = atan2_f64(wide_y.lo, wide_x.lo);
  angle.hi = atan2_f64(wide_y.hi, wide_x.hi);
  return __builtin_convertvector(angle, vf32);
}
