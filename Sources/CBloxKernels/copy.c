// Data movement that knows no element type, only widths.

#include "interleave.h"
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

enum { LINE = 64 };

#define TRANSPOSE_T uint8_t
#define TRANSPOSE_SIDE 16
#define TRANSPOSE(name) name##_u8
#define TRANSPOSE_LOW INTERLEAVE_LOW_16
#define TRANSPOSE_HIGH INTERLEAVE_HIGH_16
#include "transpose.inc.h"

#define TRANSPOSE_T uint16_t
#define TRANSPOSE_SIDE 8
#define TRANSPOSE(name) name##_u16
#define TRANSPOSE_LOW INTERLEAVE_LOW_8
#define TRANSPOSE_HIGH INTERLEAVE_HIGH_8
#include "transpose.inc.h"

#define TRANSPOSE_T uint32_t
#define TRANSPOSE_SIDE 4
#define TRANSPOSE(name) name##_u32
#define TRANSPOSE_LOW INTERLEAVE_LOW_4
#define TRANSPOSE_HIGH INTERLEAVE_HIGH_4
#include "transpose.inc.h"

#define TRANSPOSE_T uint64_t
#define TRANSPOSE_SIDE 2
#define TRANSPOSE(name) name##_u64
#define TRANSPOSE_LOW INTERLEAVE_LOW_2
#define TRANSPOSE_HIGH INTERLEAVE_HIGH_2
#include "transpose.inc.h"

static void transpose(char *dst, int64_t dst_stride, const char *src, int64_t src_stride, int32_t width,
                      int64_t rows, int64_t columns, bool past_caches) {
  const bool is_aligned = ((uintptr_t)dst | (uintptr_t)(dst_stride * width)) % LINE == 0;
#define CALL(suffix, T)                                                                       \
  (past_caches && is_aligned ? past_caches_##suffix : into_caches_##suffix)(                  \
      (T *)dst, dst_stride, (const T *)src, src_stride, rows, columns);                       \
  break
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
