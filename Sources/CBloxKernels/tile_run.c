// The interpreter of tile programs: for each tile, fill the slots of the streams, then run the tape.

#include "tile_fold.h"

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

static void repeat_rows(blox_isa isa, char *dst, const char *src, int32_t width, int64_t rows, int64_t length) {
  for (int64_t row = 0; row < rows; row++) {
    blox_fill(isa, dst + row * length * width, width, blox_element_bits(src + row * width, width), length);
  }
}

// ---- The run -------------------------------------------------------------------------------------------

static bool is_contiguous(const blox_stream *stream) { return stream->kind == BLOX_STREAM_CONTIGUOUS; }

// Each row in a call of its own.
static void run_by_row(const blox_tile_op *op, char *const *slots, int64_t rows, int64_t length) {
  char *dst = slots[op->dst], *a = slots[op->a], *b = slots[op->b], *c = slots[op->c];
  for (int64_t row = 0; row < rows; row++) {
    op->fn(dst, a, b, c, (size_t)length);
    dst += op->steps[0], a += op->steps[1], b += op->steps[2], c += op->steps[3];
  }
}

static char *stream_start(const blox_stream *stream, char *const *buffers) {
  return buffers[stream->buffer] + stream->offset * blox_dtype_width(stream->dtype);
}

// Whether a micro-op produces the slot; otherwise it is a stream or a constant, and its result is a copy.
static bool is_computed(const blox_tile_program *program, int32_t slot) {
  for (int32_t i = 0; i < program->op_count; i++) {
    if (program->ops[i].dst == slot) return true;
  }
  return false;
}

// Whether a result may be written while the tile runs. Not if its memory is that of a CONTIGUOUS stream that is
// still read after the first write, by a later micro-op or by the copy of another result.
static bool may_write_directly(const blox_tile_program *program, char *const *buffers, int32_t index) {
  const blox_tile_result *result = &program->results[index];
  if (!is_computed(program, result->slot)) return false;
  for (int32_t i = 0; i < index; i++) {
    if (program->results[i].slot == result->slot) return false;
  }
  for (int32_t s = 0; s < program->stream_count; s++) {
    const blox_stream *stream = &program->streams[s];
    if (!is_contiguous(stream) || stream_start(stream, buffers) != buffers[result->buffer]) continue;
    bool written = false;
    for (int32_t i = 0; i < program->op_count; i++) {
      const blox_tile_op *op = &program->ops[i];
      if (written && (op->a == stream->slot || op->b == stream->slot || op->c == stream->slot)) return false;
      written = written || op->dst == result->slot;
    }
    for (int32_t i = 0; i < program->result_count; i++) {
      if (program->results[i].slot == stream->slot) return false;
    }
  }
  return true;
}

// How many of the next elements stay within the pieces of all folds.
static int64_t until_piece_ends(const blox_tile_program *program, int64_t at, int64_t n) {
  for (int32_t i = 0; i < program->fold_count; i++) {
    int64_t piece = program->folds[i].piece, left = piece - at % piece;
    n = left < n ? left : n;
  }
  return n;
}

static void finish_pieces(const blox_tile_program *program, fold_state *states, char *const *buffers, int64_t at,
                          bool is_end, char *scratch) {
  for (int32_t i = 0; i < program->fold_count; i++) {
    const blox_tile_fold *fold = &program->folds[i];
    if (at % fold->piece != 0 && !is_end) continue;
    int64_t index = (at - 1) / fold->piece;
    blox_fold_finish(fold, &states[i], scratch + fold->levels,
                     buffers[fold->buffer] + index * fold->inner * fold->width);
  }
}

