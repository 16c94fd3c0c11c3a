// What fills the slots of a tile program's streams, for the interpreter of linear spaces and that of blocks.

#include "kernel_table.h"

enum { MAX_RANK = 32 };

// Where a STRIDED stream stands: an odometer, so that no element and no tile needs a division.
typedef struct cursor {
  int64_t offset;  // of the current element, in elements
  int64_t index[MAX_RANK];
} cursor;

static void seek(cursor *at, const blox_stream *stream, int64_t position) {
  at->offset = stream->offset;
  for (int32_t d = stream->rank - 1; d >= 0; d--) {
    at->index[d] = position % stream->dims[d];
    position /= stream->dims[d];
    at->offset += at->index[d] * stream->strides[d];
  }
}

#define GATHER(T)                                                              \
  do {                                                                         \
    T *d = (T *)dst;                                                           \
    const T *s = (const T *)src;                                               \
    for (int64_t i = 0; i < count; i++) d[i] = s[i * stride];                  \
  } while (0)

static void gather_run(char *dst, const char *src, int32_t width, int64_t count, int64_t stride) {
  if (stride == 1) {
    memcpy(dst, src, (size_t)(count * width));
    return;
  }
  switch (width) {
    case 1: GATHER(uint8_t); break;
    case 2: GATHER(uint16_t); break;
    case 4: GATHER(uint32_t); break;
    default: GATHER(uint64_t); break;
  }
}

static void fill_strided(blox_isa isa, cursor *at, const blox_stream *stream, const char *buffer, int32_t width,
                         char *dst, int64_t n) {
  int32_t rank = stream->rank;
  if (rank == 0) {
    blox_fill(isa, dst, width, blox_element_bits(buffer + at->offset * width, width), n);
    return;
  }
  const int64_t *dims = stream->dims, *strides = stream->strides;
  int64_t stride = strides[rank - 1], length = dims[rank - 1];
  while (n > 0) {
    int64_t run = length - at->index[rank - 1];
    run = run < n ? run : n;
    const char *src = buffer + at->offset * width;
    if (stride == 0) {
      blox_fill(isa, dst, width, blox_element_bits(src, width), run);
    } else {
      gather_run(dst, src, width, run, stride);
    }
    dst += run * width;
    n -= run;
    at->offset += run * stride;
    at->index[rank - 1] += run;
    for (int32_t d = rank - 1; d >= 0 && at->index[d] == dims[d]; d--) {
      at->offset -= dims[d] * strides[d];
      at->index[d] = 0;
      if (d == 0) break;
      at->index[d - 1]++;
      at->offset += strides[d - 1];
    }
  }
}

// ---- Iota ----------------------------------------------------------------------------------------------

// first, first + 1, ... as elements of dtype.
static void fill_ramp(blox_isa isa, int32_t dtype, int64_t first, char *dst, int64_t n) {
  enum { BLOCK = 256 };
  int64_t ramp[BLOCK];
  blox_tile_fn convert = blox_kernels(isa)->convert[BLOX_I64][dtype];
  for (int64_t at = 0; at < n; at += BLOCK) {
    int64_t count = n - at < BLOCK ? n - at : BLOCK;
    for (int64_t i = 0; i < count; i++) ramp[i] = first + at + i;
    convert(dst + at * blox_dtype_width(dtype), ramp, NULL, NULL, (size_t)count);
  }
}

static void fill_iota(blox_isa isa, const blox_stream *stream, int64_t position, char *dst, int64_t n) {
  int64_t inner = 1, extent = stream->dims[stream->axis];
  for (int32_t d = stream->axis + 1; d < stream->rank; d++) inner *= stream->dims[d];
  int32_t width = blox_dtype_width(stream->dtype);
  int64_t value = position / inner % extent, left = inner - position % inner;
  while (n > 0) {
    int64_t run;
    if (inner == 1) {
      run = extent - value < n ? extent - value : n;
      fill_ramp(isa, stream->dtype, value, dst, run);
      value = 0;
    } else {
      run = left < n ? left : n;
      char one[8];
      fill_ramp(isa, stream->dtype, value, one, 1);
      blox_fill(isa, dst, width, blox_element_bits(one, width), run);
      value = value + 1 == extent ? 0 : value + 1;
      left = inner;
    }
    dst += run * width;
    n -= run;
  }
}

