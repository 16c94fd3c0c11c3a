// Data movement that knows no element type, only widths.

#include "kernel_table.h"

enum { MAX_RANK = 32 };

// ---- Fill ----------------------------------------------------------------------------------------------

#define FILL(T)                                           \
  do {                                                    \
    T *d = (T *)dst;                                      \
    T value = (T)bits;                                    \
    for (int64_t i = 0; i < count; i++) d[i] = value;     \
  } while (0)

static void fill_run(char *dst, int32_t width, uint64_t bits, int64_t count) {
  switch (width) {
    case 1: memset(dst, (int)(bits & 0xFF), (size_t)count); break;
    case 2: FILL(uint16_t); break;
    case 4: FILL(uint32_t); break;
    default: FILL(uint64_t); break;
  }
}

// ---- Runs of one dimension -----------------------------------------------------------------------------

#define RUN(T)                                                                             \
  do {                                                                                     \
    T *d = (T *)dst;                                                                       \
    const T *s = (const T *)src;                                                           \
    for (int64_t i = 0; i < count; i++) d[i * dst_stride] = s[i * src_stride];             \
  } while (0)

static void copy_run(char *dst, const char *src, int32_t width, int64_t count, int64_t dst_stride,
                     int64_t src_stride) {
  if (dst_stride == 1 && src_stride == 1) {
    memcpy(dst, src, (size_t)count * (size_t)width);
    return;
  }
  if (dst_stride == 1 && src_stride == 0) {
    fill_run(dst, width, blox_element_bits(src, width), count);
    return;
  }
  switch (width) {
    case 1: RUN(uint8_t); break;
    case 2: RUN(uint16_t); break;
    case 4: RUN(uint32_t); break;
    default: RUN(uint64_t); break;
  }
}

// ---- Transposes ----------------------------------------------------------------------------------------

// dst[i * dst_stride + j] = src[j * src_stride + i] for i < rows, j < columns.
//
// A block is one cache line wide and high, and passes through a buffer: rows of src and dst that lie a multiple of
// 4096 bytes apart would otherwise keep evicting each other and stalling loads on unrelated stores.
//
// Columns go in chunks, so that the pages of a chunk of src rows stay in the translation cache while i advances. Beyond
// the second-level cache src is prefetched: no hardware prefetcher follows a column. What is written past the caches is
// written line by line in any order; then src is read in its own, as many rows side by side as a line has elements, which
// are too many for the hardware's prefetchers.
enum { LINE = 64, COLUMN_CHUNK = 512, PREFETCH_BYTES = 1 << 20 };

#define LOW_2(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH_2(a, b) __builtin_shufflevector(a, b, 1, 3)
#define LOW_4(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_4(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_8(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_8(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_16(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_16(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// One square of 128-bit vectors, by log2(SIDE) perfect shuffles of its rows.
#define SQUARE(suffix, T, SIDE)                                                                            \
  typedef T vector_##suffix __attribute__((vector_size(16)));                                              \
  static inline void square_##suffix(T *dst, int64_t dst_stride, const T *src, int64_t src_stride) {       \
    vector_##suffix row[SIDE], t[SIDE];                                                                    \
    for (int j = 0; j < SIDE; j++) memcpy(&row[j], src + j * src_stride, 16);                              \
    _Pragma("clang loop unroll(full)") for (int step = 1; step < SIDE; step *= 2) {                        \
      for (int i = 0; i < SIDE / 2; i++) {                                                                 \
        t[2 * i] = LOW_##SIDE(row[i], row[i + SIDE / 2]);                                                  \
        t[2 * i + 1] = HIGH_##SIDE(row[i], row[i + SIDE / 2]);                                             \
      }                                                                                                    \
      for (int i = 0; i < SIDE; i++) row[i] = t[i];                                                        \
    }                                                                                                      \
    for (int i = 0; i < SIDE; i++) memcpy(dst + i * dst_stride, &row[i], 16);                              \
  }

SQUARE(u8, uint8_t, 16)
SQUARE(u16, uint16_t, 8)
SQUARE(u32, uint32_t, 4)
SQUARE(u64, uint64_t, 2)

