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
        int64_t feature = column / patches->taps, tap = column % patches->taps;
        int64_t first_tap = tap % last->taps;
        int64_t room = last->taps - first_tap;
        int64_t taps = room < depth + k - column ? room : depth + k - column;
        patch_run run = patch_run_at(patches, origin, tap / last->taps);
        int64_t first = run.first - first_tap, end = run.end - first_tap;
        first = first < 0 ? 0 : first > taps ? taps : first;
        end = end < first ? first : end > taps ? taps : end;
        GEMM_T *strip = to + i * k + (column - depth) * GEMM_MR + done;
        const GEMM_T *from = image + feature * patches->feature_stride + run.offset + first_tap * step;
        GEMM(pack_strip)(strip, NULL, 0, length, first);
        if (first < end) GEMM(pack_strip)(strip + first * GEMM_MR, from + first * step, step, length, end - first);
        GEMM(pack_strip)(strip + end * GEMM_MR, NULL, 0, length, taps - end);
        column += taps;
      }
      done += length;
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
