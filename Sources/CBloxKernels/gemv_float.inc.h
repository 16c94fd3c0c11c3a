// Products of a matrix and a vector of one float type; included once for f32 and once for f64, by gemm_float.inc.h.
//
// Sums are in registers or in the first-level cache, over all of k or over one block of it after the other: what is
// made is made in blocks, and every element is the same sequence of operations as if it were read.

// Adds to dot products of `rows` rows with v: each is two vectors of lanes. All but the last block of k are whole pairs
// of vectors deep.
INLINE void GEMM(add_dots)(const int rows, const GEMM_T *x, int64_t stride, const GEMM_T *v, int64_t k, GEMM_V *even,
                           GEMM_V *odd) {
  int64_t p = 0;
  for (; p + 2 * GEMM_LANES <= k; p += 2 * GEMM_LANES) {
    GEMM_V v0 = GEMM_IO(load)(v + p), v1 = GEMM_IO(load)(v + p + GEMM_LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      even[i] = GEMM_MULTIPLY_ADD(GEMM_IO(load)(x + i * stride + p), v0, even[i]);
      odd[i] = GEMM_MULTIPLY_ADD(GEMM_IO(load)(x + i * stride + p + GEMM_LANES), v1, odd[i]);
    }
  }
  for (; p < k; p += GEMM_LANES) {
    int64_t n = k - p < GEMM_LANES ? k - p : GEMM_LANES;
    bool whole = n == GEMM_LANES;
    GEMM_V v0 = whole ? GEMM_IO(load)(v + p) : GEMM_IO(load_first)(v + p, n);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      const GEMM_T *from = x + i * stride + p;
      GEMM_V y = whole ? GEMM_IO(load)(from) : GEMM_IO(load_first)(from, n);
      even[i] = GEMM_MULTIPLY_ADD(y, v0, even[i]);
    }
  }
}

// The lanes of dot products folded in halves.
INLINE void GEMM(end_dots)(int64_t rows, const GEMM_V *even, const GEMM_V *odd, GEMM_T *c, int64_t c_stride) {
  for (int64_t i = 0; i < rows; i++) {
    GEMM_V sum = even[i] + odd[i];
    GEMM_FOLD(sum, OP_ADD, c[i * c_stride]);
  }
}

INLINE void GEMM(dot_rows)(const int rows, const GEMM_T *x, int64_t stride, const GEMM_T *v, int64_t k, GEMM_T *c,
                           int64_t c_stride) {
  GEMM_V even[4], odd[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) even[i] = odd[i] = (GEMM_V)(GEMM_T)0;
  GEMM(add_dots)(rows, x, stride, v, k, even, odd);
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) GEMM(end_dots)(1, even + i, odd + i, c + i * c_stride, c_stride);
}

// sum[j] += x[p * depth_stride + j] * v[p * v_stride] for j < n: rows are streamed, four at a time.
INLINE void GEMM(add_rows)(GEMM_T *sum, int64_t n, const GEMM_T *x, int64_t depth_stride, const GEMM_T *v,
                           int64_t v_stride, int64_t k) {
  enum { UNROLL = 4 };
  const int64_t whole = n / GEMM_LANES * GEMM_LANES;
  for (int64_t p = 0; p < k; p += UNROLL) {
    int steps = k - p < UNROLL ? (int)(k - p) : UNROLL;
    const GEMM_T *from = x + p * depth_stride;
    GEMM_T factor[UNROLL];
    for (int s = 0; s < steps; s++) factor[s] = v[(p + s) * v_stride];
    if (steps == UNROLL) {
      for (int64_t j = 0; j < whole; j += GEMM_LANES) {
        GEMM_V y = GEMM_IO(load)(sum + j);
#pragma clang loop unroll(full)
        for (int s = 0; s < UNROLL; s++) {
          y = GEMM_MULTIPLY_ADD(GEMM_IO(load)(from + s * depth_stride + j), (GEMM_V)factor[s], y);
        }
        GEMM_IO(store)(sum + j, y);
      }
    }
    for (int s = 0; s < steps; s++) {
      for (int64_t j = steps == UNROLL ? whole : 0; j < n; j += GEMM_LANES) {
        const GEMM_T *at = from + s * depth_stride + j;
        GEMM_V y = n - j >= GEMM_LANES ? GEMM_IO(load)(at) : GEMM_IO(load_first)(at, n - j);
        GEMM_IO(store)(sum + j, GEMM_MULTIPLY_ADD(y, (GEMM_V)factor[s], GEMM_IO(load)(sum + j)));
      }
    }
  }
}

// c[i] = sum over p of the matrix's element (i, p) times v[p * v_stride].
typedef struct {
  int64_t count, k, stride, depth_stride;  // of the matrix
  const GEMM_T *v;
  int64_t v_stride;
  GEMM_T *c;
  int64_t c_stride;
} GEMM(vector_product);

// ---- A matrix in memory ----------------------------------------------------------------------------------

static void GEMM(dots)(GEMM(vector_product) at, const GEMM_T *x) {
  int64_t i = 0;
  for (; i + 4 <= at.count; i += 4) {
    GEMM(dot_rows)(4, x + i * at.stride, at.stride, at.v, at.k, at.c + i * at.c_stride, at.c_stride);
  }
  for (; i < at.count; i++) {
    GEMM(dot_rows)(1, x + i * at.stride, at.stride, at.v, at.k, at.c + i * at.c_stride, at.c_stride);
  }
}