#define TRANSPOSE(suffix, T, SIDE)                                                                         \
  static inline void block_##suffix(T *dst, int64_t dst_stride, const T *src, int64_t src_stride,          \
                                    bool stream) {                                                         \
    enum { BLOCK = LINE / sizeof(T) };                                                                     \
    T line[BLOCK][BLOCK] __attribute__((aligned(LINE)));                                                   \
    for (int j = 0; j < BLOCK; j += SIDE) {                                                                \
      for (int i = 0; i < BLOCK; i += SIDE) {                                                              \
        square_##suffix(&line[i][j], BLOCK, src + j * src_stride + i, src_stride);                         \
      }                                                                                                    \
    }                                                                                                      \
    for (int i = 0; i < BLOCK; i++) {                                                                      \
      T *to = dst + i * dst_stride;                                                                        \
      if (!stream) {                                                                                       \
        memcpy(to, line[i], LINE);                                                                         \
        continue;                                                                                          \
      }                                                                                                    \
      const vector_##suffix *part = (const vector_##suffix *)line[i];                                      \
      for (int q = 0; q < 4; q++) __builtin_nontemporal_store(part[q], (vector_##suffix *)to + q);         \
    }                                                                                                      \
  }                                                                                                        \
                                                                                                           \
  static inline void piece_##suffix(T *dst, int64_t dst_stride, const T *src, int64_t src_stride, int64_t rows, \
                                    int64_t columns, bool stream) {                                         \
    enum { BLOCK = LINE / sizeof(T) };                                                                      \
    if (rows == BLOCK && columns == BLOCK) {                                                                \
      block_##suffix(dst, dst_stride, src, src_stride, stream);                                             \
      return;                                                                                               \
    }                                                                                                       \
    for (int64_t i = 0; i < rows; i++) {                                                                    \
      for (int64_t j = 0; j < columns; j++) dst[i * dst_stride + j] = src[j * src_stride + i];              \
    }                                                                                                       \
  }                                                                                                         \
                                                                                                            \
  static void transpose_##suffix(T *dst, int64_t dst_stride, const T *src, int64_t src_stride,              \
                                 int64_t rows, int64_t columns, bool past_caches) {                         \
    enum { BLOCK = LINE / sizeof(T) };                                                                      \
    bool prefetch = rows * columns * (int64_t)sizeof(T) >= PREFETCH_BYTES;                                  \
    bool aligned = ((uintptr_t)dst | (uintptr_t)(dst_stride * (int64_t)sizeof(T))) % LINE == 0;             \
    if (past_caches && aligned) {                                                                           \
      for (int64_t j0 = 0; j0 < columns; j0 += BLOCK) {                                                     \
        int64_t width = columns - j0 < BLOCK ? columns - j0 : BLOCK;                                        \
        for (int64_t i0 = 0; i0 < rows; i0 += BLOCK) {                                                      \
          int64_t height = rows - i0 < BLOCK ? rows - i0 : BLOCK;                                           \
          for (int64_t j = j0; j < j0 + width; j++) __builtin_prefetch(src + j * src_stride + i0 + 4 * BLOCK); \
          piece_##suffix(dst + i0 * dst_stride + j0, dst_stride, src + j0 * src_stride + i0, src_stride, height, \
                         width, true);                                                                      \
        }                                                                                                   \
      }                                                                                                     \
      return;                                                                                               \
    }                                                                                                       \
    for (int64_t jc = 0; jc < columns; jc += COLUMN_CHUNK) {                                                \
      int64_t jc1 = columns - jc < COLUMN_CHUNK ? columns : jc + COLUMN_CHUNK;                              \
      for (int64_t i0 = 0; i0 < rows; i0 += BLOCK) {                                                        \
        int64_t height = rows - i0 < BLOCK ? rows - i0 : BLOCK;                                             \
        for (int64_t j0 = jc; j0 < jc1; j0 += BLOCK) {                                                      \
          for (int64_t j = j0 + 2 * BLOCK; prefetch && j < j0 + 3 * BLOCK && j < jc1; j++) {                \
            __builtin_prefetch(src + j * src_stride + i0);                                                  \
          }                                                                                                 \
          int64_t width = jc1 - j0 < BLOCK ? jc1 - j0 : BLOCK;                                              \
          piece_##suffix(dst + i0 * dst_stride + j0, dst_stride, src + j0 * src_stride + i0, src_stride, height, \
                         width, false);                                                                     \
        }                                                                                                   \
      }                                                                                                     \
    }                                                                                                       \
  }

