// Packing of patches for matrix products, and convolutions of single channels. Included with gemm_float.inc.h, whose
// macros it uses.

// Where the run of one row is, or a copy of what of it is inside the input, with zeros around it, in `spare`.
INLINE const GEMM_T *GEMM(clipped_run)(const GEMM_T *from, int64_t length, int64_t inside_from, int64_t inside_to,
                                       const GEMM_T *zeros, GEMM_T *spare) {
  if (inside_from <= 0 && length <= inside_to) return from;
  if (inside_from < 0) inside_from = 0;
  if (inside_to > length) inside_to = length;
  if (inside_from >= inside_to) return zeros;
  memset(spare, 0, (size_t)length * sizeof(GEMM_T));
  memcpy(spare + inside_from, from + inside_from, (size_t)(inside_to - inside_from) * sizeof(GEMM_T));
  return spare;
}

// Panels of rows whose features lie side by side. Taps that do so too make one run with them. `spare` has room for
// GEMM_MR + 1 runs of a block's depth.
static void GEMM(pack_feature_runs)(GEMM_T *to, const GEMM_T *input, const blox_patches *patches, int64_t row,
                                    int64_t depth, int64_t m, int64_t k, GEMM_T *spare) {
  const blox_patch_dimension *last = patches->dims + patches->rank - 1;
  const int64_t features = patches->features, tap_stride = last->dilation * last->stride;
  const bool joined = tap_stride == features;
  GEMM_T *zeros = spare + GEMM_MR * GEMM_KC;
  memset(zeros, 0, GEMM_KC * sizeof(GEMM_T));
  for (int64_t i = 0; i < m; i += GEMM_MR) {
    int64_t count = m - i < GEMM_MR ? m - i : GEMM_MR;
    int64_t origins[GEMM_MR][PATCH_RANK], images[GEMM_MR];
    for (int64_t r = 0; r < count; r++) images[r] = patch_origin(patches, row + i + r, origins[r]);
    for (int64_t column = depth; column < depth + k;) {
      int64_t tap = column / features, within = column % features;
      int64_t outer = tap / last->taps, first_tap = tap % last->taps;
      int64_t room = joined ? (last->taps - first_tap) * features - within : features - within;
      int64_t length = room < depth + k - column ? room : depth + k - column;
      const GEMM_T *rows[GEMM_MR];
      for (int64_t r = 0; r < count; r++) {
        patch_run run = patch_run_at(patches, origins[r], outer);
        const GEMM_T *from = input + images[r] + run.offset + first_tap * tap_stride + within;
        // In elements from `from` on; a tap that stands alone is inside as a whole or not at all.
        int64_t inside_from = (run.first - first_tap) * features - within;
        int64_t inside_to = (run.end - first_tap) * features - within;
        rows[r] = GEMM(clipped_run)(from, length, inside_from, inside_to, zeros, spare + r * GEMM_KC);
      }
      GEMM(pack_rows)(to + i * k + (column - depth) * GEMM_MR, rows, count, GEMM_MR, length);
      column += length;
    }
  }
}

// to[j * GEMM_MR + i] = from[j * step + i] for i < length, j < count; zeros without `from`.
INLINE void GEMM(pack_strip)(GEMM_T *to, const GEMM_T *from, int64_t step, int64_t length, int64_t count) {
  if (length == 1) {
    for (int64_t j = 0; j < count; j++) to[j * GEMM_MR] = from ? from[j * step] : 0;
    return;
  }
  for (int64_t i = 0; i < length; i += GEMM_LANES) {
    int64_t n = length - i;
    if (n >= GEMM_LANES) {
      for (int64_t j = 0; j < count; j++) {
        GEMM_IO(store)(to + j * GEMM_MR + i, from ? GEMM_IO(load)(from + j * step + i) : (GEMM_V)(GEMM_T)0);
      }
    } else {
      for (int64_t j = 0; j < count; j++) {
        GEMM_V v = from ? GEMM_IO(load_first)(from + j * step + i, n) : (GEMM_V)(GEMM_T)0;
        GEMM_IO(store_first)(to + j * GEMM_MR + i, v, n);
      }
    }
  }
}