void blox_tile_run(const blox_tile_program *program, char *const *buffers, int64_t start, int64_t end, char *scratch) {
  if (start >= end) return;
  int64_t tile = program->tile < end - start ? program->tile : end - start;
  char *slot_storage[program->slot_count + 1];
  char **slots = slot_storage + 1;
  slots[-1] = NULL;  // operands that are not used
  for (int32_t i = 0; i < program->slot_count; i++) {
    slots[i] = program->slot_offsets[i] < 0 ? NULL : scratch + program->slot_offsets[i];
  }
  for (int32_t i = 0; i < program->constant_count; i++) {
    const blox_tile_constant *constant = &program->constants[i];
    blox_fill(program->isa, slots[constant->slot], constant->width, constant->bits, tile);
  }
  cursor cursors[program->stream_count + 1];
  for (int32_t i = 0; i < program->stream_count; i++) {
    const blox_stream *stream = &program->streams[i];
    if (stream->kind != BLOX_STREAM_STRIDED) continue;
    seek(&cursors[i], stream, stream->of_rows ? start / program->row_length : start);
  }
  bool direct[program->result_count + 1];
  for (int32_t i = 0; i < program->result_count; i++) {
    int32_t slot = program->results[i].slot;
    // A slot without room in scratch is always written directly.
    direct[i] = slots[slot] == NULL ? is_computed(program, slot) : may_write_directly(program, buffers, i);
  }
  fold_state folds[program->fold_count + 1];
  memset(folds, 0, sizeof folds);

  for (int64_t at = start, n; at < end; at += n) {
    n = until_piece_ends(program, at, end - at < tile ? end - at : tile);
    int64_t row = at / program->row_length, rows = n / program->row_length;
    for (int32_t i = 0; i < program->stream_count; i++) {
      const blox_stream *stream = &program->streams[i];
      int64_t first = stream->of_rows ? row : at, count = stream->of_rows ? rows : n;
      int32_t width = blox_dtype_width(stream->dtype);
      switch (stream->kind) {
        case BLOX_STREAM_CONTIGUOUS:
          slots[stream->slot] = stream_start(stream, buffers) + first * width;
          break;
        case BLOX_STREAM_ROW:
          slots[stream->slot] = stream_start(stream, buffers);
          break;
        case BLOX_STREAM_STRIDED:
          fill_strided(program->isa, &cursors[i], stream, buffers[stream->buffer], width, slots[stream->slot], count);
          break;
        case BLOX_STREAM_IOTA:
          fill_iota(program->isa, stream, first, slots[stream->slot], count);
          break;
        default: {
          const uint32_t *keys = (const uint32_t *)buffers[stream->buffer] + 2 * stream->offset;
          blox_random_bits(program->isa, keys, stream->lane, width, first, first + count, slots[stream->slot]);
        }
      }
    }
    for (int32_t i = 0; i < program->result_count; i++) {
      const blox_tile_result *result = &program->results[i];
      int64_t first = result->of_rows ? row : at;
      if (direct[i]) slots[result->slot] = buffers[result->buffer] + first * result->width;
    }
    for (int32_t i = 0; i < program->op_count; i++) {
      const blox_tile_op *op = &program->ops[i];
      switch (op->kind) {
        case BLOX_TILE_ELEMENTS:
          op->fn(slots[op->dst], slots[op->a], slots[op->b], slots[op->c], (size_t)n);
          break;
        case BLOX_TILE_BY_ROW:
          run_by_row(op, slots, rows, program->row_length);
          break;
        case BLOX_TILE_ROWS:
          op->fn(slots[op->dst], slots[op->a], slots[op->b], slots[op->c], (size_t)rows);
          break;
        case BLOX_TILE_REDUCE:
          op->reduce(slots[op->dst], slots[op->a], rows, program->row_length);
          break;
        case BLOX_TILE_FOLD: {
          const blox_tile_fold *fold = &program->folds[op->fold];
          blox_fold_elements(program->isa, fold, &folds[op->fold], scratch + fold->levels, slots[op->a], n);
          break;
        }
        default:
          repeat_rows(program->isa, slots[op->dst], slots[op->a], op->width, rows, program->row_length);
      }
    }
    for (int32_t i = 0; i < program->result_count; i++) {
      const blox_tile_result *result = &program->results[i];
      if (direct[i]) continue;
      int64_t first = result->of_rows ? row : at, count = result->of_rows ? rows : n;
      memmove(buffers[result->buffer] + first * result->width, slots[result->slot], (size_t)(count * result->width));
    }
    finish_pieces(program, folds, buffers, at + n, at + n == end, scratch);
  }
}
