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

// ---- Memory ahead of the tape ----------------------------------------------------------------------------
//
// Op after op, a tile reads its streams in a moment and then computes for a while. Asked for in small portions while the
// tile before it computes, its lines arrive in time.

enum { CACHE_LINE = 64 };

// What is left to ask for of a stream or a result, and how much before each op.
typedef struct ahead {
  const char *next, *end;
  int64_t portion;
  bool is_written;
} ahead;

static ahead begin_ahead(const char *from, int64_t bytes, int32_t op_count, bool is_written) {
  int64_t portion = (bytes / op_count / CACHE_LINE + 1) * CACHE_LINE;
  return (ahead){.next = from, .end = from + bytes, .portion = portion, .is_written = is_written};
}

// Lists what the next `n` elements, from `at` on, read and write in place.
static int32_t look_ahead(const blox_tile_program *program, char *const *buffers, const bool *direct, int64_t at,
                          int64_t n, ahead *list) {
  int32_t count = 0;
  for (int32_t i = 0; i < program->stream_count; i++) {
    const blox_stream *stream = &program->streams[i];
    if (!is_contiguous(stream) || stream->of_rows) continue;
    int32_t width = blox_dtype_width(stream->dtype);
    list[count++] = begin_ahead(stream_start(stream, buffers) + at * width, n * width, program->op_count, false);
  }
  for (int32_t i = 0; i < program->result_count; i++) {
    const blox_tile_result *result = &program->results[i];
    if (!direct[i] || result->of_rows) continue;
    const char *from = buffers[result->buffer] + at * result->width;
    list[count++] = begin_ahead(from, n * result->width, program->op_count, true);
  }
  return count;
}

// A line that will be written is asked for as its only owner, if the processor can.
#if defined(__x86_64__)
__attribute__((target("prfchw")))
#endif
static void ask_ahead(ahead *list, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    ahead *part = &list[i];
    const char *stop = part->end - part->next < part->portion ? part->end : part->next + part->portion;
    if (part->is_written) {
      for (const char *line = part->next; line < stop; line += CACHE_LINE) __builtin_prefetch(line, 1, 3);
    } else {
      for (const char *line = part->next; line < stop; line += CACHE_LINE) __builtin_prefetch(line, 0, 3);
    }
    part->next = stop;
  }
}

// Copies past the caches, for results that are larger than these: nothing is read for them and nothing pushed out.
static void copy_streaming(char *dst, const char *src, int64_t bytes) {
  typedef float line __attribute__((ext_vector_type(4)));
  int64_t at = 0;
  while (at < bytes && ((uintptr_t)(dst + at) & 15) != 0) dst[at] = src[at], at++;
  for (; at + (int64_t)sizeof(line) <= bytes; at += (int64_t)sizeof(line)) {
    line value;
    memcpy(&value, src + at, sizeof value);
    __builtin_nontemporal_store(value, (line *)(dst + at));
  }
  for (; at < bytes; at++) dst[at] = src[at];
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
  char *staging[program->result_count + 1];
  bool past_caches[program->result_count + 1];
  for (int32_t i = 0; i < program->result_count; i++) {
    int32_t slot = program->results[i].slot;
    staging[i] = slots[slot];
    past_caches[i] = program->results[i].streams && is_streamed(program, slot);
    // A slot without room in scratch is always written directly.
    direct[i] = !program->results[i].streams &&
                (slots[slot] == NULL ? is_computed(program, slot) : may_write_directly(program, buffers, i));
  }
  ahead list[program->stream_count + program->result_count + 1];
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
      char *to = buffers[result->buffer] + first * result->width;
      if (direct[i]) slots[result->slot] = to;
      if (past_caches[i]) slots[result->slot] = (uintptr_t)to % 64 == 0 ? to : staging[i];
    }
    int64_t upcoming = end - at - n < tile ? end - at - n : tile;
    int32_t aheads = upcoming > 0 && program->op_count > 0 ? look_ahead(program, buffers, direct, at + n, upcoming, list) : 0;
    for (int32_t i = 0; i < program->op_count; i++) {
      ask_ahead(list, aheads);
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
        case BLOX_TILE_NATIVE:
          run_native(program, op->native, slots, NULL, rows, program->row_length);
          break;
        default:
          repeat_rows(program->isa, slots[op->dst], slots[op->a], op->width, rows, program->row_length);
      }
    }
    for (int32_t i = 0; i < program->result_count; i++) {
      const blox_tile_result *result = &program->results[i];
      if (direct[i]) continue;
      int64_t first = result->of_rows ? row : at, count = result->of_rows ? rows : n;
      char *to = buffers[result->buffer] + first * result->width;
      if (slots[result->slot] == to) continue;
      if (result->streams) {
        copy_streaming(to, slots[result->slot], count * result->width);
      } else {
        memmove(to, slots[result->slot], (size_t)(count * result->width));
      }
    }
    finish_pieces(program, folds, buffers, at + n, at + n == end, scratch);
  }
  // Orders streaming stores before whatever tells another thread that they are done.
  for (int32_t i = 0; i < program->result_count; i++) {
    if (program->results[i].streams) __atomic_thread_fence(__ATOMIC_SEQ_CST);
  }
}
