// The interpreter of tile programs: for each tile, fill the slots of the streams, then run the tape.

#include "tile_fold.h"
#include "tile_streams.inc.h"

static void repeat_rows(blox_isa isa, char *dst, const char *src, int32_t width, int64_t rows, int64_t length) {
  for (int64_t row = 0; row < rows; row++) {
    blox_fill(isa, dst + row * length * width, width, blox_element_bits(src + row * width, width), length);
  }
}

// ---- The run -------------------------------------------------------------------------------------------

// Each row in a call of its own.
static void run_by_row(const blox_tile_op *op, char *const *slots, int64_t rows, int64_t length) {
  char *dst = slots[op->dst], *a = slots[op->a], *b = slots[op->b], *c = slots[op->c];
  for (int64_t row = 0; row < rows; row++) {
    op->fn(dst, a, b, c, (size_t)length);
    dst += op->steps[0], a += op->steps[1], b += op->steps[2], c += op->steps[3];
  }
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
