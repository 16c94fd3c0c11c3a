// Matrix multiplication of one float type; included once for f32 and once for f64, which define
// GEMM_T, GEMM_V, GEMM_LANES and GEMM_MC, and GEMM(name) and GEMM_IO(name) to append the type's name.
//
// Every element of C is the same sequence of operations on every path, tile and slice: products are accumulated in
// order of k from zero within a block of KC, and the blocks are added in order. Packing, edges and threads
// therefore never change a bit. Only products with a single row or column use another fixed order.

enum { GEMM(NR) = GEMM_VECTORS * GEMM_LANES };

// ---- Micro-kernel --------------------------------------------------------------------------------------

// A tile of C in registers: `rows` by `vectors` vectors, of which the last has `last` lanes. All callers pass literals for
// rows and vectors, which unrolls the loops.
typedef GEMM_V GEMM(tile_sums)[GEMM_MR][GEMM_VECTORS];

INLINE void GEMM(begin_tile)(const int rows, const int vectors, GEMM(tile_sums) sum, GEMM_T *c, int64_t c_row) {
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) {
      __builtin_prefetch(c + i * c_row + j * GEMM_LANES, 1);  // arrives while the products are summed
      sum[i][j] = (GEMM_V)(GEMM_T)0;
    }
  }
}

// The row of B of one step of k. `masked`: B ends where C does.
INLINE void GEMM(load_row)(const int vectors, const bool masked, const GEMM_T *b, int64_t last,
                           GEMM_V row[GEMM_VECTORS]) {
#pragma clang loop unroll(full)
  for (int j = 0; j < vectors; j++) {
    const GEMM_T *from = b + j * GEMM_LANES;
    row[j] = masked && j == vectors - 1 ? GEMM_IO(load_first)(from, last) : GEMM_IO(load)(from);
  }
}

INLINE void GEMM(end_tile)(const int rows, const int vectors, GEMM(tile_sums) sum, GEMM_T *c, int64_t c_row,
                           int64_t last, bool accumulate) {
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < vectors; j++) {
      GEMM_T *to = c + i * c_row + j * GEMM_LANES;
      if (j < vectors - 1 || last == GEMM_LANES) {
        GEMM_IO(store)(to, accumulate ? GEMM_IO(load)(to) + sum[i][j] : sum[i][j]);
      } else {
        GEMM_V old = accumulate ? GEMM_IO(load_first)(to, last) : (GEMM_V)(GEMM_T)0;
        GEMM_IO(store_first)(to, accumulate ? old + sum[i][j] : sum[i][j], last);
      }
    }
  }
}

// Rows of B, of two vectors each, that are copied to a panel while a tile is multiplied, a vector at each step of k: the
// vector after this one is `next` elements on, the one after that `after_next` more.
_Static_assert(GEMM_VECTORS == 2, "a row of a panel is two vectors");
typedef struct {
  const GEMM_T *from;
  int64_t next, after_next;
  GEMM_T *to;
} GEMM(row_copies);

enum { GEMM(ROWS_AHEAD) = 24 };  // that arrive from memory meanwhile