static inline bool is_contiguous(const blox_stream *stream) { return stream->kind == BLOX_STREAM_CONTIGUOUS; }

static inline char *stream_start(const blox_stream *stream, char *const *buffers) {
  return buffers[stream->buffer] + stream->offset * blox_dtype_width(stream->dtype);
}

static inline bool op_touches(const blox_tile_op *op, int32_t slot, bool writes) {
  if (op->kind != BLOX_TILE_NATIVE) {
    return writes ? op->dst == slot : op->a == slot || op->b == slot || op->c == slot;
  }
  for (int32_t i = 0; i < op->native->slot_count; i++) {
    const blox_native_slot *touched = &op->native->slots[i];
    if (touched->slot == slot && (touched->is_written != 0) == writes) return true;
  }
  return false;
}

static inline bool op_writes(const blox_tile_op *op, int32_t slot) { return op_touches(op, slot, true); }
static inline bool op_reads(const blox_tile_op *op, int32_t slot) { return op_touches(op, slot, false); }

// Whether machine code writes a slot past the caches.
static inline bool is_streamed(const blox_tile_program *program, int32_t slot) {
  for (int32_t i = 0; i < program->op_count; i++) {
    const blox_tile_native *native = program->ops[i].kind == BLOX_TILE_NATIVE ? program->ops[i].native : NULL;
    for (int32_t s = 0; native && s < native->slot_count; s++) {
      if (native->slots[s].slot == slot && native->slots[s].is_streamed) return true;
    }
  }
  return false;
}

// Machine code over some rows. `pitches` are the elements from row to row of each slot; without, those of a row.
static void run_native(const blox_tile_program *program, const blox_tile_native *native, char *const *slots,
                       const int64_t *pitches, int64_t rows, int64_t columns) {
  bool whole = !native->by_row;
  for (int32_t i = 0; pitches && i < native->slot_count; i++) {
    const blox_native_slot *touched = &native->slots[i];
    whole = whole && (touched->step != BLOX_STEP_ELEMENTS || pitches[touched->slot] == columns);
  }
  if (whole || rows == 1) {
    native->fn(slots, rows * columns);
    return;
  }
  char *at[program->slot_count];
  int64_t steps[native->slot_count];
  for (int32_t i = 0; i < native->slot_count; i++) {
    const blox_native_slot *touched = &native->slots[i];
    int64_t pitch = pitches ? pitches[touched->slot] : columns;
    steps[i] = touched->step == BLOX_STEP_ROW ? 0 : touched->width * (touched->step == BLOX_STEP_ROWS ? 1 : pitch);
  }
  for (int64_t row = 0; row < rows; row++) {
    for (int32_t i = 0; i < native->slot_count; i++) {
      int32_t slot = native->slots[i].slot;
      at[slot] = slots[slot] + row * steps[i];
    }
    native->fn(at, columns);
  }
}

// Whether a micro-op produces the slot; otherwise it is a stream or a constant, and its result is a copy.
static inline bool is_computed(const blox_tile_program *program, int32_t slot) {
  for (int32_t i = 0; i < program->op_count; i++) {
    if (op_writes(&program->ops[i], slot)) return true;
  }
  return false;
}

// Whether a result may be written while the tile runs. Not if its memory is that of a CONTIGUOUS stream that is
// still read after the first write, by a later micro-op or by the copy of another result.
static inline bool may_write_directly(const blox_tile_program *program, char *const *buffers, int32_t index) {
  const blox_tile_result *result = &program->results[index];
  if (!is_computed(program, result->slot)) return false;
  if (result->buffer < 0) return true;
  for (int32_t i = 0; i < index; i++) {
    if (program->results[i].slot == result->slot) return false;
  }
  for (int32_t s = 0; s < program->stream_count; s++) {
    const blox_stream *stream = &program->streams[s];
    if (!is_contiguous(stream) || stream_start(stream, buffers) != buffers[result->buffer]) continue;
    bool written = false;
    for (int32_t i = 0; i < program->op_count; i++) {
      const blox_tile_op *op = &program->ops[i];
      if (written && op_reads(op, stream->slot)) return false;
      written = written || op_writes(op, result->slot);
    }
    for (int32_t i = 0; i < program->result_count; i++) {
      if (program->results[i].slot == stream->slot) return false;
    }
  }
  return true;
}
