// Conversions between all element types.
//
// Float to integer truncates, saturates and maps NaN to zero; anything to bool is `!= 0`. Integer to integer
// wraps, so the signedness of the result does not matter and one kernel per width serves both.

#define CONVERT_LOOP(from, to, S, D, expression)                                                               \
  static void convert_##from##_##to(void *dst, const void *a, const void *b, const void *c, size_t n) {        \
    (void)b, (void)c;                                                                                          \
    D *d = dst;                                                                                                \
    const S *s = a;                                                                                            \
    INDEPENDENT for (size_t i = 0; i < n; i++) {                                                               \
      S x = s[i];                                                                                              \
      d[i] = (D)(expression);                                                                                  \
    }                                                                                                          \
  }

#define CONVERT_FROM_INTEGER(from, S)          \
  CONVERT_LOOP(from, truth, S, uint8_t, x != 0) \
  CONVERT_LOOP(from, u8, S, uint8_t, x)        \
  CONVERT_LOOP(from, u16, S, uint16_t, x)      \
  CONVERT_LOOP(from, u32, S, uint32_t, x)      \
  CONVERT_LOOP(from, u64, S, uint64_t, x)      \
  CONVERT_LOOP(from, f32, S, float, x)         \
  CONVERT_LOOP(from, f64, S, double, x)

// LOW is the smallest value; the first value beyond the largest, LIMIT, is a power of two and thus exact.
#define SATURATE(T, LOW, HIGH, LIMIT) \
  (x != x ? (T)0 : x <= LOW ? (T)LOW : x >= LIMIT ? (T)HIGH : (T)(x != x || x <= LOW || x >= LIMIT ? 0 : x))

#define CONVERT_FROM_FLOAT(from, S)                                                                          \
  CONVERT_LOOP(from, truth, S, uint8_t, x != 0)                                                               \
  CONVERT_LOOP(from, i8, S, int8_t, SATURATE(int32_t, -128, 127, 128))                                       \
  CONVERT_LOOP(from, i16, S, int16_t, SATURATE(int32_t, -32768, 32767, 32768))                               \
  CONVERT_LOOP(from, i32, S, int32_t, SATURATE(int32_t, INT32_MIN, INT32_MAX, (S)0x1p31))                    \
  CONVERT_LOOP(from, i64, S, int64_t, SATURATE(int64_t, INT64_MIN, INT64_MAX, (S)0x1p63))                    \
  CONVERT_LOOP(from, u8, S, uint8_t, SATURATE(int32_t, 0, 255, 256))                                         \
  CONVERT_LOOP(from, u16, S, uint16_t, SATURATE(int32_t, 0, 65535, 65536))                                   \
  CONVERT_LOOP(from, u32, S, uint32_t, SATURATE(uint32_t, 0, UINT32_MAX, (S)0x1p32))                         \
  CONVERT_LOOP(from, u64, S, uint64_t, SATURATE(uint64_t, 0, UINT64_MAX, (S)0x1p64))

CONVERT_FROM_INTEGER(i8, int8_t)
CONVERT_FROM_INTEGER(i16, int16_t)
CONVERT_FROM_INTEGER(i32, int32_t)
CONVERT_FROM_INTEGER(i64, int64_t)
CONVERT_FROM_INTEGER(u8, uint8_t)
CONVERT_FROM_INTEGER(u16, uint16_t)
CONVERT_FROM_INTEGER(u32, uint32_t)
CONVERT_FROM_INTEGER(u64, uint64_t)
CONVERT_FROM_FLOAT(f32, float)
CONVERT_FROM_FLOAT(f64, double)
CONVERT_LOOP(f32, f64, float, double, x)

// Rounds to odd: the only way to reach a 16-bit float through f32 without rounding twice to nearest.
INLINE float round_to_odd(double x) {
  float nearest = (float)x;
  double back = nearest;
  uint32_t bits;
  memcpy(&bits, &nearest, sizeof bits);
  bool inexact = back != x && x == x;
  bool away = __builtin_fabs(back) > __builtin_fabs(x);
  uint32_t odd = (bits - (away ? 1u : 0u)) | 1u;
  bits = inexact ? odd : bits;
  memcpy(&nearest, &bits, sizeof nearest);
  return nearest;
}
CONVERT_LOOP(f64, odd_f32, double, float, round_to_odd(x))
CONVERT_LOOP(f64, f32, double, float, x)