// A tile over all of `k`, with any strides, and rows that are copied meanwhile, or NULL.
INLINE void GEMM(tile)(const int rows, const int vectors, const bool masked, int64_t k, const GEMM_T *a,
                       int64_t a_row, int64_t a_column, const GEMM_T *b, int64_t b_row, GEMM_T *c, int64_t c_row,
                       int64_t last, bool accumulate, const GEMM(row_copies) *copies) {
  GEMM(tile_sums) sum;
  GEMM(row_copies) copy;
  if (copies) {
    copy = *copies;
    for (int r = 0; r < GEMM(ROWS_AHEAD); r++) {
      __builtin_prefetch(copy.from + r * (copy.next + copy.after_next), 0, 2);
      __builtin_prefetch(copy.from + r * (copy.next + copy.after_next) + copy.next, 0, 2);
    }
  }
  GEMM(begin_tile)(rows, vectors, sum, c, c_row);
  for (int64_t p = 0; p < k; p++) {
    if (copies) {
      __builtin_prefetch(copy.from + GEMM(ROWS_AHEAD) * (copy.next + copy.after_next), 0, 2);
      GEMM_IO(store)(copy.to, GEMM_IO(load)(copy.from));
      copy = (GEMM(row_copies)){copy.from + copy.next, copy.after_next, copy.next, copy.to + GEMM_LANES};
    }
    GEMM_V row[GEMM_VECTORS];
    GEMM(load_row)(vectors, masked, b, last, row);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      GEMM_V x = (GEMM_V)a[i * a_row];
#pragma clang loop unroll(full)
      for (int j = 0; j < vectors; j++) sum[i][j] = GEMM_MULTIPLY_ADD(x, row[j], sum[i][j]);
    }
    a += a_column;
    b += b_row;
  }
  GEMM(end_tile)(rows, vectors, sum, c, c_row, last, accumulate);
}

typedef void (*GEMM(packed_fn))(int64_t k, const GEMM_T *a, const GEMM_T *b, GEMM_T *c, int64_t c_row, int64_t last,
                                bool accumulate);
typedef void (*GEMM(plain_fn))(int64_t k, const GEMM_T *a, int64_t a_row, int64_t a_column, const GEMM_T *b,
                               int64_t b_row, GEMM_T *c, int64_t c_row, int64_t last, bool accumulate);

#define PACKED_KERNEL_OF(rows, vectors)                                                                           \
  static void GEMM(packed_##vectors##_##rows)(int64_t k, const GEMM_T *a, const GEMM_T *b, GEMM_T *c,             \
                                              int64_t c_row, int64_t last, bool accumulate) {                     \
    GEMM(tile)(rows, vectors, false, k, a, 1, GEMM_MR, b, GEMM(NR), c, c_row, last, accumulate, NULL);            \
  }
#define PACKED_KERNELS(rows) PACKED_KERNEL_OF(rows, 1) PACKED_KERNEL_OF(rows, 2)
#define PLAIN_KERNEL_OF(rows, vectors)                                                                            \
  static void GEMM(plain_##vectors##_##rows)(int64_t k, const GEMM_T *a, int64_t a_row, int64_t a_column,         \
                                             const GEMM_T *b, int64_t b_row, GEMM_T *c, int64_t c_row,            \
                                             int64_t last, bool accumulate) {                                     \
    if (last == GEMM_LANES) {                                                                                     \
      GEMM(tile)(rows, vectors, false, k, a, a_row, a_column, b, b_row, c, c_row, GEMM_LANES, accumulate, NULL);  \
    } else {                                                                                                      \
      GEMM(tile)(rows, vectors, true, k, a, a_row, a_column, b, b_row, c, c_row, last, accumulate, NULL);         \
    }                                                                                                             \
  }
#define PLAIN_KERNELS(rows) PLAIN_KERNEL_OF(rows, 1) PLAIN_KERNEL_OF(rows, 2)
#define PACKED_ENTRY(rows) {GEMM(packed_1_##rows), GEMM(packed_2_##rows)},
#define PLAIN_ENTRY(rows) {GEMM(plain_1_##rows), GEMM(plain_2_##rows)},

GEMM_EACH_ROW(PACKED_KERNELS)
GEMM_EACH_PLAIN_ROW(PLAIN_KERNELS)

// A whole tile of packed panels that copies rows of the next one.
static void GEMM(packed_copying)(int64_t k, const GEMM_T *a, const GEMM_T *b, GEMM_T *c, int64_t c_row,
                                 bool accumulate, const GEMM(row_copies) *copies) {
  GEMM(tile)(GEMM_MR, GEMM_VECTORS, false, k, a, 1, GEMM_MR, b, GEMM(NR), c, c_row, GEMM_LANES, accumulate, copies);
}

