// The interpreter of tile programs over a block of a matrix: what follows a product, on each finished block of it.
//
// The space is a matrix whose rows are `stride` elements long, and a block is `columns` of each of some rows. Tensors
// of the space lie in memory with that stride, slots in scratch without gaps. A micro-op whose operands all lie without
// gaps runs over all elements of a tile at once; others run row by row. A program that makes an operand of a product
// (gemm_float.inc.h packs it) writes the block where others have what they read of a product.

#include "tile_streams.inc.h"

// Where a result lies from row `row` of the block on, and the elements from row to row.
static char *result_start(const blox_tile_result *result, char *const *buffers, const blox_tile_block *block,
                          int64_t row) {
  if (result->buffer < 0) return block->product + row * block->product_stride * result->width;
  return buffers[result->buffer] + (block->start + row * block->stride) * result->width;
}

static int64_t result_pitch(const blox_tile_result *result, const blox_tile_block *block) {
  return result->buffer < 0 ? block->product_stride : block->stride;
}

// Elements from row to row of what a slot holds while the block runs.
static void find_pitches(const blox_tile_program *program, const blox_tile_block *block, const bool *direct,
                         int64_t *pitches) {
  for (int32_t i = 0; i < program->slot_count; i++) pitches[i] = block->columns;
  for (int32_t i = 0; i < program->stream_count; i++) {
    const blox_stream *stream = &program->streams[i];
    if (stream->kind == BLOX_STREAM_CONTIGUOUS) pitches[stream->slot] = block->stride;
    if (stream->kind == BLOX_STREAM_ROW) pitches[stream->slot] = 0;
    if (stream->kind == BLOX_STREAM_PRODUCT) pitches[stream->slot] = block->product_stride;
  }
  for (int32_t i = 0; i < program->result_count; i++) {
    if (direct[i]) pitches[program->results[i].slot] = result_pitch(&program->results[i], block);
  }
}

// A micro-op over `rows` rows. Its steps are those of whole rows of the program.
static void run_op(const blox_tile_program *program, const blox_tile_op *op, char *const *slots,
                   const int64_t *pitches, int64_t rows, int64_t columns) {
  if (op->kind == BLOX_TILE_NATIVE) {
    run_native(program, op->native, slots, pitches, rows, columns);
    return;
  }
  const int32_t operands[4] = {op->dst, op->a, op->b, op->c};
  int64_t steps[4];
  bool whole = true;
  for (int i = 0; i < 4; i++) {
    int64_t pitch = operands[i] < 0 ? columns : pitches[operands[i]];
    // The step of a row that is read again and again is zero already.
    steps[i] = op->steps[i] / program->row_length * pitch;
    whole = whole && pitch == columns;
  }
  char *dst = slots[op->dst], *a = slots[op->a], *b = slots[op->b], *c = slots[op->c];
  if (whole || rows == 1) {
    op->fn(dst, a, b, c, (size_t)(rows * columns));
    return;
  }
  for (int64_t row = 0; row < rows; row++) {
    op->fn(dst, a, b, c, (size_t)columns);
    dst += steps[0], a += steps[1], b += steps[2], c += steps[3];
  }
}

// Fills the slot of a stream that is not read in place, from `first` on: of whole rows at once.
static void fill_stream(const blox_tile_program *program, const blox_stream *stream, char *const *buffers, char *dst,
                        int64_t first, int64_t count) {
  int32_t width = blox_dtype_width(stream->dtype);
  switch (stream->kind) {
    case BLOX_STREAM_STRIDED: {
      cursor at;
      seek(&at, stream, first);
      fill_strided(program->isa, &at, stream, buffers[stream->buffer], width, dst, count);
      break;
    }
    case BLOX_STREAM_IOTA: fill_iota(program->isa, stream, first, dst, count); break;
    case BLOX_STREAM_RANDOM_BITS: {
      const uint32_t *keys = (const uint32_t *)buffers[stream->buffer] + 2 * stream->offset;
      blox_random_bits(program->isa, keys, stream->lane, width, first, first + count, dst);
      break;
    }
    default: break;
  }
}

