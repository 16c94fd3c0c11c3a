// Transposes of elements of one width; included for each, which defines
// TRANSPOSE_T, an unsigned integer of that width, TRANSPOSE_SIDE, how many 128 bits hold, and TRANSPOSE(name) to append
// its name.
//
// dst[i * dst_stride + j] = src[j * src_stride + i] for i < rows, j < columns.
//
// A block is one cache line wide and high, and passes through a buffer: rows of src and dst that lie a multiple of
// 4096 bytes apart would otherwise keep evicting each other and stalling loads on unrelated stores.

enum { TRANSPOSE(BLOCK) = LINE / sizeof(TRANSPOSE_T), TRANSPOSE(STRIP) = 2 * TRANSPOSE(BLOCK) };

typedef TRANSPOSE_T TRANSPOSE(vector) __attribute__((vector_size(16)));

// One square of vectors, by log2(side) perfect shuffles of its rows.
static inline void TRANSPOSE(square)(TRANSPOSE_T *dst, int64_t dst_stride, const TRANSPOSE_T *src, int64_t src_stride) {
  enum { SIDE = TRANSPOSE_SIDE };
  TRANSPOSE(vector) row[SIDE], t[SIDE];
  for (int j = 0; j < SIDE; j++) memcpy(&row[j], src + j * src_stride, 16);
#pragma clang loop unroll(full)
  for (int step = 1; step < SIDE; step *= 2) {
    for (int i = 0; i < SIDE / 2; i++) {
      t[2 * i] = TRANSPOSE_LOW(row[i], row[i + SIDE / 2]);
      t[2 * i + 1] = TRANSPOSE_HIGH(row[i], row[i + SIDE / 2]);
    }
    for (int i = 0; i < SIDE; i++) row[i] = t[i];
  }
  for (int i = 0; i < SIDE; i++) memcpy(dst + i * dst_stride, &row[i], 16);
}

static inline void TRANSPOSE(block)(TRANSPOSE_T *dst, int64_t dst_stride, const TRANSPOSE_T *src, int64_t src_stride) {
  for (int j = 0; j < TRANSPOSE(BLOCK); j += TRANSPOSE_SIDE) {
    for (int i = 0; i < TRANSPOSE(BLOCK); i += TRANSPOSE_SIDE) {
      TRANSPOSE(square)(dst + i * dst_stride + j, dst_stride, src + j * src_stride + i, src_stride);
    }
  }
}

// A block at the end of rows or columns.
static inline void TRANSPOSE(edge)(TRANSPOSE_T *dst, int64_t dst_stride, const TRANSPOSE_T *src, int64_t src_stride,
                                   int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j++) dst[i * dst_stride + j] = src[j * src_stride + i];
  }
}

// Columns go in chunks, so that the pages of a chunk of src rows stay in the translation cache while i advances. Beyond
// the second-level cache src is prefetched: no hardware prefetcher follows a column.
static void TRANSPOSE(into_caches)(TRANSPOSE_T *dst, int64_t dst_stride, const TRANSPOSE_T *src, int64_t src_stride,
                                   int64_t rows, int64_t columns) {
  enum { BLOCK = TRANSPOSE(BLOCK), CHUNK = 512, PREFETCH_BYTES = 1 << 20 };
  const bool prefetches = rows * columns * (int64_t)sizeof(TRANSPOSE_T) >= PREFETCH_BYTES;
  for (int64_t jc = 0; jc < columns; jc += CHUNK) {
    const int64_t end = smaller(columns, jc + CHUNK);
    for (int64_t i = 0; i < rows; i += BLOCK) {
      const int64_t height = smaller(rows - i, BLOCK);
      for (int64_t j = jc; j < end; j += BLOCK) {
        for (int64_t ahead = j + 2 * BLOCK; prefetches && ahead < smaller(end, j + 3 * BLOCK); ahead++) {
          __builtin_prefetch(src + ahead * src_stride + i);
        }
        TRANSPOSE_T *to = dst + i * dst_stride + j;
        const TRANSPOSE_T *from = src + j * src_stride + i;
        const int64_t width = smaller(end - j, BLOCK);
        if (height < BLOCK || width < BLOCK) {
          TRANSPOSE(edge)(to, dst_stride, from, src_stride, height, width);
          continue;
        }
        TRANSPOSE_T block[BLOCK][BLOCK] __attribute__((aligned(LINE)));
        TRANSPOSE(block)(block[0], BLOCK, from, src_stride);
        for (int line = 0; line < BLOCK; line++) memcpy(to + line * dst_stride, block[line], LINE);
      }
    }
  }
}