static const GEMM(packed_fn) GEMM(packed_kernels)[GEMM_MR][GEMM_VECTORS] = {GEMM_EACH_ROW(PACKED_ENTRY)};
static const GEMM(plain_fn) GEMM(plain_kernels)[GEMM_PLAIN_MR][GEMM_VECTORS] = {GEMM_EACH_PLAIN_ROW(PLAIN_ENTRY)};

#undef PACKED_KERNEL_OF
#undef PACKED_KERNELS
#undef PLAIN_KERNEL_OF
#undef PLAIN_KERNELS
#undef PACKED_ENTRY
#undef PLAIN_ENTRY

// ---- Packing -------------------------------------------------------------------------------------------

// Transposes a square of vectors by log2(lanes) perfect shuffles of the rows.
INLINE void GEMM(transpose)(GEMM_V row[GEMM_LANES]) {
#pragma clang loop unroll(full)
  for (int step = 1; step < GEMM_LANES; step *= 2) {
    GEMM_V t[GEMM_LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < GEMM_LANES / 2; i++) {
      t[2 * i] = GEMM_INTERLEAVE_LOW(row[i], row[i + GEMM_LANES / 2]);
      t[2 * i + 1] = GEMM_INTERLEAVE_HIGH(row[i], row[i + GEMM_LANES / 2]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < GEMM_LANES; i++) row[i] = t[i];
  }
}

// Stores the vector at a row of a panel that has room for `left` more elements. Whole, it may run over the end of the row:
// into the next one, which is written later, unless there is none.
INLINE void GEMM(store_packed)(GEMM_T *to, GEMM_V x, int64_t left, bool is_last_row) {
  if (left < GEMM_LANES && is_last_row) {
    GEMM_IO(store_first)(to, x, left);
  } else {
    GEMM_IO(store)(to, x);
  }
}

// to[p * width + i] = rows[i][p] for i < count, zero or unspecified up to width, p < k. Groups go downwards and rows
// upwards, as in pack_panel, for store_packed.
INLINE void GEMM(pack_rows)(GEMM_T *to, const GEMM_T *const *rows, int64_t count, const int width, int64_t k) {
  const int groups = (width + GEMM_LANES - 1) / GEMM_LANES;
  for (int64_t done = 0; done < k; done += GEMM_LANES) {
    const int64_t left = k - done;
    for (int g = groups - 1; g >= 0; g--) {
      GEMM_V x[GEMM_LANES];
      const GEMM_T *const *row = rows + g * GEMM_LANES;
      const int here = width - g * GEMM_LANES;
      if (left >= GEMM_LANES && count == width) {
#pragma clang loop unroll(full)
        for (int i = 0; i < GEMM_LANES; i++) x[i] = i < here ? GEMM_IO(load)(row[i] + done) : (GEMM_V)(GEMM_T)0;
      } else {
        for (int i = 0; i < GEMM_LANES; i++) {
          x[i] = g * GEMM_LANES + i >= count ? (GEMM_V)(GEMM_T)0
                 : left >= GEMM_LANES        ? GEMM_IO(load)(row[i] + done)
                                             : GEMM_IO(load_first)(row[i] + done, left);
        }
      }
      GEMM(transpose)(x);
      GEMM_T *at = to + done * width + g * GEMM_LANES;
      if (left >= GEMM_LANES) {
#pragma clang loop unroll(full)
        for (int p = 0; p < GEMM_LANES; p++) GEMM(store_packed)(at + p * width, x[p], here, done + p == k - 1);
      } else {
        for (int p = 0; p < left; p++) GEMM(store_packed)(at + p * width, x[p], here, p == left - 1);
      }
    }
  }
}

// to[p * width + i] = from[i * stride + p * depth_stride] for i < count, zero or unspecified up to width, p < k.
INLINE void GEMM(pack_panel)(GEMM_T *to, const GEMM_T *from, int64_t stride, int64_t depth_stride, int64_t count,
                             const int width, int64_t k) {
  const int groups = (width + GEMM_LANES - 1) / GEMM_LANES;
  if (stride == 1) {
    if (count == width && width % GEMM_LANES == 0) {
      for (int64_t p = 0; p < k; p++) {
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) {
          GEMM_IO(store)(to + p * width + g * GEMM_LANES,
                         GEMM_IO(load)(from + p * depth_stride + g * GEMM_LANES));
        }
      }
      return;
    }
    for (int g = groups - 1; g >= 0; g--) {
      int64_t valid = count - g * GEMM_LANES;
      valid = valid < 0 ? 0 : valid > GEMM_LANES ? GEMM_LANES : valid;
      const GEMM_T *x = from + g * GEMM_LANES;
      for (int64_t p = 0; p < k; p++) {
        GEMM_V v = valid == GEMM_LANES ? GEMM_IO(load)(x + p * depth_stride)
                                       : GEMM_IO(load_first)(x + p * depth_stride, valid);
        GEMM(store_packed)(to + p * width + g * GEMM_LANES, v, width - g * GEMM_LANES, p == k - 1);
      }
    }
    return;
  }
  if (depth_stride == 1) {
    const GEMM_T *rows[width];
    for (int64_t i = 0; i < count; i++) rows[i] = from + i * stride;
    GEMM(pack_rows)(to, rows, count, width, k);
    return;
  }
  for (int64_t p = 0; p < k; p++) {
    for (int64_t i = 0; i < width; i++) to[p * width + i] = i < count ? from[i * stride + p * depth_stride] : 0;
  }
}

