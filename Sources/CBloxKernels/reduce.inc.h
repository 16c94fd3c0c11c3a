// Reductions of rows and of columns.
//
// Floats go through one fixed tree on every instruction set: a row is cut into blocks of 1024; a block is summed
// in 256 bytes' worth of lanes, which are folded in halves; blocks are combined pairwise. Columns are cut into
// blocks of 32 rows, combined pairwise. Integers wrap and may take any order. tile_fold.c does the same to elements
// that come tile by tile.

enum {
  ROW_BLOCK = BLOX_ROW_BLOCK,
  COLUMN_BLOCK = BLOX_COLUMN_BLOCK,
  // Blocks are combined like the carries of a binary counter; 2^48 blocks are more than memory holds.
  REDUCE_LEVELS = 48,
  LANE_BYTES = BLOX_LANE_BYTES,
  LANE_VECTORS = LANE_BYTES / VECTOR_BYTES,
  // Blocks that are folded side by side: processors look ahead on each of some streams, but not past the end of a page.
  BLOCKS_AT_ONCE = VECTOR_BYTES == 16 ? 1 : 2,
  // Sums of a chunk of columns at all levels, on the stack.
  LEVEL_BYTES = 64 << 10,
  // Sums of a level that stay in the first-level cache.
  COLUMN_CHUNK = 4096,
};

// How many columns are reduced together, so that `length` rows' levels have room.
INLINE int64_t column_chunk(int64_t length, int64_t width) {
  int64_t depth = 1;
  for (int64_t blocks = length / COLUMN_BLOCK; blocks > 0; blocks >>= 1) depth++;
  int64_t chunk = LEVEL_BYTES / width / depth / LANES_F32 * LANES_F32;
  return chunk < COLUMN_CHUNK ? chunk : COLUMN_CHUNK;
}


#if VECTOR_BYTES == 64
#define FOLD_F32(v, OP, out)                      \
  do {                                            \
    __typeof__((v).lo) h8 = OP((v).lo, (v).hi);   \
    __typeof__(h8.lo) h4 = OP(h8.lo, h8.hi);      \
    __typeof__(h4.lo) h2 = OP(h4.lo, h4.hi);      \
    out = OP(h2.x, h2.y);                         \
  } while (0)
#define FOLD_F64(v, OP, out)                      \
  do {                                            \
    __typeof__((v).lo) h4 = OP((v).lo, (v).hi);   \
    __typeof__(h4.lo) h2 = OP(h4.lo, h4.hi);      \
    out = OP(h2.x, h2.y);                         \
  } while (0)
#elif VECTOR_BYTES == 32
#define FOLD_F32(v, OP, out)                      \
  do {                                            \
    __typeof__((v).lo) h4 = OP((v).lo, (v).hi);   \
    __typeof__(h4.lo) h2 = OP(h4.lo, h4.hi);      \
    out = OP(h2.x, h2.y);                         \
  } while (0)
#define FOLD_F64(v, OP, out)                      \
  do {                                            \
    __typeof__((v).lo) h2 = OP((v).lo, (v).hi);   \
    out = OP(h2.x, h2.y);                         \
  } while (0)
#else
#define FOLD_F32(v, OP, out)                      \
  do {                                            \
    __typeof__((v).lo) h2 = OP((v).lo, (v).hi);   \
    out = OP(h2.x, h2.y);                         \
  } while (0)
#define FOLD_F64(v, OP, out) out = OP((v).x, (v).y)
#endif

// Sources of accumulations: how `type` is read as the vector of its accumulator.
INLINE vf32 read_f32(const float *p) { return load_f32(p); }
INLINE vf64 read_f64(const double *p) { return load_f64(p); }
INLINE vf32 read_bf16(const uint16_t *p) {
  vu16h h;
  memcpy(&h, p, sizeof h);
  return (vf32)(__builtin_convertvector(h, vu32) << 16);
}
INLINE vf32 read_f16(const uint16_t *p) {
#if VECTOR_BYTES == 64
  return (vf32)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif VECTOR_BYTES == 32
  return (vf32)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
  vf32 v;
  for (int i = 0; i < LANES_F32; i++) v[i] = widen_one_f16(p[i]);
  return v;
#endif
}