// Elements that are asked of memory between micro-ops: of more lines at a time some are never fetched.
enum { ASKED_AT_ONCE = 1024 };

// Asks memory for rows of `bytes` bytes.
static void ask_for_rows(const char *from, int64_t rows, int64_t bytes, int64_t stride) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + r * stride + at, 0, 3);
  }
}

// Sets or fills the slots of the streams for `rows` rows from row `row` of the block on.
static void run_streams(const blox_tile_program *program, char *const *buffers, const blox_tile_block *block,
                        char **slots, int64_t row, int64_t rows) {
  const int64_t first = block->start + row * block->stride;
  for (int32_t i = 0; i < program->stream_count; i++) {
    const blox_stream *stream = &program->streams[i];
    int32_t width = blox_dtype_width(stream->dtype);
    char **slot = &slots[stream->slot];
    switch (stream->kind) {
      case BLOX_STREAM_PRODUCT: *slot = block->product + row * block->product_stride * width; break;
      case BLOX_STREAM_CONTIGUOUS:
        *slot = stream_start(stream, buffers) + first * width;
        if (block->ahead) ask_for_rows(*slot + block->ahead * width, rows, block->columns * width, block->stride * width);
        break;
      case BLOX_STREAM_ROW:
        *slot = stream_start(stream, buffers) + block->start % program->row_length * width;
        break;
      default: {
        bool whole = block->columns == block->stride;
        int64_t count = whole ? rows * block->columns : block->columns;
        for (int64_t r = 0; r < (whole ? 1 : rows); r++) {
          fill_stream(program, stream, buffers, *slot + r * count * width, first + r * block->stride, count);
        }
      }
    }
  }
}

void blox_tile_run_block(const blox_tile_program *program, char *const *buffers, const blox_tile_block *block,
                         char *scratch) {
  if (block->rows <= 0 || block->columns <= 0) return;
  const int64_t columns = block->columns;
  int64_t tile_rows = program->tile / columns;
  if (tile_rows > block->rows) tile_rows = block->rows;
  if (block->ahead && tile_rows * columns > ASKED_AT_ONCE) {
    tile_rows = columns > ASKED_AT_ONCE ? 1 : ASKED_AT_ONCE / columns;
  }
  char *slot_storage[program->slot_count + 1];
  char **slots = slot_storage + 1;
  slots[-1] = NULL;  // operands that are not used
  for (int32_t i = 0; i < program->slot_count; i++) {
    slots[i] = program->slot_offsets[i] < 0 ? NULL : scratch + program->slot_offsets[i];
  }
  for (int32_t i = 0; i < program->constant_count; i++) {
    const blox_tile_constant *constant = &program->constants[i];
    blox_fill(program->isa, slots[constant->slot], constant->width, constant->bits, tile_rows * columns);
  }
  bool direct[program->result_count + 1];
  for (int32_t i = 0; i < program->result_count; i++) {
    int32_t slot = program->results[i].slot;
    // A slot without room in scratch is always written directly.
    direct[i] = slots[slot] == NULL ? is_computed(program, slot) : may_write_directly(program, buffers, i);
  }
  int64_t pitches[program->slot_count + 1];
  find_pitches(program, block, direct, pitches);

  for (int64_t row = 0; row < block->rows; row += tile_rows) {
    int64_t rows = block->rows - row < tile_rows ? block->rows - row : tile_rows;
    run_streams(program, buffers, block, slots, row, rows);
    for (int32_t i = 0; i < program->result_count; i++) {
      const blox_tile_result *result = &program->results[i];
      if (direct[i]) slots[result->slot] = result_start(result, buffers, block, row);
    }
    for (int32_t i = 0; i < program->op_count; i++) {
      run_op(program, &program->ops[i], slots, pitches, rows, columns);
    }
    for (int32_t i = 0; i < program->result_count; i++) {
      const blox_tile_result *result = &program->results[i];
      if (direct[i]) continue;
      char *to = result_start(result, buffers, block, row);
      for (int64_t r = 0; r < rows; r++) {
        memmove(to + r * result_pitch(result, block) * result->width,
                slots[result->slot] + r * pitches[result->slot] * result->width, (size_t)(columns * result->width));
      }
    }
  }
}