// Rows of the matrix are streamed in long runs; the sums stay in the first-level cache.
static void GEMM(row_sums)(GEMM(vector_product) at, const GEMM_T *x) {
  enum { RUN = 8192 / sizeof(GEMM_T) };
  GEMM_T sum[RUN];
  for (int64_t i = 0; i < at.count; i += RUN) {
    int64_t n = at.count - i < RUN ? at.count - i : RUN;
    memset(sum, 0, (size_t)(n + GEMM_LANES - 1) / GEMM_LANES * sizeof(GEMM_V));
    GEMM(add_rows)(sum, n, x + i, at.depth_stride, at.v, at.v_stride, at.k);
    for (int64_t j = 0; j < n; j++) at.c[(i + j) * at.c_stride] = sum[j];
  }
}

static void GEMM(element_sums)(GEMM(vector_product) at, const GEMM_T *x) {
  for (int64_t i = 0; i < at.count; i++) {
    GEMM_T sum = 0;
    for (int64_t p = 0; p < at.k; p++) {
      sum = GEMM_MULTIPLY_ADD(x[i * at.stride + p * at.depth_stride], at.v[p * at.v_stride], sum);
    }
    at.c[i * at.c_stride] = sum;
  }
}

// ---- A matrix that is made: one of its strides is 1 ---------------------------------------------------------

enum { GEMM(MADE_ROWS) = BLOX_MADE_ELEMENTS / BLOX_MADE_COLUMNS };

_Static_assert(GEMM(MADE_ROWS) % 4 == 0 && BLOX_MADE_COLUMNS % (2 * GEMM_LANES) == 0,
               "blocks of whole pairs of vectors");

static void GEMM(made_dots)(GEMM(vector_product) at, const blox_gemm_maker *maker) {
  enum { ROWS = GEMM(MADE_ROWS) };
  const GEMM_T *block = maker->block;
  for (int64_t i = 0; i < at.count; i += ROWS) {
    const int64_t rows = smaller(at.count - i, ROWS);
    GEMM_V even[ROWS], odd[ROWS];
    for (int r = 0; r < ROWS; r++) even[r] = odd[r] = (GEMM_V)(GEMM_T)0;
    for (int64_t p = 0; p < at.k; p += BLOX_MADE_COLUMNS) {
      const int64_t depth = smaller(at.k - p, BLOX_MADE_COLUMNS);
      blox_make_block(maker, i * at.stride + p, rows, depth, at.stride, p + depth < at.k ? depth : 0);
      int64_t r = 0;
      for (; r + 4 <= rows; r += 4) GEMM(add_dots)(4, block + r * depth, depth, at.v + p, depth, even + r, odd + r);
      for (; r < rows; r++) GEMM(add_dots)(1, block + r * depth, depth, at.v + p, depth, even + r, odd + r);
    }
    GEMM(end_dots)(rows, even, odd, at.c + i * at.c_stride, at.c_stride);
  }
}

static void GEMM(made_row_sums)(GEMM(vector_product) at, const blox_gemm_maker *maker) {
  GEMM_T sum[BLOX_MADE_COLUMNS];
  for (int64_t i = 0; i < at.count; i += BLOX_MADE_COLUMNS) {
    const int64_t n = smaller(at.count - i, BLOX_MADE_COLUMNS), rows = BLOX_MADE_ELEMENTS / n;
    memset(sum, 0, (size_t)(n + GEMM_LANES - 1) / GEMM_LANES * sizeof(GEMM_V));
    for (int64_t p = 0; p < at.k; p += rows) {
      const int64_t depth = smaller(at.k - p, rows);
      const int64_t ahead = p + depth < at.k ? depth * at.depth_stride : 0;
      blox_make_block(maker, i + p * at.depth_stride, depth, n, at.depth_stride, ahead);
      GEMM(add_rows)(sum, n, maker->block, n, at.v + p * at.v_stride, at.v_stride, depth);
    }
    for (int64_t j = 0; j < n; j++) at.c[(i + j) * at.c_stride] = sum[j];
  }
}

static void GEMM(made_element_sums)(GEMM(vector_product) at, const blox_gemm_maker *maker) {
  const GEMM_T *block = maker->block;
  for (int64_t i = 0; i < at.count; i++) {
    GEMM_T sum = 0;
    for (int64_t p = 0; p < at.k; p += BLOX_MADE_COLUMNS) {
      const int64_t depth = smaller(at.k - p, BLOX_MADE_COLUMNS);
      blox_make_block(maker, i * at.stride + p, 1, depth, at.stride, p + depth < at.k ? depth : 0);
      for (int64_t q = 0; q < depth; q++) sum = GEMM_MULTIPLY_ADD(block[q], at.v[(p + q) * at.v_stride], sum);
    }
    at.c[i * at.c_stride] = sum;
  }
}

static void GEMM(run_vector)(const blox_gemm_args *args) {
  const bool row = args->m == 1 && !args->made_a;  // a slice of one element could be of either kind
  const GEMM_T *matrix = row ? args->b : args->a;
  const blox_gemm_maker *maker = row ? args->made_b : args->made_a;
  const GEMM(vector_product) product = {
      .count = row ? args->n : args->m,
      .k = args->k,
      .stride = row ? args->b_column : args->a_row,
      .depth_stride = row ? args->b_row : args->a_column,
      .v = row ? args->a : args->b,
      .v_stride = row ? args->a_column : args->b_row,
      .c = args->c,
      .c_stride = row ? 1 : args->c_row,
  };
  // The condition is the same for the matrix and the vector: in a slice of one element each is as good as the other.
  if (product.depth_stride == 1 && product.v_stride == 1) {
    maker ? GEMM(made_dots)(product, maker) : GEMM(dots)(product, matrix);
  } else if (product.stride == 1) {
    maker ? GEMM(made_row_sums)(product, maker) : GEMM(row_sums)(product, matrix);
  } else {
    maker ? GEMM(made_element_sums)(product, maker) : GEMM(element_sums)(product, matrix);
  }
}
