// The functions that each instruction set provides, indexed by the enumerations of the public header.
#ifndef BLOX_KERNEL_TABLE_H
#define BLOX_KERNEL_TABLE_H

#include <string.h>

#include "CBloxKernels.h"

enum { UNARY_COUNT = 38, BINARY_COUNT = 16, COMPARE_COUNT = 6, PAIR_COUNT = 6, DTYPE_COUNT = 14, REDUCE_COUNT = 7, CUMULATIVE_COUNT = 5 };

typedef void (*blox_gemm_fn)(blox_gemm_path path, const blox_gemm_args *args, void *scratch);
typedef void (*blox_gemm_pack_fn)(const void *b, const blox_gemm_maker *made_b, int64_t b_row, int64_t b_column,
                                  int64_t k, int64_t n, void *panels);

/// What the choice of a path and the size of the scratch depend on; zeros when there is no packed path.
typedef struct blox_gemm_blocking {
  int32_t width;            // bytes per element
  int32_t mr, nr;           // rows and columns of the micro-kernel
  int32_t kc, mc, nc;       // cache blocks; mc is a multiple of mr, nc of nr
  int64_t small_products;   // largest m * n * k that is computed without packing
} blox_gemm_blocking;

/// A part of the elements that windows have under one tap: `positions` rows of `channels` dense elements.
typedef struct blox_pool_run {
  int64_t positions, channels;
  int64_t dst_step, src_step;  // from row to row, in elements
} blox_pool_run;

/// A run for folds, and what they begin with.
typedef struct blox_pool_fold {
  blox_pool_run run;
  bool starts;
  uint64_t identity;
  int64_t ahead;      // how far behind each source lies what is asked of memory, in bytes
  uint32_t asks;      // for which sources: a bit each
} blox_pool_fold;

enum { BLOX_POOL_TAPS = 32 };

/// The taps of a window, as offsets in elements, and which of them a part of the work writes.
typedef struct blox_pool_taps {
  int64_t count;
  int64_t offsets[BLOX_POOL_TAPS];
  bool writes[BLOX_POOL_TAPS];
} blox_pool_taps;

/// Adds each window's element of the source where x is extreme. Source steps by dst_step, result and x by src_step.
typedef void (*blox_pool_scatter_fn)(void *result, const void *source, const void *x, const blox_pool_taps *taps,
                                     const blox_pool_run *run);
/// Folds 1, 2 or 4 sources into dst, which is not read where the run starts windows.
typedef void (*blox_pool_fold_fn)(void *dst, const void *const *sources, int64_t count, const blox_pool_fold *fold);
typedef void (*blox_pool_value_fn)(void *best, void *value, const void *tangent, const void *x,
                                   const blox_pool_run *run);
typedef void (*blox_pool_place_fn)(void *best, int32_t *place, int32_t tap, const void *x, const blox_pool_run *run);
typedef void (*blox_pool_add_fn)(void *result, const void *source, const int32_t *place, int32_t tap,
                                 const blox_pool_run *run);

typedef struct blox_kernel_table {
  blox_tile_fn unary[UNARY_COUNT][DTYPE_COUNT];
  blox_tile_fn binary[BINARY_COUNT][DTYPE_COUNT];
  blox_tile_fn compare[COMPARE_COUNT][DTYPE_COUNT];
  blox_tile_fn select[DTYPE_COUNT];
  blox_tile_fn clamp[DTYPE_COUNT];
  blox_tile_fn fma[DTYPE_COUNT];
  blox_tile_fn pair[PAIR_COUNT][DTYPE_COUNT];
  blox_tile_fn convert[DTYPE_COUNT][DTYPE_COUNT];  // [from][to]
  blox_reduce_rows_fn reduce_rows[REDUCE_COUNT][DTYPE_COUNT];
  blox_reduce_columns_fn reduce_columns[REDUCE_COUNT][DTYPE_COUNT];
  blox_accumulate_fn accumulate[REDUCE_COUNT][DTYPE_COUNT];
  blox_arg_reduce_fn arg_max[DTYPE_COUNT];
  blox_arg_reduce_fn arg_min[DTYPE_COUNT];
  blox_pool_fold_fn pool_fold[REDUCE_COUNT][DTYPE_COUNT];
  blox_pool_value_fn pool_value[2][DTYPE_COUNT];  // [largest, smallest]
  blox_pool_place_fn pool_place[2][DTYPE_COUNT];
  blox_pool_add_fn pool_add[DTYPE_COUNT];
  blox_pool_scatter_fn pool_scatter[2][DTYPE_COUNT];
  blox_cumulative_fn cumulative[CUMULATIVE_COUNT][DTYPE_COUNT];
  void (*sort)(const blox_order *order, char *const *buffers, int64_t start, int64_t end, char *scratch);
  void (*top_k)(const blox_order *order, char *const *buffers, int64_t start, int64_t end, char *scratch);
  /// dst[i] = the element of `bits`, `width` bytes, for i in 0 ..< count.
  void (*fill)(char *dst, int32_t width, uint64_t bits, int64_t count);
  void (*random_bits)(const uint32_t *keys, int64_t lane, int32_t width, int64_t start, int64_t end, void *dst);
  blox_gemm_fn gemm[DTYPE_COUNT];
  blox_gemm_pack_fn gemm_pack[DTYPE_COUNT];
  blox_gemm_blocking gemm_blocking[DTYPE_COUNT];
  blox_channels_fn channels[DTYPE_COUNT];
  const blox_matrix_kernels *matrix[DTYPE_COUNT];
  int64_t (*limit_fma)(int64_t rounds);
  void (*limit_triad)(float *dst, const float *a, const float *b, int64_t count);
} blox_kernel_table;