// The first n elements, then the identity.
INLINE vf32 blend_first_f32(vf32 v, float rest, int64_t n) {
  vi32 index;
  for (int i = 0; i < LANES_F32; i++) index[i] = i;
  return index < (int32_t)n ? v : (vf32)rest;
}
INLINE vf64 blend_first_f64(vf64 v, double rest, int64_t n) {
  vi64 index;
  for (int i = 0; i < LANES_F64; i++) index[i] = i;
  return index < n ? v : (vf64)rest;
}
INLINE vf32 read_first_f32(const float *p, float rest, int64_t n) {
  return blend_first_f32(load_first_f32(p, n), rest, n);
}
INLINE vf64 read_first_f64(const double *p, double rest, int64_t n) {
  return blend_first_f64(load_first_f64(p, n), rest, n);
}
INLINE vf32 read_first_bf16(const uint16_t *p, float rest, int64_t n) {
  uint16_t t[LANES_F32] = {0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i];
  return blend_first_f32(read_bf16(t), rest, n);
}
INLINE vf32 read_first_f16(const uint16_t *p, float rest, int64_t n) {
  uint16_t t[LANES_F32] = {0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i];
  return blend_first_f32(read_f16(t), rest, n);
}

#define SAME(x) (x)

#define FLOAT_REDUCE(name, OP, IDENTITY, type, S, A, V, LANES, FOLD, NARROW)                                  \
  /* Folds `count` blocks of n elements, each `step` elements after the one before, side by side. */          \
  INLINE void name##_blocks_##type(const int count, const S *x, int64_t step, int64_t n, A *results) {        \
    V lanes[BLOCKS_AT_ONCE][LANE_VECTORS];                                                                    \
    for (int b = 0; b < count; b++) {                                                                         \
      for (int j = 0; j < LANE_VECTORS; j++) lanes[b][j] = (V)(A)IDENTITY;                                    \
    }                                                                                                         \
    int64_t i = 0;                                                                                            \
    for (; i + LANE_VECTORS * LANES <= n; i += LANE_VECTORS * LANES) {                                        \
      for (int b = 0; b < count; b++) {                                                                       \
        for (int j = 0; j < LANE_VECTORS; j++) {                                                              \
          V v = read_##type(x + b * step + i + j * LANES);                                                    \
          lanes[b][j] = OP(lanes[b][j], v);                                                                   \
        }                                                                                                     \
      }                                                                                                       \
    }                                                                                                         \
    for (int b = 0; b < count; b++) {                                                                         \
      for (int j = 0; j < LANE_VECTORS; j++) {                                                                \
        int64_t rest = n - i - j * LANES;                                                                     \
        if (rest <= 0) break;                                                                                 \
        const S *at = x + b * step + i + j * LANES;                                                           \
        V v = rest >= LANES ? read_##type(at) : read_first_##type(at, (A)IDENTITY, rest);                     \
        lanes[b][j] = OP(lanes[b][j], v);                                                                     \
      }                                                                                                       \
      for (int half = LANE_VECTORS / 2; half > 0; half /= 2) {                                                \
        for (int j = 0; j < half; j++) lanes[b][j] = OP(lanes[b][j], lanes[b][j + half]);                     \
      }                                                                                                       \
      FOLD(lanes[b][0], OP, results[b]);                                                                      \
    }                                                                                                         \
  }                                                                                                           \
                                                                                                              \
  static A name##_row_##type(const S *x, int64_t n) {                                                         \
    A levels[REDUCE_LEVELS], values[BLOCKS_AT_ONCE];                                                          \
    int depth = 0, count;                                                                                     \
    int64_t blocks = 0;                                                                                       \
    for (int64_t at = 0; at < n || at == 0; at += count * ROW_BLOCK) {                                        \
      if (n - at >= BLOCKS_AT_ONCE * ROW_BLOCK) {                                                             \
        count = BLOCKS_AT_ONCE;                                                                               \
        name##_blocks_##type(BLOCKS_AT_ONCE, x + at, ROW_BLOCK, ROW_BLOCK, values);                           \
      } else {                                                                                                \
        count = 1;                                                                                            \
        name##_blocks_##type(1, x + at, 0, n - at < ROW_BLOCK ? n - at : ROW_BLOCK, values);                  \
      }                                                                                                       \
      for (int b = 0; b < count; b++) {                                                                       \
        A value = values[b];                                                                                  \
        for (int64_t carry = blocks++; carry & 1; carry >>= 1) {                                              \
          depth--;                                                                                            \
          value = OP(levels[depth], value);                                                                   \
        }                                                                                                     \
        levels[depth++] = value;                                                                              \
      }                                                                                                       \
    }                                                                                                         \
    A value = levels[--depth];                                                                                \
    while (depth > 0) {                                                                                       \
      depth--;                                                                                                \
      value = OP(levels[depth], value);                                                                       \
    }                                                                                                         \
    return value;                                                                                             \
  }                                                                                                           \
                                                                                                              \
  static void name##_rows_##type(void *dst, const void *src, int64_t rows, int64_t length) {                  \
    S *d = dst;                                                                                               \
    const S *x = src;                                                                                         \
    int64_t r = 0;                                                                                            \
    for (; length <= ROW_BLOCK && r + BLOCKS_AT_ONCE <= rows; r += BLOCKS_AT_ONCE) {                          \
      A values[BLOCKS_AT_ONCE];                                                                               \
      name##_blocks_##type(BLOCKS_AT_ONCE, x + r * length, length, length, values);                           \
      for (int b = 0; b < BLOCKS_AT_ONCE; b++) d[r + b] = NARROW(values[b]);                                  \
    }                                                                                                         \
    for (; r < rows; r++) d[r] = NARROW(name##_row_##type(x + r * length, length));                           \
  }                                                                                                           \
                                                                                                              \
  static void name##_columns_##type(void *dst, const void *src, int64_t length, int64_t stride,               \
                                    int64_t columns) {                                                        \
    S *d = dst;                                                                                               \
    A levels[LEVEL_BYTES / sizeof(A)];                                                                        \
    int64_t width = column_chunk(length, sizeof(A));                                                          \
    for (int64_t c0 = 0; c0 < columns; c0 += width) {                                                         \
      int64_t chunk = columns - c0 < width ? columns - c0 : width;                                            \
      const S *x = (const S *)src + c0;                                                                       \
      int depth = 0;                                                                                          \
      int64_t blocks = 0, r = 0;                                                                              \
      do {                                                                                                    \
        int64_t rows = length - r < COLUMN_BLOCK ? length - r : COLUMN_BLOCK;                                 \
        A *level = levels + depth++ * width;                                                                  \
        for (int64_t c = 0; c < chunk; c++) level[c] = (A)IDENTITY;                                           \
        name##_accumulate_##type(level, x + r * stride, rows, stride, chunk);                                 \
        for (int64_t carry = blocks++; carry & 1; carry >>= 1) {                                              \
          depth--;                                                                                            \
          name##_combine_##type(levels + (depth - 1) * width, levels + depth * width, chunk);                 \
        }                                                                                                     \
        r += rows;                                                                                            \
      } while (r < length);                                                                                   \
      for (; depth > 1; depth--) {                                                                            \
        name##_combine_##type(levels + (depth - 2) * width, levels + (depth - 1) * width, chunk);             \
      }                                                                                                       \
      for (int64_t c = 0; c < chunk; c++) d[c0 + c] = NARROW(levels[c]);                                      \
    }                                                                                                         \
  }