// Panels of rows whose images lie side by side: strips of the rows that have one position.
static void GEMM(pack_image_strips)(GEMM_T *to, const GEMM_T *input, const blox_patches *patches, int64_t row,
                                    int64_t depth, int64_t m, int64_t k) {
  const blox_patch_dimension *last = patches->dims + patches->rank - 1;
  const int64_t step = last->dilation * last->stride;
  for (int64_t i = 0; i < m; i += GEMM_MR) {
    int64_t count = m - i < GEMM_MR ? m - i : GEMM_MR;
    for (int64_t done = 0; done < count;) {
      int64_t origin[PATCH_RANK];
      const GEMM_T *image = input + patch_origin(patches, row + i + done, origin);
      int64_t rest = patches->images - (row + i + done) % patches->images;
      int64_t length = rest < count - done ? rest : count - done;
      for (int64_t column = depth; column < depth + k;) {
        patch_taps taps = patch_taps_at(patches, origin, column, depth + k);
        GEMM_T *strip = to + i * k + (column - depth) * GEMM_MR + done;
        const GEMM_T *from = image + taps.offset + taps.first * step;
        int64_t inside = taps.end - taps.first;
        GEMM(pack_strip)(strip, NULL, 0, length, taps.first);
        if (inside > 0) GEMM(pack_strip)(strip + taps.first * GEMM_MR, from, step, length, inside);
        GEMM(pack_strip)(strip + taps.end * GEMM_MR, NULL, 0, length, taps.count - taps.end);
        column += taps.count;
      }
      done += length;
    }
  }
}

// ---- In place -------------------------------------------------------------------------------------------

// Neighbouring columns of the rows of a tile, from `depth` of a block of k on. Column p of row i is a[i * step + p] where
// features are inner, a[i + p * step] where images are.
typedef struct {
  const GEMM_T *a;
  int64_t step, depth, length;
} GEMM(tap_run);

// A tile's number of rows, and its runs.
typedef struct {
  int64_t rows, first_run, end_run;
} GEMM(tap_tile);

// Copied rows of a line, for the next lines' tiles: those read the same under another row of taps.
typedef struct {
  const GEMM_T *line;
  int64_t start, rows, length;
  const GEMM_T *a;
  int64_t step;
} GEMM(tap_copy);

enum {
  GEMM(RUNS) = 2 * GEMM_KC,
  GEMM(TILES) = 32,
  GEMM(COPY_BITS) = 6,
  GEMM(AHEAD) = 4096,  // bytes that are asked for, at most, before a tile is multiplied by a panel
};

// Tiles that wait to be multiplied.
typedef struct {
  GEMM(tap_run) runs[GEMM(RUNS)];
  GEMM(tap_tile) tiles[GEMM(TILES)];
  int64_t run_count, tile_count;
  GEMM(tap_copy) known[1 << GEMM(COPY_BITS)];  // each where its hash says; a later one takes its place
  GEMM_T *copies;                              // room for more
  int64_t room;
  const GEMM_T *zeros;
} GEMM(tap_batch);

_Static_assert(GEMM_MR <= 14, "rows of a tile are reached from two of them");

// A tile of C: the products of all runs. `b` is a panel.
INLINE void GEMM(tap_products)(const int rows, const int vectors, const bool features_inner,
                               const GEMM(tap_run) *run, const GEMM(tap_run) *end, const GEMM_T *b, GEMM_T *c,
                               int64_t c_row, int64_t last, bool accumulate) {
  GEMM(tile_sums) sum;
  GEMM(begin_tile)(rows, vectors, sum, c, c_row);
  for (; run < end; run++) {
    // Seven rows from `first` on, and seven from `second`. The compiler is not to see how these advance: it would keep a
    // pointer for each row, more than there are registers.
    const int64_t step = run->step * (int64_t)sizeof(GEMM_T);
    const char *first = (const char *)run->a, *second = first + 7 * step;
    const GEMM_T *a = run->a, *panel = b + run->depth * GEMM(NR);
    for (int64_t p = 0; p < run->length; p++) {
      GEMM_V row[GEMM_VECTORS];
      GEMM(load_row)(vectors, false, panel, last, row);
      if (features_inner) __asm__("" : "+r"(first), "+r"(second));
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) {
        const GEMM_T *at = features_inner ? (const GEMM_T *)((i < 7 ? first : second) + i % 7 * step) : a + i;
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++) sum[i][j] = GEMM_MULTIPLY_ADD((GEMM_V)*at, row[j], sum[i][j]);
      }
      first += sizeof(GEMM_T);
      second += sizeof(GEMM_T);
      a += run->step;
      panel += GEMM(NR);
    }
  }
  GEMM(end_tile)(rows, vectors, sum, c, c_row, last, accumulate);
}

