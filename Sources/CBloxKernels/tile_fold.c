// Reductions over leading dimensions inside regions: elements are added to columns of sums while their tile is in cache.
//
// The tree is that of reduce.inc.h, so a reduction has the same bits inside a region and outside, and a tile may end
// anywhere. Columns: blocks of 32 rows, combined pairwise like the carries of a binary counter. Without columns
// (`inner` is 1): the lanes of a vector are the columns, blocks have 1024 elements, and the lanes of a whole block are
// folded before it is combined with others.

#include "tile_fold.h"

// The columns of a block while it is filled, and how many rows of them it takes.
static int64_t block_columns(int64_t inner, int64_t width) { return inner == 1 ? BLOX_LANE_BYTES / width : inner; }
static int64_t block_rows(int64_t inner, int64_t width) {
  return inner == 1 ? BLOX_ROW_BLOCK / block_columns(inner, width) : BLOX_COLUMN_BLOCK;
}

static int64_t level_bytes(int64_t inner, int64_t width) {
  return (block_columns(inner, width) * width + 63) / 64 * 64;
}

int64_t blox_fold_bytes(int64_t inner, int64_t piece, int32_t width) {
  int64_t block = block_columns(inner, width) * block_rows(inner, width);
  // As many levels as the number of blocks has bits, and one for the block that is being filled.
  int64_t depth = 1;
  for (int64_t blocks = (piece + block - 1) / block; blocks > 0; blocks >>= 1) depth++;
  return depth * level_bytes(inner, width);
}

static void end_block(const blox_tile_fold *fold, fold_state *state, char *levels) {
  int64_t step = level_bytes(fold->inner, fold->width);
  if (fold->inner == 1) {
    char *level = levels + state->depth * step;
    fold->reduce(level, level, 1, block_columns(1, fold->width));
  }
  state->depth++;
  for (int64_t carry = state->blocks++; carry & 1; carry >>= 1) {
    state->depth--;
    fold->accumulate(levels + (state->depth - 1) * step, levels + state->depth * step, 1, 0, fold->inner);
  }
  state->rows = state->column = 0;
}

void blox_fold_elements(blox_isa isa, const blox_tile_fold *fold, fold_state *state, char *levels, const char *src,
                        int64_t n) {
  int64_t columns = block_columns(fold->inner, fold->width), limit = block_rows(fold->inner, fold->width);
  int64_t step = level_bytes(fold->inner, fold->width);
  while (n > 0) {
    char *level = levels + state->depth * step;
    if (state->rows == 0 && state->column == 0) blox_fill(isa, level, fold->width, fold->identity, columns);
    int64_t taken;
    if (state->column == 0 && n >= columns) {
      int64_t rows = n / columns;
      if (rows > limit - state->rows) rows = limit - state->rows;
      fold->accumulate(level, src, rows, columns, columns);
      state->rows += rows;
      taken = rows * columns;
    } else {
      taken = columns - state->column < n ? columns - state->column : n;
      fold->accumulate(level + state->column * fold->width, src, 1, 0, taken);
      state->column += taken;
      if (state->column == columns) {
        state->rows++;
        state->column = 0;
      }
    }
    src += taken * fold->width;
    n -= taken;
    if (state->rows == limit) end_block(fold, state, levels);
  }
}

void blox_fold_finish(const blox_tile_fold *fold, fold_state *state, char *levels, char *result) {
  int64_t step = level_bytes(fold->inner, fold->width);
  if (state->rows > 0 || state->column > 0) end_block(fold, state, levels);
  for (; state->depth > 1; state->depth--) {
    fold->accumulate(levels + (state->depth - 2) * step, levels + (state->depth - 1) * step, 1, 0, fold->inner);
  }
  memcpy(result, levels, (size_t)(fold->inner * fold->width));
  *state = (fold_state){0};
}