static void GEMM(pack_a)(GEMM_T *to, const GEMM_T *a, int64_t a_row, int64_t a_column, int64_t m, int64_t k) {
  for (int64_t i = 0; i < m; i += GEMM_MR) {
    int64_t count = m - i < GEMM_MR ? m - i : GEMM_MR;
    GEMM(pack_panel)(to + i * k, a + i * a_row, a_row, a_column, count, GEMM_MR, k);
  }
}

static void GEMM(pack_b)(GEMM_T *to, const GEMM_T *b, int64_t b_row, int64_t b_column, int64_t n, int64_t k) {
  for (int64_t j = 0; j < n; j += GEMM(NR)) {
    int64_t count = n - j < GEMM(NR) ? n - j : GEMM(NR);
    GEMM(pack_panel)(to + j * k, b + j * b_column, b_column, b_row, count, GEMM(NR), k);
  }
}

// Panels of `lines` rows of A or columns of B, `width` to a panel, of an operand that is made: its element p of line i has
// index first + i * stride + p * depth_stride, and one of the strides is 1. A block stays in the first-level cache.
INLINE void GEMM(pack_made)(GEMM_T *to, const blox_gemm_maker *maker, int64_t first, int64_t stride,
                            int64_t depth_stride, int64_t lines, const int width, int64_t k) {
  const GEMM_T *block = maker->block;
  if (depth_stride == 1) {
    const int64_t most = BLOX_MADE_ELEMENTS / width < BLOX_MADE_COLUMNS ? BLOX_MADE_ELEMENTS / width : BLOX_MADE_COLUMNS;
    for (int64_t i = 0; i < lines; i += width) {
      const int64_t count = lines - i < width ? lines - i : width;
      for (int64_t p = 0; p < k; p += most) {
        const int64_t depth = k - p < most ? k - p : most;
        blox_make_block(maker, first + i * stride + p, count, depth, stride, p + depth < k ? depth : 0);
        GEMM(pack_panel)(to + i * k + p * width, block, depth, 1, count, width, depth);
      }
    }
    return;
  }
  const int64_t most = BLOX_MADE_COLUMNS / width * width;
  for (int64_t i = 0; i < lines; i += most) {
    const int64_t columns = lines - i < most ? lines - i : most;
    const int64_t rows = BLOX_MADE_ELEMENTS / columns;
    for (int64_t p = 0; p < k; p += rows) {
      const int64_t depth = k - p < rows ? k - p : rows;
      const int64_t ahead = p + depth < k ? depth * depth_stride : 0;
      blox_make_block(maker, first + i + p * depth_stride, depth, columns, depth_stride, ahead);
      for (int64_t j = 0; j < columns; j += width) {
        const int64_t count = columns - j < width ? columns - j : width;
        GEMM(pack_panel)(to + (i + j) * k + p * width, block + j, 1, columns, count, width, depth);
      }
    }
  }
}

