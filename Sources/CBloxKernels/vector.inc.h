// Vector types of one instruction set, with whole and partial loads and stores.
//
// Everything is written with Clang's vector extensions. A register is VECTOR_BYTES wide; nothing that is
// visible in a result may depend on that width, so that all instruction sets agree bit for bit.

#define INLINE static inline __attribute__((always_inline, unused))

typedef float vf32 __attribute__((ext_vector_type(VECTOR_BYTES / 4)));
typedef int32_t vi32 __attribute__((ext_vector_type(VECTOR_BYTES / 4)));
typedef uint32_t vu32 __attribute__((ext_vector_type(VECTOR_BYTES / 4)));
typedef double vf64 __attribute__((ext_vector_type(VECTOR_BYTES / 8)));
typedef int64_t vi64 __attribute__((ext_vector_type(VECTOR_BYTES / 8)));
typedef uint64_t vu64 __attribute__((ext_vector_type(VECTOR_BYTES / 8)));
// As many elements as vf32 or vf64 has, of another width: for conversions.
typedef double vf64x2 __attribute__((ext_vector_type(VECTOR_BYTES / 4)));
typedef float vf32h __attribute__((ext_vector_type(VECTOR_BYTES / 8)));
typedef uint64_t vu64x2 __attribute__((ext_vector_type(VECTOR_BYTES / 4)));
typedef int64_t vi64x2 __attribute__((ext_vector_type(VECTOR_BYTES / 4)));
typedef uint16_t vu16h __attribute__((ext_vector_type(VECTOR_BYTES / 4)));
typedef uint8_t vu8q __attribute__((ext_vector_type(VECTOR_BYTES / 4)));

enum { LANES_F32 = VECTOR_BYTES / 4, LANES_F64 = VECTOR_BYTES / 8 };

INLINE vf32 load_f32(const float *p) { vf32 v; memcpy(&v, p, sizeof v); return v; }
INLINE vf64 load_f64(const double *p) { vf64 v; memcpy(&v, p, sizeof v); return v; }
INLINE void store_f32(float *p, vf32 v) { memcpy(p, &v, sizeof v); }
INLINE void store_f64(double *p, vf64 v) { memcpy(p, &v, sizeof v); }

// The first `n` elements (0 <= n < lanes) of p; the other lanes are zero and their memory is not touched.
#if VECTOR_BYTES == 64
INLINE __mmask16 mask16_first(int64_t n) { return (__mmask16)((1u << n) - 1); }
INLINE __mmask8 mask8_first(int64_t n) { return (__mmask8)((1u << n) - 1); }
INLINE vf32 load_first_f32(const float *p, int64_t n) { return (vf32)_mm512_maskz_loadu_ps(mask16_first(n), p); }
INLINE vf64 load_first_f64(const double *p, int64_t n) { return (vf64)_mm512_maskz_loadu_pd(mask8_first(n), p); }
INLINE void store_first_f32(float *p, vf32 v, int64_t n) { _mm512_mask_storeu_ps(p, mask16_first(n), (__m512)v); }
INLINE void store_first_f64(double *p, vf64 v, int64_t n) { _mm512_mask_storeu_pd(p, mask8_first(n), (__m512d)v); }
#elif VECTOR_BYTES == 32
static const int32_t lane_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
INLINE __m256i mask_first_f32(int64_t n) { return _mm256_loadu_si256((const __m256i *)(lane_masks + 8 - n)); }
INLINE __m256i mask_first_f64(int64_t n) { return _mm256_loadu_si256((const __m256i *)(lane_masks + 8 - 2 * n)); }
INLINE vf32 load_first_f32(const float *p, int64_t n) { return (vf32)_mm256_maskload_ps(p, mask_first_f32(n)); }
INLINE vf64 load_first_f64(const double *p, int64_t n) { return (vf64)_mm256_maskload_pd(p, mask_first_f64(n)); }
INLINE void store_first_f32(float *p, vf32 v, int64_t n) { _mm256_maskstore_ps(p, mask_first_f32(n), (__m256)v); }
INLINE void store_first_f64(double *p, vf64 v, int64_t n) { _mm256_maskstore_pd(p, mask_first_f64(n), (__m256d)v); }
#else
INLINE vf32 load_first_f32(const float *p, int64_t n) {
  float t[LANES_F32] = {0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i];
  return load_f32(t);
}
INLINE vf64 load_first_f64(const double *p, int64_t n) {
  double t[LANES_F64] = {0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i];
  return load_f64(t);
}
INLINE void store_first_f32(float *p, vf32 v, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = v[i];
}
INLINE void store_first_f64(double *p, vf64 v, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = v[i];
}
#endif

INLINE vf32 fma_f32(vf32 a, vf32 b, vf32 c) { return __builtin_elementwise_fma(a, b, c); }
INLINE vf64 fma_f64(vf64 a, vf64 b, vf64 c) { return __builtin_elementwise_fma(a, b, c); }
INLINE vf32 abs_f32(vf32 x) { return (vf32)((vu32)x & 0x7FFFFFFFu); }
INLINE vf64 abs_f64(vf64 x) { return (vf64)((vu64)x & 0x7FFFFFFFFFFFFFFFull); }
INLINE vf32 copysign_f32(vf32 magnitude, vf32 sign) {
  return (vf32)(((vu32)magnitude & 0x7FFFFFFFu) | ((vu32)sign & 0x80000000u));
}
INLINE vf64 copysign_f64(vf64 magnitude, vf64 sign) {
  return (vf64)(((vu64)magnitude & 0x7FFFFFFFFFFFFFFFull) | ((vu64)sign & 0x8000000000000000ull));
}
INLINE vf32 splat_bits_f32(uint32_t bits) { return (vf32)(vu32)bits; }
INLINE bool any_i32(vi32 mask) { return __builtin_reduce_or(mask) != 0; }
INLINE bool any_i64(vi64 mask) { return __builtin_reduce_or(mask) != 0; }

// Independent iterations: dst may be exactly an operand, which the vectorizer's overlap checks would refuse.
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
