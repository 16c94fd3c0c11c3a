// Matrix multiplication: blocking parameters per instruction set, the float types, and integers.

#include "interleave.h"

// The micro-kernel holds GEMM_MR by GEMM_VECTORS vectors of C in registers, beside a row of B and a broadcast of A.
// A block of MC * KC elements of A fits the second-level cache, of KC * NC of B the third-level one (measured on
// Zen 5: longer KC beats keeping a panel of B in the first-level cache, since C is read and written less often).
// Without packing, every row of A needs an address register: PLAIN_MR rows at a time. MC is a multiple of MR.
// KC is part of the definition of the result, the others are not.
#define GEMM_VECTORS 2
#define ROWS_TO_4(X) X(1) X(2) X(3) X(4)
#define ROWS_TO_6(X) ROWS_TO_4(X) X(5) X(6)
#define ROWS_TO_7(X) ROWS_TO_6(X) X(7)
#define ROWS_TO_12(X) ROWS_TO_7(X) X(8) X(9) X(10) X(11) X(12)
#define ROWS_TO_14(X) ROWS_TO_12(X) X(13) X(14)

#if VECTOR_BYTES == 64
#define GEMM_FMA 1
#define GEMM_MR 14
#define GEMM_PLAIN_MR 7
#define GEMM_MC_F32 112
#define GEMM_MC_F64 56
#define GEMM_EACH_ROW ROWS_TO_14
#define GEMM_EACH_PLAIN_ROW ROWS_TO_7
#elif VECTOR_BYTES == 32
#define GEMM_FMA 1
#define GEMM_MR 6
#define GEMM_PLAIN_MR 6
#define GEMM_MC_F32 96
#define GEMM_MC_F64 48
#define GEMM_EACH_ROW ROWS_TO_6
#define GEMM_EACH_PLAIN_ROW ROWS_TO_6
#elif defined(__aarch64__)
#define GEMM_FMA 1
#define GEMM_MR 12
#define GEMM_PLAIN_MR 6
#define GEMM_MC_F32 96
#define GEMM_MC_F64 48
#define GEMM_EACH_ROW ROWS_TO_12
#define GEMM_EACH_PLAIN_ROW ROWS_TO_6
#else
#define GEMM_FMA 0
#define GEMM_MR 4
#define GEMM_PLAIN_MR 4
#define GEMM_MC_F32 96
#define GEMM_MC_F64 48
#define GEMM_EACH_ROW ROWS_TO_4
#define GEMM_EACH_PLAIN_ROW ROWS_TO_4
#endif
#define GEMM_NC 1024
#define GEMM_KC 1024
// Up to about 200^3, B stays in the second-level cache as it is and packing costs more than it saves.
#define GEMM_SMALL_PRODUCTS 8000000

// Blocks of k are as few as can be, and but for the last equally deep.
INLINE int64_t gemm_depth(int64_t k) {
  int64_t blocks = (k + GEMM_KC - 1) / GEMM_KC;
  return blocks < 2 ? k : (k + 16 * blocks - 1) / (16 * blocks) * 16;
}

#if GEMM_FMA
#define GEMM_MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define GEMM_MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

#if VECTOR_BYTES == 64
#define INTERLEAVE_LOW_F32 INTERLEAVE_LOW_16
#define INTERLEAVE_HIGH_F32 INTERLEAVE_HIGH_16
#define INTERLEAVE_LOW_F64 INTERLEAVE_LOW_8
#define INTERLEAVE_HIGH_F64 INTERLEAVE_HIGH_8
#elif VECTOR_BYTES == 32
#define INTERLEAVE_LOW_F32 INTERLEAVE_LOW_8
#define INTERLEAVE_HIGH_F32 INTERLEAVE_HIGH_8
#define INTERLEAVE_LOW_F64 INTERLEAVE_LOW_4
#define INTERLEAVE_HIGH_F64 INTERLEAVE_HIGH_4
#else
#define INTERLEAVE_LOW_F32 INTERLEAVE_LOW_4
#define INTERLEAVE_HIGH_F32 INTERLEAVE_HIGH_4
#define INTERLEAVE_LOW_F64 INTERLEAVE_LOW_2
#define INTERLEAVE_HIGH_F64 INTERLEAVE_HIGH_2
#endif

