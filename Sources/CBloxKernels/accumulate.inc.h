// Columns of rows added to columns of sums: what reductions over leading dimensions are made of, alone (reduce.inc.h)
// and inside regions (tile_fold.c).
//
// target[c] = target[c] OP src[r][c] for row after row. Four rows are read at once, each along its whole length: the
// sums are loaded and stored once for them, and the processor fetches four streams ahead of their use. Strips of some
// columns through many rows, which would keep the sums in registers, take new pages with every row: that is for rows
// of a few vectors only.

enum { ROWS_AT_ONCE = 4, FEW_VECTORS = 4 };

// Floats of `type` (S in memory) accumulate as A.
#define FLOAT_ACCUMULATE(name, OP, IDENTITY, type, S, A, V, LANES, accumulator)                               \
  INLINE void name##_some_##type(A *target, const S *x, int64_t rows, int64_t stride, int64_t columns) {      \
    int64_t c = 0;                                                                                            \
    for (; c + LANES <= columns; c += LANES) {                                                                \
      V sum = load_##accumulator(target + c);                                                                 \
      for (int64_t r = 0; r < rows; r++) {                                                                    \
        V v = read_##type(x + r * stride + c);                                                                \
        sum = OP(sum, v);                                                                                     \
      }                                                                                                       \
      store_##accumulator(target + c, sum);                                                                   \
    }                                                                                                         \
    int64_t rest = columns - c;                                                                               \
    if (rest == 0) return;                                                                                    \
    V sum = load_first_##accumulator(target + c, rest);                                                       \
    for (int64_t r = 0; r < rows; r++) {                                                                      \
      V v = read_first_##type(x + r * stride + c, (A)IDENTITY, rest);                                         \
      sum = OP(sum, v);                                                                                       \
    }                                                                                                         \
    store_first_##accumulator(target + c, sum, rest);                                                         \
  }                                                                                                           \
                                                                                                              \
  static void name##_accumulate_##type(void *target, const void *src, int64_t rows, int64_t stride,           \
                                       int64_t columns) {                                                     \
    const S *x = src;                                                                                         \
    if (columns <= FEW_VECTORS * LANES) return name##_some_##type(target, x, rows, stride, columns);          \
    int64_t r = 0;                                                                                            \
    for (; r + ROWS_AT_ONCE <= rows; r += ROWS_AT_ONCE) {                                                     \
      name##_some_##type(target, x + r * stride, ROWS_AT_ONCE, stride, columns);                              \
    }                                                                                                         \
    for (; r < rows; r++) name##_some_##type(target, x + r * stride, 1, stride, columns);                     \
  }

#define INTEGER_ACCUMULATE(name, suffix, T, expression)                                                       \
  static void name##_accumulate_##suffix(void *target, const void *src, int64_t rows, int64_t stride,         \
                                         int64_t columns) {                                                   \
    T *restrict d = target;                                                                                   \
    for (int64_t r = 0; r < rows; r++) {                                                                      \
      const T *restrict s = (const T *)src + r * stride;                                                      \
      for (int64_t c = 0; c < columns; c++) {                                                                 \
        T x = d[c], y = s[c];                                                                                 \
        d[c] = (T)(expression);                                                                               \
      }                                                                                                       \
    }                                                                                                         \
  }
