// Gather and scatter: windows of an operand at places that an array of index vectors says.

#include "kernel_table.h"

enum { MAX_RANK = 32 };

static int64_t read_index(const char *p, int32_t width, bool is_signed) {
  uint64_t bits = blox_element_bits(p, width);
  if (!is_signed) return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
  int32_t shift = 64 - 8 * width;
  return (int64_t)(bits << shift) >> shift;
}

// The offset in the operand of the window of one index vector; false where it is left out.
static bool window_offset(const blox_windows *w, const char *vector, int64_t *offset) {
  bool inside = true;
  for (int32_t k = 0; k < w->index_count; k++) {
    int64_t start = read_index(vector + k * w->index_width, w->index_width, w->index_signed);
    if (start < 0 || start > w->limits[k]) {
      inside = false;
      start = start < 0 ? 0 : w->limits[k];
    }
    *offset += start * w->index_strides[k];
  }
  return inside || !w->drops;
}

// Where the batch element of a number is: its index vector, its part of the operand, its window in the result.
typedef struct batch_cursor {
  int64_t index[MAX_RANK];
  int64_t vector, operand, result;
} batch_cursor;

static void seek_batch(const blox_windows *w, int64_t position, batch_cursor *at) {
  at->vector = position * w->index_count;
  at->operand = at->result = 0;
  for (int32_t d = w->batch_rank - 1; d >= 0; d--) {
    at->index[d] = position % w->batch_dims[d];
    position /= w->batch_dims[d];
    at->operand += at->index[d] * w->batch_operand_strides[d];
    at->result += at->index[d] * w->batch_result_strides[d];
  }
}

static void next_batch(const blox_windows *w, batch_cursor *at) {
  at->vector += w->index_count;
  for (int32_t d = w->batch_rank - 1; d >= 0; d--) {
    at->operand += w->batch_operand_strides[d];
    at->result += w->batch_result_strides[d];
    if (++at->index[d] < w->batch_dims[d]) return;
    at->operand -= w->batch_dims[d] * w->batch_operand_strides[d];
    at->result -= w->batch_dims[d] * w->batch_result_strides[d];
    at->index[d] = 0;
  }
}

// ---- One window ------------------------------------------------------------------------------------------

#define MOVE(T)                                                                                           \
  do {                                                                                                    \
    for (int64_t i = 0; i < n; i++) ((T *)dst)[i * dst_stride] = ((const T *)src)[i * src_stride];        \
  } while (0)

static void move_run(char *dst, const char *src, int32_t width, int64_t n, int64_t dst_stride, int64_t src_stride) {
  if (dst_stride == 1 && src_stride == 1 && n > 1) {
    memcpy(dst, src, (size_t)(n * width));
    return;
  }
  switch (width) {
    case 1: MOVE(uint8_t); break;
    case 2: MOVE(uint16_t); break;
    case 4: MOVE(uint32_t); break;
    default: MOVE(uint64_t); break;
  }
}

static void combine_run(blox_tile_fn combine, char *dst, const char *src, int32_t width, int64_t n, int64_t dst_stride,
                        int64_t src_stride) {
  if (dst_stride == 1 && src_stride == 1) {
    combine(dst, dst, src, NULL, (size_t)n);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    char *element = dst + i * dst_stride * width;
    combine(element, element, src + i * src_stride * width, NULL, 1);
  }
}

// Walks through a window; `dst` is NULL-free, `src` may be NULL to fill with the first element of `fill`.
static void move_window(char *dst, const char *src, int32_t width, int32_t rank, const int64_t *dims,
                        const int64_t *dst_strides, const int64_t *src_strides, blox_tile_fn combine,
                        const char *fill) {
  int64_t index[MAX_RANK] = {0};
  int64_t n = rank == 0 ? 1 : dims[rank - 1];
  int64_t dst_stride = rank == 0 ? 1 : dst_strides[rank - 1], src_stride = rank == 0 ? 1 : src_strides[rank - 1];
  for (;;) {
    if (fill) {
      move_run(dst, fill, width, n, dst_stride, 0);
    } else if (combine) {
      combine_run(combine, dst, src, width, n, dst_stride, src_stride);
    } else {
      move_run(dst, src, width, n, dst_stride, src_stride);
    }
    int32_t d = rank - 2;
    for (; d >= 0; d--) {
      dst += dst_strides[d] * width;
      src += fill ? 0 : src_strides[d] * width;
      if (++index[d] < dims[d]) break;
      dst -= dims[d] * dst_strides[d] * width;
      src -= fill ? 0 : dims[d] * src_strides[d] * width;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

// ---- All windows -----------------------------------------------------------------------------------------

void blox_gather(const blox_windows *w, char *dst, const char *src, const char *indices, const char *fill, int64_t start,
                 int64_t end) {
  batch_cursor at;
  seek_batch(w, start, &at);
  for (int64_t i = start; i < end; i++, next_batch(w, &at)) {
    int64_t offset = at.operand;
    bool inside = window_offset(w, indices + at.vector * w->index_width, &offset);
    move_window(dst + at.result * w->width, inside ? src + offset * w->width : src, w->width, w->window_rank,
                w->window_dims, w->result_strides, w->operand_strides, NULL, inside ? NULL : fill);
  }
}

void blox_scatter(const blox_windows *w, char *dst, const char *updates, const char *indices, blox_tile_fn combine,
                  int64_t start, int64_t end) {
  // A part of the outermost dimension of every window, so that threads write different elements in the same order.
  int64_t dims[MAX_RANK];
  for (int32_t d = 0; d < w->window_rank; d++) dims[d] = w->window_dims[d];
  int64_t first = 0, first_update = 0, batches = 1;
  if (w->window_rank > 0) {
    dims[0] = end - start;
    first = start * w->operand_strides[0];
    first_update = start * w->result_strides[0];
  }
  for (int32_t d = 0; d < w->batch_rank; d++) batches *= w->batch_dims[d];
  batch_cursor at;
  seek_batch(w, 0, &at);
  for (int64_t i = 0; i < batches; i++, next_batch(w, &at)) {
    int64_t offset = at.operand;
    if (!window_offset(w, indices + at.vector * w->index_width, &offset)) continue;
    move_window(dst + (offset + first) * w->width, updates + (at.result + first_update) * w->width, w->width,
                w->window_rank, dims, w->operand_strides, w->result_strides, combine, NULL);
  }
}