TRANSPOSE(u8, uint8_t, 16)
TRANSPOSE(u16, uint16_t, 8)
TRANSPOSE(u32, uint32_t, 4)
TRANSPOSE(u64, uint64_t, 2)

static void transpose(char *dst, int64_t dst_stride, const char *src, int64_t src_stride, int32_t width,
                      int64_t rows, int64_t columns, bool past_caches) {
#define CALL(suffix, T) \
  transpose_##suffix((T *)dst, dst_stride, (const T *)src, src_stride, rows, columns, past_caches); break
  switch (width) {
    case 1: CALL(u8, uint8_t);
    case 2: CALL(u16, uint16_t);
    case 4: CALL(u32, uint32_t);
    default: CALL(u64, uint64_t);
  }
#undef CALL
}

// ---- Any strides ---------------------------------------------------------------------------------------

typedef struct dimension {
  int64_t count, dst, src;
} dimension;

static int64_t size_of(int64_t stride) { return stride < 0 ? -stride : stride; }

// Sorts by falling stride of dst, drops dimensions of one element and merges what is contiguous on both sides.
// Returns the rank that is left, or -1 when there is nothing to copy.
static int32_t simplify(dimension *out, int32_t rank, const int64_t *dims, const int64_t *dst_strides,
                        const int64_t *src_strides) {
  int32_t n = 0;
  for (int32_t d = 0; d < rank; d++) {
    if (dims[d] == 0) return -1;
    if (dims[d] == 1) continue;
    dimension dim = {dims[d], dst_strides[d], src_strides[d]};
    int32_t at = n++;
    for (; at > 0 && size_of(out[at - 1].dst) < size_of(dim.dst); at--) out[at] = out[at - 1];
    out[at] = dim;
  }
  int32_t merged = 0;
  for (int32_t d = 0; d < n; d++) {
    dimension *previous = merged > 0 ? &out[merged - 1] : NULL;
    if (previous && previous->dst == out[d].dst * out[d].count && previous->src == out[d].src * out[d].count) {
      *previous = (dimension){previous->count * out[d].count, out[d].dst, out[d].src};
    } else {
      out[merged++] = out[d];
    }
  }
  return merged;
}

void blox_copy_strided(char *dst, const char *src, int32_t width, int32_t rank, const int64_t *dims,
                       const int64_t *dst_strides, const int64_t *src_strides, bool past_caches) {
  dimension dim[MAX_RANK];
  int32_t n = simplify(dim, rank, dims, dst_strides, src_strides);
  if (n < 0) return;
  if (n == 0) {
    memcpy(dst, src, (size_t)width);
    return;
  }
  dimension inner = dim[--n];
  // A transpose: dst is dense along `inner`, src along another dimension, which moves to the end.
  bool transposed = false;
  if (inner.dst == 1 && inner.src != 1 && inner.src != 0) {
    for (int32_t d = n - 1; d >= 0 && !transposed; d--) {
      if (dim[d].src != 1) continue;
      dimension dense = dim[d];
      for (int32_t e = d; e + 1 < n; e++) dim[e] = dim[e + 1];
      dim[--n] = dense;
      transposed = true;
    }
  }
  int64_t index[MAX_RANK] = {0};
  for (;;) {
    if (transposed) {
      transpose(dst, dim[n].dst, src, inner.src, width, dim[n].count, inner.count, past_caches);
    } else {
      copy_run(dst, src, width, inner.count, inner.dst, inner.src);
    }
    int32_t d = n - 1;
    for (; d >= 0; d--) {
      dst += dim[d].dst * width;
      src += dim[d].src * width;
      if (++index[d] < dim[d].count) break;
      dst -= dim[d].count * dim[d].dst * width;
      src -= dim[d].count * dim[d].src * width;
      index[d] = 0;
    }
    if (d < 0) break;
  }
  // Orders streaming stores before whatever tells another thread that they are done.
  if (past_caches) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