/// The table of an instruction set; the portable one where `isa` was not compiled for this architecture.
const blox_kernel_table *blox_kernels(blox_isa isa);

extern const blox_kernel_table blox_kernels_portable;
#if defined(__x86_64__)
extern const blox_kernel_table blox_kernels_avx2;
extern const blox_kernel_table blox_kernels_avx512;
#elif defined(__aarch64__)
extern const blox_kernel_table blox_kernels_neon;
#endif

static inline int64_t smaller(int64_t x, int64_t y) { return x < y ? x : y; }

/// Bytes per element; 8 for keys.
static inline int32_t blox_dtype_width(int32_t dtype) {
  static const uint8_t widths[DTYPE_COUNT] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8};
  return widths[dtype];
}

/// The element at `src` in the low bytes (every supported processor is little-endian).
static inline uint64_t blox_element_bits(const char *src, int32_t width) {
  uint64_t bits = 0;
  memcpy(&bits, src, (size_t)width);
  return bits;
}

// The tree of reductions of floats; see reduce.inc.h.
enum {
  BLOX_ROW_BLOCK = 1024,  // elements
  BLOX_COLUMN_BLOCK = 32,  // rows
  BLOX_LANE_BYTES = 256,
};

enum {
  BLOX_ORDER_RANKED = 128,  // items that are sorted by their ranks
  BLOX_ORDER_GROUP = 64,    // elements that are compared with the least of the largest ones together
  BLOX_ORDER_BLOCK = 1024,  // elements whose keys are looked at together for the largest ones
};

/// Whether a line is sorted without numbering its elements: its elements are made of their sorted keys.
static inline bool blox_sorts_alone(const blox_order *order) {
  return order->operand_count == 1 && order->length > BLOX_ORDER_RANKED &&
         (!order->is_wide || blox_dtype_width(order->dtypes[0]) == 8);
}

/// How many candidates for the `count` largest of n elements are kept at a time: all, or twice as many as are wanted
/// and a group of new ones.
static inline int64_t blox_top_k_room(int64_t count, int64_t n) {
  int64_t room = BLOX_ORDER_GROUP + count + (count > 64 ? count : 64);
  return room < n ? room : n;
}

// Columns of a block that an epilogue is given, where there are more: whole vectors, and rows long enough for a call.
enum { BLOX_EPILOGUE_COLUMNS = 256 };

/// How many of n columns a block has: as few blocks as possible of at most `most`, none much narrower than the others.
static inline int64_t blox_block_columns(int64_t n, int64_t most, int64_t unit) {
  if (n <= most) return n;
  int64_t blocks = (n + most - 1) / most;
  return ((n + blocks - 1) / blocks + unit - 1) / unit * unit;
}

/// How many columns of a right operand the packed path has in panels at once, of `nr` columns each: all up to `nc`, and
/// beside a single block of rows two panels in turns. Never fewer for a larger product: slices of it use its scratch.
static inline int64_t blox_panel_columns(int64_t n, bool one_block, int64_t nr, int64_t nc) {
  const int64_t columns = (n + nr - 1) / nr * nr, most = one_block ? 2 * nr : nc;
  return columns < most ? columns : most;
}

/// Runs what follows a product on a finished block of C: rows and columns from (i, j) of a C whose rows are `c_row`
/// long in the space of the epilogue, at `product`.
static inline void blox_run_epilogue(const blox_gemm_epilogue *epilogue, int64_t c_row, int64_t i, int64_t j,
                                     int64_t rows, int64_t columns, void *product, int64_t product_stride) {
  blox_tile_block block = {
      .start = epilogue->start + i * c_row + j,
      .rows = rows,
      .columns = columns,
      .stride = c_row,
      .product = product,
      .product_stride = product_stride,
  };
  blox_tile_run_block(epilogue->program, epilogue->buffers, &block, epilogue->slots);
}

/// Makes a block of an operand: rows `stride` elements apart in the operand, from its element `first` on. The next block
/// begins `ahead` elements later, if it is not 0.
static inline void blox_make_block(const blox_gemm_maker *maker, int64_t first, int64_t rows, int64_t columns,
                                   int64_t stride, int64_t ahead) {
  blox_tile_block block = {
      .start = maker->start + first,
      .rows = rows,
      .columns = columns,
      .stride = stride,
      .product = maker->block,
      .product_stride = columns,
      .ahead = ahead,
  };
  blox_tile_run_block(maker->program, maker->buffers, &block, maker->slots);
}

#endif