// All of B: for each block of k the panels of all columns.
static void GEMM(pack_whole)(const void *b, const blox_gemm_maker *made_b, int64_t b_row, int64_t b_column, int64_t k,
                             int64_t n, void *panels) {
  int64_t columns = (n + GEMM(NR) - 1) / GEMM(NR) * GEMM(NR);
  int64_t depth = gemm_depth(k);
  for (int64_t pc = 0; pc < k; pc += depth) {
    int64_t kc = k - pc < depth ? k - pc : depth;
    GEMM_T *to = (GEMM_T *)panels + pc * columns;
    if (made_b) {
      GEMM(pack_made)(to, made_b, pc * b_row, b_column, b_row, n, GEMM(NR), kc);
    } else {
      GEMM(pack_b)(to, (const GEMM_T *)b + pc * b_row, b_row, b_column, n, kc);
    }
  }
}

#include "patches_float.inc.h"

// ---- Paths ---------------------------------------------------------------------------------------------

// Up to NR columns of a block of C from packed panels, in tiles from row `first` on.
INLINE void GEMM(multiply_panel)(const GEMM_T *packed_a, const GEMM_T *panel, GEMM_T *c, int64_t c_row, int64_t first,
                                 int64_t m, int64_t n, int64_t k, bool accumulate) {
  int64_t columns = n < GEMM(NR) ? n : GEMM(NR);
  int64_t vectors = (columns + GEMM_LANES - 1) / GEMM_LANES;
  int64_t last = columns - (vectors - 1) * GEMM_LANES;
  for (int64_t i = first; i < m; i += GEMM_MR) {
    int64_t rows = m - i < GEMM_MR ? m - i : GEMM_MR;
    GEMM(packed_kernels)[rows - 1][vectors - 1](k, packed_a + i * k, panel, c + i * c_row, c_row, last, accumulate);
  }
}

// A block of C from packed panels.
static void GEMM(multiply_panels)(const GEMM_T *packed_a, const GEMM_T *packed_b, GEMM_T *c, int64_t c_row, int64_t m,
                                  int64_t n, int64_t k, bool accumulate) {
  for (int64_t j = 0; j < n; j += GEMM(NR)) {
    GEMM(multiply_panel)(packed_a, packed_b + j * k, c + j, c_row, 0, m, n - j, k, accumulate);
  }
}

// A right operand that is packed while the first block of rows is multiplied: from where, how many columns, and the
// panels' places, one behind the other or two in turns.
typedef struct {
  const GEMM_T *matrix;
  int64_t row, column, columns;
  GEMM_T *panels;
  bool keeps;
} GEMM(late_panels);

INLINE GEMM_T *GEMM(late_panel)(const GEMM(late_panels) *b, int64_t j, int64_t k) {
  return b->panels + (b->keeps ? j : j % (2 * GEMM(NR))) * k;
}