#define GEMM(name) name##_gemm_f32
#define GEMM_IO(name) name##_f32
#define GEMM_T float
#define GEMM_V vf32
#define GEMM_LANES LANES_F32
#define GEMM_MC GEMM_MC_F32
#define GEMM_FOLD FOLD_F32
#define GEMM_INTERLEAVE_LOW INTERLEAVE_LOW_F32
#define GEMM_INTERLEAVE_HIGH INTERLEAVE_HIGH_F32
#include "gemm_float.inc.h"
#undef GEMM
#undef GEMM_IO
#undef GEMM_T
#undef GEMM_V
#undef GEMM_LANES
#undef GEMM_MC
#undef GEMM_FOLD
#undef GEMM_INTERLEAVE_LOW
#undef GEMM_INTERLEAVE_HIGH

#define GEMM(name) name##_gemm_f64
#define GEMM_IO(name) name##_f64
#define GEMM_T double
#define GEMM_V vf64
#define GEMM_LANES LANES_F64
#define GEMM_MC GEMM_MC_F64
#define GEMM_FOLD FOLD_F64
#define GEMM_INTERLEAVE_LOW INTERLEAVE_LOW_F64
#define GEMM_INTERLEAVE_HIGH INTERLEAVE_HIGH_F64
#include "gemm_float.inc.h"

// Integers wrap, so signedness and order do not matter. Sums of a strip of columns stay in the first-level cache.
// Rows of patches are made one by one.
#define INTEGER_GEMM(suffix, T, P)                                                                           \
  PATCH_ROW(suffix, T)                                                                                       \
  static void gemm_##suffix(blox_gemm_path path, const blox_gemm_args *args, void *scratch) {                \
    (void)path;                                                                                              \
    if (args->patches) {                                                                                     \
      blox_gemm_args row = *args;                                                                            \
      row.patches = NULL;                                                                                    \
      row.m = 1;                                                                                             \
      row.a = scratch;                                                                                       \
      row.a_column = 1;                                                                                      \
      for (int64_t i = 0; i < args->m; i++) {                                                                \
        patch_row_##suffix(scratch, args->a, args->patches, args->patch_row + i);                            \
        row.c = (T *)args->c + i * args->c_row;                                                              \
        gemm_##suffix(path, &row, scratch);                                                                  \
      }                                                                                                      \
      return;                                                                                                \
    }                                                                                                        \
    enum { STRIP = 2048 / sizeof(T) };                                                                       \
    const T *a = args->a, *b = args->b;                                                                      \
    T *c = args->c;                                                                                          \
    for (int64_t j0 = 0; j0 < args->n; j0 += STRIP) {                                                        \
      int64_t n = args->n - j0 < STRIP ? args->n - j0 : STRIP;                                               \
      for (int64_t i = 0; i < args->m; i++) {                                                                \
        T sum[STRIP];                                                                                        \
        memset(sum, 0, (size_t)n * sizeof(T));                                                               \
        for (int64_t p = 0; p < args->k; p++) {                                                              \
          P x = (P)a[i * args->a_row + p * args->a_column];                                                  \
          const T *y = b + p * args->b_row + j0 * args->b_column;                                            \
          if (args->b_column == 1) {                                                                         \
            for (int64_t j = 0; j < n; j++) sum[j] = (T)(sum[j] + x * y[j]);                                 \
          } else {                                                                                           \
            for (int64_t j = 0; j < n; j++) sum[j] = (T)(sum[j] + x * y[j * args->b_column]);                \
          }                                                                                                  \
        }                                                                                                    \
        memcpy(c + i * args->c_row + j0, sum, (size_t)n * sizeof(T));                                        \
      }                                                                                                      \
    }                                                                                                        \
  }

INTEGER_GEMM(u8, uint8_t, uint32_t)
INTEGER_GEMM(u16, uint16_t, uint32_t)
INTEGER_GEMM(u32, uint32_t, uint32_t)
INTEGER_GEMM(u64, uint64_t, uint64_t)