typedef void (*GEMM(tap_fn))(const GEMM(tap_run) *run, const GEMM(tap_run) *end, const GEMM_T *b, GEMM_T *c,
                             int64_t c_row, int64_t last, bool accumulate);

#define TAP_KERNEL(name, features_inner, rows, vectors)                                                         \
  static void GEMM(name##_##vectors##_##rows)(const GEMM(tap_run) *run, const GEMM(tap_run) *end,                 \
                                              const GEMM_T *b, GEMM_T *c, int64_t c_row, int64_t last,            \
                                              bool accumulate) {                                                  \
    GEMM(tap_products)(rows, vectors, features_inner, run, end, b, c, c_row, last, accumulate);                   \
  }
#define TAP_KERNELS(rows)                                                                                         \
  TAP_KERNEL(feature_taps, true, rows, 1)                                                                         \
  TAP_KERNEL(feature_taps, true, rows, 2)                                                                         \
  TAP_KERNEL(image_taps, false, rows, 1)                                                                          \
  TAP_KERNEL(image_taps, false, rows, 2)
#define FEATURE_ENTRY(rows) {GEMM(feature_taps_1_##rows), GEMM(feature_taps_2_##rows)},
#define IMAGE_ENTRY(rows) {GEMM(image_taps_1_##rows), GEMM(image_taps_2_##rows)},

GEMM_EACH_ROW(TAP_KERNELS)
static const GEMM(tap_fn) GEMM(tap_kernels)[2][GEMM_MR][GEMM_VECTORS] = {{GEMM_EACH_ROW(IMAGE_ENTRY)},
                                                                       {GEMM_EACH_ROW(FEATURE_ENTRY)}};

#undef TAP_KERNEL
#undef TAP_KERNELS
#undef FEATURE_ENTRY
#undef IMAGE_ENTRY

// The elements of a tile's rows in one run, of which some are outside the input, copied with zeros for these. `start` is
// where the first row's lie in a line of `size` elements; those of the next row are `row_step` further.
static GEMM(tap_run) GEMM(copied_run)(GEMM(tap_batch) *batch, const GEMM_T *line, int64_t size, int64_t start,
                                      int64_t row_step, int64_t rows, int64_t length) {
  const uint64_t hash = ((uint64_t)(uintptr_t)line + (uint64_t)start) * 0x9E3779B97F4A7C15u;  // Fibonacci hashing (Knuth)
  GEMM(tap_copy) *known = batch->known + (hash >> (64 - GEMM(COPY_BITS)));
  if (known->line == line && known->start == start && known->rows == rows && known->length == length) {
    return (GEMM(tap_run)){known->a, known->step, 0, length};
  }
  // Rows that overlap are copied as one.
  const int64_t together = (rows - 1) * row_step + length;
  int64_t pieces = 1, piece = together, step = row_step;
  if (together > rows * length) {
    pieces = rows, piece = length;
    // Rows whole pages apart would displace each other in the first-level cache.
    step = length + (length * (int64_t)sizeof(GEMM_T) % 2048 == 0 ? GEMM_LANES : 0);
  }
  GEMM_T *to = batch->copies;
  for (int64_t i = 0; i < pieces; i++) {
    int64_t at = start + i * row_step;
    int64_t from = at < 0 ? -at : 0, end = size - at;
    from = from < piece ? from : piece;
    end = end < from ? from : end < piece ? end : piece;
    GEMM_T *copy = to + i * step;
    memset(copy, 0, (size_t)from * sizeof(GEMM_T));
    memcpy(copy + from, line + at + from, (size_t)(end - from) * sizeof(GEMM_T));
    memset(copy + end, 0, (size_t)(piece - end) * sizeof(GEMM_T));
  }
  int64_t used = pieces == 1 ? piece : pieces * step;
  batch->copies += used;
  batch->room -= used;
  *known = (GEMM(tap_copy)){line, start, rows, length, to, step};
  return (GEMM(tap_run)){to, step, 0, length};
}