// Columns first ..< end of a block of C. Where rows of B are dense, the first tiles of a panel copy the next one, each
// its share of rows: B is read from memory while the processor multiplies.
static void GEMM(pack_and_multiply)(const GEMM_T *packed_a, const GEMM(late_panels) *b, int64_t first, int64_t end,
                                    GEMM_T *c, int64_t c_row, int64_t m, int64_t k, bool accumulate) {
  const bool copies_next = b->column == 1 && m >= GEMM_VECTORS * GEMM_MR;
  for (int64_t j = first; j < end; j += GEMM(NR), c += GEMM(NR)) {
    const int64_t left = b->columns - j;
    GEMM_T *panel = GEMM(late_panel)(b, j, k);
    if (j == 0 || !copies_next || left < GEMM(NR)) {
      GEMM(pack_b)(panel, b->matrix + j * b->column, b->row, b->column, left < GEMM(NR) ? left : GEMM(NR), k);
    }
    int64_t tiled = 0;
    if (copies_next && left >= 2 * GEMM(NR)) {
      GEMM_T *next = GEMM(late_panel)(b, j + GEMM(NR), k);
      for (int64_t vector = 0; vector < GEMM_VECTORS * k; vector += k, tiled += GEMM_MR) {
        const GEMM_T *row = b->matrix + j + GEMM(NR) + vector / GEMM_VECTORS * b->row;
        const int64_t along = GEMM_LANES, down = b->row - GEMM_LANES;
        GEMM(row_copies) copies = {row, along, down, next + vector * GEMM_LANES};
        if (vector % GEMM_VECTORS) copies = (GEMM(row_copies)){row + along, down, along, copies.to};
        GEMM(packed_copying)(k, packed_a + tiled * k, panel, c + tiled * c_row, c_row, accumulate, &copies);
      }
    }
    GEMM(multiply_panel)(packed_a, panel, c, c_row, tiled, m, end - j, k, accumulate);
  }
}

// The left operand is a matrix, or rows of a matrix of patches from `args->patch_row` on. An epilogue is given a block
// after the last block of k; without a C to wait in there is only one.
static void GEMM(run_packed)(const blox_gemm_args *args, GEMM_T *scratch) {
  const GEMM_T *a = args->a, *b = args->b;
  GEMM_T *c = args->c;
  const blox_gemm_epilogue *epilogue = args->epilogue;
  int64_t a_panels = args->m < GEMM_MC ? (args->m + GEMM_MR - 1) / GEMM_MR * GEMM_MR : GEMM_MC;
  int64_t depth = gemm_depth(args->k);
  const bool packs_late = !args->packed_b && !args->patches && !args->made_b;
  const bool one_block = packs_late && args->m <= GEMM_MC;
  const int64_t columns_at_once = one_block || args->n < GEMM_NC ? args->n : GEMM_NC;
  // Each begins at a cache line.
  int64_t b_panels = args->packed_b ? 0 : blox_panel_columns(args->n, one_block, GEMM(NR), GEMM_NC);
  GEMM_T *packed_b = scratch;
  GEMM_T *packed_a = packed_b + (b_panels * depth + 63) / 64 * 64;
  GEMM_T *spare = packed_a + (a_panels * depth + 63) / 64 * 64;
  const bool in_place = args->patches && patches_in_place(args->patches, GEMM_MR);
  for (int64_t jc = 0; jc < args->n; jc += columns_at_once) {
    int64_t nc = args->n - jc < columns_at_once ? args->n - jc : columns_at_once;
    int64_t group = epilogue ? blox_block_columns(nc, BLOX_EPILOGUE_COLUMNS, GEMM(NR)) : nc;
    for (int64_t pc = 0; pc < args->k; pc += depth) {
      int64_t kc = args->k - pc < depth ? args->k - pc : depth;
      const int64_t b_first = pc * args->b_row + jc * args->b_column;
      const GEMM_T *matrix = args->made_b ? NULL : b + b_first, *panels = packed_b;
      const GEMM(late_panels) late = {matrix, args->b_row, args->b_column, nc, packed_b, !one_block};
      if (args->packed_b) {
        panels = (const GEMM_T *)args->packed_b + pc * args->packed_columns + (args->packed_first + jc) * kc;
      } else if (args->made_b) {
        GEMM(pack_made)(packed_b, args->made_b, b_first, args->b_column, args->b_row, nc, GEMM(NR), kc);
      } else if (!packs_late) {
        GEMM(pack_b)(packed_b, matrix, args->b_row, args->b_column, nc, kc);
      }
      for (int64_t ic = 0, mc; ic < args->m; ic += mc) {
        mc = args->m - ic < GEMM_MC ? args->m - ic : GEMM_MC;
        if (in_place) {
          mc = patch_lines(args->patches, args->patch_row + ic, mc);
        } else if (args->made_a) {
          const int64_t a_first = ic * args->a_row + pc * args->a_column;
          GEMM(pack_made)(packed_a, args->made_a, a_first, args->a_row, args->a_column, mc, GEMM_MR, kc);
        } else if (!args->patches) {
          GEMM(pack_a)(packed_a, a + ic * args->a_row + pc * args->a_column, args->a_row, args->a_column, mc, kc);
        } else if (args->patches->features_inner) {
          GEMM(pack_feature_runs)(packed_a, a, args->patches, args->patch_row + ic, pc, mc, kc, spare);
        } else {
          GEMM(pack_image_strips)(packed_a, a, args->patches, args->patch_row + ic, pc, mc, kc);
        }
        for (int64_t jg = 0; jg < nc; jg += group) {
          int64_t width = nc - jg < group ? nc - jg : group;
          GEMM_T *block = c ? c + ic * args->c_row + jc + jg : (GEMM_T *)epilogue->block;
          int64_t block_row = c ? args->c_row : width;
          if (in_place) {
            GEMM(multiply_patches)(a, args->patches, args->patch_row + ic, pc, panels + jg * kc, block, block_row, mc,
                                   width, kc, pc > 0, packed_a, spare - packed_a + (GEMM_MR + 1) * GEMM_KC);
          } else if (packs_late && ic == 0) {
            GEMM(pack_and_multiply)(packed_a, &late, jg, jg + width, block, block_row, mc, kc, pc > 0);
          } else {
            GEMM(multiply_panels)(packed_a, panels + jg * kc, block, block_row, mc, width, kc, pc > 0);
          }
          if (epilogue && pc + kc == args->k) {
            blox_run_epilogue(epilogue, args->c_row, ic, jc + jg, mc, width, block, block_row);
          }
        }
      }
    }
  }
}