// 16-bit floats to and from any other type go through blocks of f32. `width` is the size of the other type.
#define CONVERT_FROM_HALF(half, to, D)                                                                         \
  static void convert_##half##_##to(void *dst, const void *a, const void *b, const void *c, size_t n) {        \
    float x[HALF_BLOCK];                                                                                       \
    for (HALF_BLOCKS(n)) {                                                                                     \
      widen_##half(x, (const uint16_t *)a + at, count);                                                        \
      convert_f32_##to((D *)dst + at, x, b, c, count);                                                         \
    }                                                                                                          \
  }
#define CONVERT_TO_HALF(from, half, S, through)                                                                \
  static void convert_##from##_##half(void *dst, const void *a, const void *b, const void *c, size_t n) {      \
    float x[HALF_BLOCK];                                                                                       \
    for (HALF_BLOCKS(n)) {                                                                                     \
      through(x, (const S *)a + at, b, c, count);                                                              \
      narrow_##half((uint16_t *)dst + at, x, count);                                                           \
    }                                                                                                          \
  }
// Whether a half is zero is a question about its bits: subnormals are not.
#define CONVERT_HALF(half, other)                                                                              \
  CONVERT_LOOP(half, truth, uint16_t, uint8_t, (x & 0x7FFF) != 0)                                              \
  CONVERT_FROM_HALF(half, i8, int8_t)                                                                          \
  CONVERT_FROM_HALF(half, i16, int16_t)                                                                        \
  CONVERT_FROM_HALF(half, i32, int32_t)                                                                        \
  CONVERT_FROM_HALF(half, i64, int64_t)                                                                        \
  CONVERT_FROM_HALF(half, u8, uint8_t)                                                                         \
  CONVERT_FROM_HALF(half, u16, uint16_t)                                                                       \
  CONVERT_FROM_HALF(half, u32, uint32_t)                                                                       \
  CONVERT_FROM_HALF(half, u64, uint64_t)                                                                       \
  CONVERT_FROM_HALF(half, f32, float)                                                                          \
  CONVERT_FROM_HALF(half, f64, double)                                                                         \
  CONVERT_TO_HALF(i8, half, int8_t, convert_i8_f32)                                                            \
  CONVERT_TO_HALF(i16, half, int16_t, convert_i16_f32)                                                         \
  CONVERT_TO_HALF(i32, half, int32_t, convert_i32_f32)                                                         \
  CONVERT_TO_HALF(i64, half, int64_t, convert_i64_f32)                                                         \
  CONVERT_TO_HALF(u8, half, uint8_t, convert_u8_f32)                                                           \
  CONVERT_TO_HALF(u16, half, uint16_t, convert_u16_f32)                                                        \
  CONVERT_TO_HALF(u32, half, uint32_t, convert_u32_f32)                                                        \
  CONVERT_TO_HALF(u64, half, uint64_t, convert_u64_f32)                                                        \
  CONVERT_TO_HALF(f32, half, float, copy_tile_u32)                                                             \
  CONVERT_TO_HALF(f64, half, double, convert_f64_odd_f32)                                                      \
  static void convert_##half##_##other(void *dst, const void *a, const void *b, const void *c, size_t n) {     \
    float x[HALF_BLOCK];                                                                                       \
    (void)b, (void)c;                                                                                          \
    for (HALF_BLOCKS(n)) {                                                                                     \
      widen_##half(x, (const uint16_t *)a + at, count);                                                        \
      narrow_##other((uint16_t *)dst + at, x, count);                                                          \
    }                                                                                                          \
  }

// The same type on both sides of a block step is a plain copy.
#define convert_f32_f32 copy_tile_u32
CONVERT_HALF(bf16, f16)
CONVERT_HALF(f16, bf16)