// x[c] = OP(x[c], y[c]).
#define FLOAT_COMBINE(name, OP, type, A, V, LANES, accumulator)                                               \
  INLINE void name##_combine_##type(A *x, const A *y, int64_t n) {                                            \
    int64_t c = 0;                                                                                            \
    for (; c + LANES <= n; c += LANES) {                                                                      \
      store_##accumulator(x + c, OP(load_##accumulator(x + c), load_##accumulator(y + c)));                   \
    }                                                                                                         \
    V rest = OP(load_first_##accumulator(x + c, n - c), load_first_##accumulator(y + c, n - c));              \
    store_first_##accumulator(x + c, rest, n - c);                                                            \
  }

#define FLOAT_REDUCE_F32(name, OP, IDENTITY, type, S, NARROW)      \
  FLOAT_ACCUMULATE(name, OP, IDENTITY, type, S, float, vf32, LANES_F32, f32) \
  FLOAT_COMBINE(name, OP, type, float, vf32, LANES_F32, f32)       \
  FLOAT_REDUCE(name, OP, IDENTITY, type, S, float, vf32, LANES_F32, FOLD_F32, NARROW)
#define FLOAT_REDUCE_ALL(name, OP, IDENTITY)                       \
  FLOAT_REDUCE_F32(name, OP, IDENTITY, f32, float, SAME)           \
  FLOAT_REDUCE_F32(name, OP, IDENTITY, bf16, uint16_t, narrow_one_bf16) \
  FLOAT_REDUCE_F32(name, OP, IDENTITY, f16, uint16_t, narrow_one_f16)   \
  FLOAT_ACCUMULATE(name, OP, IDENTITY, f64, double, double, vf64, LANES_F64, f64) \
  FLOAT_COMBINE(name, OP, f64, double, vf64, LANES_F64, f64)       \
  FLOAT_REDUCE(name, OP, IDENTITY, f64, double, double, vf64, LANES_F64, FOLD_F64, SAME)