static void GEMM(run_small)(const blox_gemm_args *args, GEMM_T *scratch) {
  const GEMM_T *a = args->a;
  GEMM_T *c = args->c;
  int64_t depth = gemm_depth(args->k);
  for (int64_t pc = 0; pc < args->k; pc += depth) {
    int64_t kc = args->k - pc < depth ? args->k - pc : depth;
    for (int64_t j = 0; j < args->n; j += GEMM(NR)) {
      int64_t columns = args->n - j < GEMM(NR) ? args->n - j : GEMM(NR);
      int64_t vectors = (columns + GEMM_LANES - 1) / GEMM_LANES;
      int64_t last = columns - (vectors - 1) * GEMM_LANES;
      const GEMM_T *b = (const GEMM_T *)args->b + pc * args->b_row + j * args->b_column;
      int64_t b_row = args->b_row;
      if (args->b_column != 1) {
        GEMM(pack_panel)(scratch, b, args->b_column, args->b_row, columns, GEMM(NR), kc);
        b = scratch;
        b_row = GEMM(NR);
      }
      for (int64_t i = 0; i < args->m; i += GEMM_PLAIN_MR) {
        int64_t rows = args->m - i < GEMM_PLAIN_MR ? args->m - i : GEMM_PLAIN_MR;
        GEMM(plain_kernels)[rows - 1][vectors - 1](kc, a + i * args->a_row + pc * args->a_column, args->a_row,
                                                   args->a_column, b, b_row, c + i * args->c_row + j, args->c_row,
                                                   last, pc > 0);
      }
    }
  }
}

#include "gemv_float.inc.h"

static void GEMM(run)(blox_gemm_path path, const blox_gemm_args *args, void *scratch) {
  if (args->k == 0) {
    for (int64_t i = 0; i < args->m; i++) {
      memset((GEMM_T *)args->c + i * args->c_row, 0, (size_t)args->n * sizeof(GEMM_T));
    }
    return;
  }
  switch (path) {
    case BLOX_GEMM_PACKED: GEMM(run_packed)(args, scratch); break;
    case BLOX_GEMM_SMALL: GEMM(run_small)(args, scratch); break;
    case BLOX_GEMM_VECTOR: GEMM(run_vector)(args); break;
  }
}