// Adds the runs of rows whose features lie side by side. Taps that do so too make one run with them.
static void GEMM(add_feature_runs)(GEMM(tap_batch) *batch, const GEMM_T *input, const blox_patches *patches,
                                   int64_t row, int64_t rows, int64_t depth, int64_t k) {
  const blox_patch_dimension *last = patches->dims + patches->rank - 1;
  const int64_t features = patches->features, tap_stride = last->dilation * last->stride;
  const int64_t row_step = last->step * last->stride, size = last->size * last->stride;
  const bool aliased = row_step * (int64_t)sizeof(GEMM_T) % 4096 == 0;
  int64_t origin[PATCH_RANK];
  const GEMM_T *image = input + patch_origin(patches, row, origin);
  for (int64_t column = depth; column < depth + k;) {
    int64_t tap = column / features, within = column % features;
    int64_t first_tap = tap % last->taps;
    int64_t room = tap_stride == features ? (last->taps - first_tap) * features - within : features - within;
    int64_t length = room < depth + k - column ? room : depth + k - column;
    GEMM(tap_run) run = {batch->zeros, 0, 0, length};
    int64_t offset;
    if (patch_line_at(patches, origin, tap / last->taps, &offset)) {
      int64_t start = origin[patches->rank - 1] * last->stride + first_tap * tap_stride + within;
      if (start >= 0 && start + (rows - 1) * row_step + length <= size && !aliased) {
        run.a = image + offset + start;
        run.step = row_step;
      } else {
        run = GEMM(copied_run)(batch, image + offset, size, start, row_step, rows, length);
      }
    }
    run.depth = column - depth;
    batch->runs[batch->run_count++] = run;
    column += length;
  }
}

// Adds the runs of rows whose images lie side by side: taps along the last dimension that are inside the input.
static void GEMM(add_image_runs)(GEMM(tap_batch) *batch, const GEMM_T *input, const blox_patches *patches, int64_t row,
                                 int64_t depth, int64_t k) {
  const blox_patch_dimension *last = patches->dims + patches->rank - 1;
  const int64_t step = last->dilation * last->stride;
  int64_t origin[PATCH_RANK];
  const GEMM_T *image = input + patch_origin(patches, row, origin);
  for (int64_t column = depth; column < depth + k;) {
    patch_taps taps = patch_taps_at(patches, origin, column, depth + k);
    if (taps.first < taps.end) {
      batch->runs[batch->run_count++] = (GEMM(tap_run)){
          image + taps.offset + taps.first * step, step, column - depth + taps.first, taps.end - taps.first};
    }
    column += taps.count;
  }
}

// Where the line under the last taps of a row's window begins, or the line of the input next to it.
INLINE const GEMM_T *GEMM(last_line)(const GEMM_T *input, const blox_patches *patches, int64_t row) {
  int64_t origin[PATCH_RANK];
  const GEMM_T *line = input + patch_origin(patches, row, origin);
  for (int64_t d = 0; d < patches->rank - 1; d++) {
    const blox_patch_dimension *dim = patches->dims + d;
    int64_t at = origin[d] + (dim->taps - 1) * dim->dilation;
    line += (at < 0 ? 0 : at < dim->size ? at : dim->size - 1) * dim->stride;
  }
  return line;
}

// A block of C from patches where they lie and panels of B: `depth` is the first of `k` columns of patches.
static void GEMM(multiply_patches)(const GEMM_T *input, const blox_patches *patches, int64_t row, int64_t depth,
                                   const GEMM_T *packed_b, GEMM_T *c, int64_t c_row, int64_t m, int64_t n, int64_t k,
                                   bool accumulate, GEMM_T *spare, int64_t room) {
  GEMM(tap_batch) batch;
  batch.zeros = spare;
  memset(spare, 0, GEMM_KC * sizeof(GEMM_T));
  const int64_t line = patch_line(patches);
  for (int64_t i = 0; i < m;) {
    batch.run_count = batch.tile_count = 0;
    memset(batch.known, 0, sizeof batch.known);
    batch.copies = spare + GEMM_KC;
    batch.room = room - GEMM_KC;
    const int64_t first = i;
    // Each column is at most one run, whose rows are at most copied each.
    while (i < m && batch.tile_count < GEMM(TILES) && batch.run_count + k <= GEMM(RUNS) &&
           (batch.tile_count == 0 || batch.room >= GEMM_MR * (GEMM_KC + 2 * GEMM_LANES))) {
      int64_t left = line - (row + i) % line;
      if (left > m - i) left = m - i;
      int64_t tiles = (left + GEMM_MR - 1) / GEMM_MR, rows = (left + tiles - 1) / tiles;
      GEMM(tap_tile) *tile = batch.tiles + batch.tile_count++;
      tile->rows = rows;
      tile->first_run = batch.run_count;
      if (patches->features_inner) {
        GEMM(add_feature_runs)(&batch, input, patches, row + i, rows, depth, k);
      } else {
        GEMM(add_image_runs)(&batch, input, patches, row + i, depth, k);
      }
      tile->end_run = batch.run_count;
      i += rows;
    }
    // What the tiles after these are the first to read is asked for meanwhile.
    const char *ahead = (const char *)GEMM(last_line)(input, patches, row + i);
    const char *ahead_end = (const char *)GEMM(last_line)(input, patches, row + 2 * i - first);
    int64_t share = (ahead_end - ahead) / (batch.tile_count * ((n + GEMM(NR) - 1) / GEMM(NR))) + 1;
    if (share > GEMM(AHEAD)) share = GEMM(AHEAD);
    for (int64_t j = 0; j < n; j += GEMM(NR)) {
      int64_t columns = n - j < GEMM(NR) ? n - j : GEMM(NR);
      int64_t vectors = (columns + GEMM_LANES - 1) / GEMM_LANES;
      int64_t last = columns - (vectors - 1) * GEMM_LANES;
      GEMM_T *to = c + first * c_row + j;
      for (const GEMM(tap_tile) *tile = batch.tiles; tile < batch.tiles + batch.tile_count; tile++) {
        for (const char *stop = ahead + share; ahead < stop; ahead += 64) __builtin_prefetch(ahead, 0, 2);
        GEMM(tap_kernels)[patches->features_inner][tile->rows - 1][vectors - 1](
            batch.runs + tile->first_run, batch.runs + tile->end_run, packed_b + j * k, to, c_row, last, accumulate);
        to += tile->rows * c_row;
      }
    }
  }
}