// A part of src that comes to the second-level cache row by row, some lines at a time.
typedef struct {
  const TRANSPOSE_T *row;
  int64_t stride, length, rows, asked;
} TRANSPOSE(ahead);

static inline void TRANSPOSE(ask)(TRANSPOSE(ahead) *ahead) {
  if (ahead->rows <= 0) return;
  __builtin_prefetch(ahead->row + ahead->asked, 0, 2);
  ahead->asked += TRANSPOSE(BLOCK);
  if (ahead->asked >= ahead->length) {
    ahead->asked = 0;
    ahead->row += ahead->stride;
    ahead->rows--;
  }
}

// Some blocks side by side, past the caches. All callers pass a literal for how many, which unrolls the loops.
static inline __attribute__((always_inline)) void TRANSPOSE(stream)(
    const int blocks, TRANSPOSE_T *dst, int64_t dst_stride, const TRANSPOSE_T *src, int64_t src_stride,
    TRANSPOSE(ahead) *ahead) {
  enum { BLOCK = TRANSPOSE(BLOCK), STRIP = TRANSPOSE(STRIP) };
  TRANSPOSE_T buffer[BLOCK][STRIP] __attribute__((aligned(LINE)));
  for (int j = 0; j < blocks * BLOCK; j++) __builtin_prefetch(src + j * src_stride + BLOCK);
#pragma clang loop unroll(full)
  for (int j = 0; j < blocks * BLOCK; j += BLOCK) {
    TRANSPOSE(block)(&buffer[0][j], STRIP, src + j * src_stride, src_stride);
  }
  for (int i = 0; i < BLOCK; i++) {
    for (int j = 0; j < blocks; j++) TRANSPOSE(ask)(ahead);
    const TRANSPOSE(vector) *from = (const TRANSPOSE(vector) *)buffer[i];
    TRANSPOSE(vector) *to = (TRANSPOSE(vector) *)(dst + i * dst_stride);
    for (int j = 0; j < blocks * BLOCK / TRANSPOSE_SIDE; j++) __builtin_nontemporal_store(from[j], to + j);
  }
}

// Rows of dst begin at cache lines, and may be written in any order: strips of src rows go from one end to the other, two
// blocks side by side, since memory takes lines in pairs. Meanwhile the strip's next elements, or the next strip's, come
// to the second-level cache: memory reads runs of lines faster than a line here and a line there.
static void TRANSPOSE(past_caches)(TRANSPOSE_T *dst, int64_t dst_stride, const TRANSPOSE_T *src, int64_t src_stride,
                                   int64_t rows, int64_t columns) {
  enum { BLOCK = TRANSPOSE(BLOCK), STRIP = TRANSPOSE(STRIP), MOST_AHEAD = 256 };
  // Chunks of equal length, so that each has time to ask for all of the next one.
  const int64_t chunks = (rows + MOST_AHEAD - 1) / MOST_AHEAD;
  const int64_t chunk = (rows + BLOCK * chunks - 1) / (BLOCK * chunks) * BLOCK;
  for (int64_t j = 0; j < columns; j += STRIP) {
    const int64_t width = smaller(columns - j, STRIP);
    for (int64_t ic = 0; ic < rows; ic += chunk) {
      const int64_t end = smaller(rows, ic + chunk);
      const int64_t next_j = end < rows ? j : j + STRIP, next_i = end < rows ? end : 0;
      TRANSPOSE(ahead) ahead = {src + next_j * src_stride + next_i, src_stride, smaller(rows - next_i, chunk),
                                smaller(columns - next_j, STRIP), 0};
      for (int64_t i = ic; i < end; i += BLOCK) {
        TRANSPOSE_T *to = dst + i * dst_stride + j;
        const TRANSPOSE_T *from = src + j * src_stride + i;
        const int64_t height = smaller(rows - i, BLOCK);
        if (height == BLOCK && width == STRIP) {
          TRANSPOSE(stream)(2, to, dst_stride, from, src_stride, &ahead);
          continue;
        }
        const int64_t whole = height == BLOCK && width >= BLOCK ? BLOCK : 0;
        if (whole) TRANSPOSE(stream)(1, to, dst_stride, from, src_stride, &ahead);
        TRANSPOSE(edge)(to + whole, dst_stride, from + whole * src_stride, src_stride, height, width - whole);
      }
    }
  }
}

#undef TRANSPOSE_T
#undef TRANSPOSE_SIDE
#undef TRANSPOSE
#undef TRANSPOSE_LOW
#undef TRANSPOSE_HIGH
