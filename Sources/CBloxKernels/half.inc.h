// bf16 and f16: conversion to and from f32, and the lifting of f32 kernels to them.
//
// Every operation widens a block to f32, runs the f32 kernel and rounds once to nearest even. f32 has more than
// twice the digits of either format, so +, -, *, / and sqrt are then correctly rounded.

enum { HALF_BLOCK = 256 };

INLINE float widen_one_bf16(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

INLINE uint16_t narrow_one_bf16(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1)) >> 16;
  uint32_t nan = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
}

// F. Giesen's conversions: subnormal halves are normal in f32, so flush-to-zero does not touch them.
INLINE float widen_one_f16(uint16_t h) {
  uint32_t bits = ((uint32_t)h & 0x7FFFu) << 13;
  uint32_t exponent = bits & 0x0F800000u;
  bits += (127u - 15u) << 23;
  bits = exponent == 0x0F800000u ? bits + ((128u - 16u) << 23) : bits;
  uint32_t small_bits = bits + (1u << 23);
  float small, f;
  memcpy(&small, &small_bits, sizeof small);
  small -= 0x1p-14f;
  memcpy(&small_bits, &small, sizeof small_bits);
  bits = exponent == 0 ? small_bits : bits;
  bits |= ((uint32_t)h & 0x8000u) << 16;
  memcpy(&f, &bits, sizeof f);
  return f;
}

INLINE uint16_t narrow_one_f16(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  uint32_t sign = (bits >> 16) & 0x8000u;
  bits &= 0x7FFFFFFFu;
  float size, shifted;
  memcpy(&size, &bits, sizeof size);
  shifted = size + 0.5f;  // aligns the last place of a subnormal half with that of f32 and rounds
  uint32_t small;
  memcpy(&small, &shifted, sizeof small);
  small -= 0x3F000000u;
  uint32_t normal = (bits + ((uint32_t)(15 - 127) << 23) + 0xFFFu + ((bits >> 13) & 1)) >> 13;
  uint32_t h = bits < 0x38800000u ? small : normal;
  h = bits >= 0x47800000u ? 0x7C00u : h;
  h = bits > 0x7F800000u ? 0x7E00u : h;
  return (uint16_t)(h | sign);
}

static void widen_bf16(float *restrict dst, const uint16_t *restrict src, size_t n) {
  for (size_t i = 0; i < n; i++) dst[i] = widen_one_bf16(src[i]);
}

static void narrow_bf16(uint16_t *restrict dst, const float *restrict src, size_t n) {
  for (size_t i = 0; i < n; i++) dst[i] = narrow_one_bf16(src[i]);
}

static void widen_f16(float *restrict dst, const uint16_t *restrict src, size_t n) {
  size_t i = 0;
#if VECTOR_BYTES >= 32
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(src + i))));
  }
#endif
  for (; i < n; i++) dst[i] = widen_one_f16(src[i]);
}

static void narrow_f16(uint16_t *restrict dst, const float *restrict src, size_t n) {
  size_t i = 0;
#if VECTOR_BYTES >= 32
  for (; i + 8 <= n; i += 8) {
    _mm_storeu_si128((__m128i *)(dst + i), _mm256_cvtps_ph(_mm256_loadu_ps(src + i), _MM_FROUND_TO_NEAREST_INT));
  }
#endif
  for (; i < n; i++) dst[i] = narrow_one_f16(src[i]);
}

#define HALF_BLOCKS(n) \
  size_t at = 0, count; count = (n) - at < HALF_BLOCK ? (n) - at : HALF_BLOCK, at < (n); at += count

#define LIFT_UNARY(name, half)                                                                           \
  static void name##_tile_##half(void *dst, const void *a, const void *b, const void *c, size_t n) {          \
    float x[HALF_BLOCK];                                                                                 \
    for (HALF_BLOCKS(n)) {                                                                               \
      widen_##half(x, (const uint16_t *)a + at, count);                                                  \
      name##_tile_f32(x, x, b, c, count);                                                                \
      narrow_##half((uint16_t *)dst + at, x, count);                                                     \
    }                                                                                                    \
  }

#define LIFT_BINARY(name, half)                                                                          \
  static void name##_tile_##half(void *dst, const void *a, const void *b, const void *c, size_t n) {          \
    float x[HALF_BLOCK], y[HALF_BLOCK];                                                                  \
    for (HALF_BLOCKS(n)) {                                                                               \
      widen_##half(x, (const uint16_t *)a + at, count);                                                  \
      widen_##half(y, (const uint16_t *)b + at, count);                                                  \
      name##_tile_f32(x, x, y, c, count);                                                                \
      narrow_##half((uint16_t *)dst + at, x, count);                                                     \
    }                                                                                                    \
  }

#define LIFT_TERNARY(name, half)                                                                         \
  static void name##_tile_##half(void *dst, const void *a, const void *b, const void *c, size_t n) {          \
    float x[HALF_BLOCK], y[HALF_BLOCK], z[HALF_BLOCK];                                                   \
    for (HALF_BLOCKS(n)) {                                                                               \
      widen_##half(x, (const uint16_t *)a + at, count);                                                  \
      widen_##half(y, (const uint16_t *)b + at, count);                                                  \
      widen_##half(z, (const uint16_t *)c + at, count);                                                  \
      name##_tile_f32(x, x, y, z, count);                                                                \
      narrow_##half((uint16_t *)dst + at, x, count);                                                     \
    }                                                                                                    \
  }

// The result is a boolean.
#define LIFT_COMPARE(name, half)                                                                            \
  static void name##_tile_##half(void *dst, const void *a, const void *b, const void *c, size_t n) {          \
    float x[HALF_BLOCK], y[HALF_BLOCK];                                                                  \
    for (HALF_BLOCKS(n)) {                                                                               \
      widen_##half(x, (const uint16_t *)a + at, count);                                                  \
      widen_##half(y, (const uint16_t *)b + at, count);                                                  \
      name##_tile_f32((uint8_t *)dst + at, x, y, c, count);                                              \
    }                                                                                                    \
  }