// ---- One channel at a time ---------------------------------------------------------------------------------

// Sums of `vectors` vectors of channels for one row, of which the last has `count` lanes.
INLINE void GEMM(channel_block)(const int vectors, const bool masked, const blox_patches *patches,
                                const int64_t *origin, const GEMM_T *input, const GEMM_T *kernel, int64_t channels,
                                GEMM_T *to, int64_t count) {
  const blox_patch_dimension *last = patches->dims + patches->rank - 1;
  const int64_t step = last->dilation * last->stride;
  const int64_t runs = patches->taps / last->taps;
  GEMM_V sum[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) sum[v] = (GEMM_V)(GEMM_T)0;
  for (int64_t feature = 0; feature < patches->features; feature++) {
    for (int64_t outer = 0; outer < runs; outer++) {
      patch_run run = patch_run_at(patches, origin, outer);
      const GEMM_T *x = input + feature * patches->feature_stride + run.offset + run.first * step;
      const GEMM_T *y = kernel + (feature * patches->taps + outer * last->taps + run.first) * channels;
      for (int64_t tap = run.first; tap < run.end; tap++, x += step, y += channels) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
          bool part = masked && v == vectors - 1;
          GEMM_V a = part ? GEMM_IO(load_first)(x + v * GEMM_LANES, count) : GEMM_IO(load)(x + v * GEMM_LANES);
          GEMM_V b = part ? GEMM_IO(load_first)(y + v * GEMM_LANES, count) : GEMM_IO(load)(y + v * GEMM_LANES);
          sum[v] = GEMM_MULTIPLY_ADD(a, b, sum[v]);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    if (masked && v == vectors - 1) {
      GEMM_IO(store_first)(to + v * GEMM_LANES, sum[v], count);
    } else {
      GEMM_IO(store)(to + v * GEMM_LANES, sum[v]);
    }
  }
}

// Rows `first` to `end` of as many products as there are channels, which lie side by side in input, kernel and result.
static void GEMM(run_channels)(const blox_patches *patches, const void *input, const void *kernel, void *result,
                               int64_t channels, int64_t first, int64_t end) {
  for (int64_t row = first; row < end; row++) {
    int64_t origin[PATCH_RANK];
    const GEMM_T *x = (const GEMM_T *)input + patch_origin(patches, row, origin);
    const GEMM_T *y = kernel;
    GEMM_T *to = (GEMM_T *)result + row * channels;
    int64_t c = 0;
    for (; c + 4 * GEMM_LANES <= channels; c += 4 * GEMM_LANES) {
      GEMM(channel_block)(4, false, patches, origin, x + c, y + c, channels, to + c, GEMM_LANES);
    }
    for (; c + GEMM_LANES <= channels; c += GEMM_LANES) {
      GEMM(channel_block)(1, false, patches, origin, x + c, y + c, channels, to + c, GEMM_LANES);
    }
    if (c < channels) {
      GEMM(channel_block)(1, true, patches, origin, x + c, y + c, channels, to + c, channels - c);
    }
  }
}
