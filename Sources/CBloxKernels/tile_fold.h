// Reductions over the leading dimensions of a tile program's space, fed tile by tile.
#ifndef BLOX_TILE_FOLD_H
#define BLOX_TILE_FOLD_H

#include "kernel_table.h"

// What is being reduced of a piece. Levels below `depth` hold blocks that wait to be combined, and level `depth` the
// block that is being filled: `rows` whole rows of it and `column` elements of another.
typedef struct fold_state {
  int64_t column, rows, blocks, depth;
} fold_state;

// Takes the next n elements of a piece.
void blox_fold_elements(blox_isa isa, const blox_tile_fold *fold, fold_state *state, char *levels, const char *src,
                        int64_t n);
// Ends a piece: writes its result, and makes ready for another one.
void blox_fold_finish(const blox_tile_fold *fold, fold_state *state, char *levels, char *result);

#endif