FLOAT_REDUCE_ALL(sum, OP_ADD, 0)
FLOAT_REDUCE_ALL(prod, OP_MUL, 1)
FLOAT_REDUCE_ALL(max, OP_MAX, -INFINITY)
FLOAT_REDUCE_ALL(min, OP_MIN, INFINITY)

// ---- Integers and booleans ---------------------------------------------------------------------------

#define INTEGER_REDUCE(name, suffix, T, IDENTITY, expression)                                                 \
  INTEGER_ACCUMULATE(name, suffix, T, expression)                                                             \
  static void name##_rows_##suffix(void *dst, const void *src, int64_t rows, int64_t length) {                \
    T *d = dst;                                                                                               \
    for (int64_t r = 0; r < rows; r++) {                                                                      \
      const T *s = (const T *)src + r * length;                                                               \
      T x = IDENTITY;                                                                                         \
      for (int64_t i = 0; i < length; i++) {                                                                  \
        T y = s[i];                                                                                           \
        x = (T)(expression);                                                                                  \
      }                                                                                                       \
      d[r] = x;                                                                                               \
    }                                                                                                         \
  }                                                                                                           \
  static void name##_columns_##suffix(void *dst, const void *src, int64_t length, int64_t stride,             \
                                      int64_t columns) {                                                      \
    enum { STRIP = 4096 / sizeof(T) };                                                                        \
    for (int64_t c0 = 0; c0 < columns; c0 += STRIP) {                                                         \
      int64_t chunk = columns - c0 < STRIP ? columns - c0 : STRIP;                                            \
      T *d = (T *)dst + c0;                                                                                   \
      for (int64_t c = 0; c < chunk; c++) d[c] = IDENTITY;                                                    \
      name##_accumulate_##suffix(d, (const T *)src + c0, length, stride, chunk);                              \
    }                                                                                                         \
  }

#define WIDTH_REDUCE(suffix, T, P)                          \
  INTEGER_REDUCE(sum, suffix, T, 0, (P)x + y)               \
  INTEGER_REDUCE(prod, suffix, T, 1, (P)x *y)               \
  INTEGER_REDUCE(and, suffix, T, (T)-1, x &y)               \
  INTEGER_REDUCE(or, suffix, T, 0, x | y)                   \
  INTEGER_REDUCE(xor, suffix, T, 0, x ^ y)
#define ORDER_REDUCE(suffix, T, LOWEST, HIGHEST)            \
  INTEGER_REDUCE(max, suffix, T, LOWEST, x > y ? x : y)     \
  INTEGER_REDUCE(min, suffix, T, HIGHEST, x < y ? x : y)

WIDTH_REDUCE(u8, uint8_t, uint32_t)
WIDTH_REDUCE(u16, uint16_t, uint32_t)
WIDTH_REDUCE(u32, uint32_t, uint32_t)
WIDTH_REDUCE(u64, uint64_t, uint64_t)
ORDER_REDUCE(i8, int8_t, INT8_MIN, INT8_MAX)
ORDER_REDUCE(i16, int16_t, INT16_MIN, INT16_MAX)
ORDER_REDUCE(i32, int32_t, INT32_MIN, INT32_MAX)
ORDER_REDUCE(i64, int64_t, INT64_MIN, INT64_MAX)
ORDER_REDUCE(u8, uint8_t, 0, UINT8_MAX)
ORDER_REDUCE(u16, uint16_t, 0, UINT16_MAX)
ORDER_REDUCE(u32, uint32_t, 0, UINT32_MAX)
ORDER_REDUCE(u64, uint64_t, 0, UINT64_MAX)
INTEGER_REDUCE(and, truth, uint8_t, 1, x &y)
INTEGER_REDUCE(or, truth, uint8_t, 0, x | y)
