// Patches: the matrix whose product with a kernel is a convolution. It is never stored; packing reads its elements
// where they lie in the input.
//
// A row is a position of the window in an image, a column a tap of the window in a feature map. Their orders make
// neighbours in memory neighbours in the matrix:
//
//                      rows                  columns             of
//   features inner     (image, position)     (tap, feature)      inputs whose features lie side by side
//   images inner       (position, image)     (feature, tap)      inputs whose images do: gradients of kernels, where
//                                                                features take the part of images

enum { PATCH_RANK = 64 };

// Where the first tap of a row lies along each dimension, padding before it negative. Returns the offset of its image.
INLINE int64_t patch_origin(const blox_patches *patches, int64_t row, int64_t *origin) {
  int64_t image = patches->features_inner ? row / patches->positions : row % patches->images;
  int64_t position = patches->features_inner ? row % patches->positions : row / patches->images;
  for (int64_t d = patches->rank - 1; d >= 0; d--) {
    const blox_patch_dimension *dim = patches->dims + d;
    origin[d] = position % dim->positions * dim->step - dim->low;
    position /= dim->positions;
  }
  return image * patches->image_stride;
}

// Taps along the last dimension; those from `first` to `end` lie inside the input. `offset` is where tap 0 lies or
// would lie.
typedef struct {
  int64_t offset, first, end;
} patch_run;

// Where a row's taps with index `outer` in the other dimensions of the window begin their line, from its image on; false
// if one of those is not inside.
INLINE bool patch_line_at(const blox_patches *patches, const int64_t *origin, int64_t outer, int64_t *offset) {
  *offset = 0;
  for (int64_t d = patches->rank - 2; d >= 0; d--) {
    const blox_patch_dimension *dim = patches->dims + d;
    int64_t at = origin[d] + outer % dim->taps * dim->dilation;
    outer /= dim->taps;
    if (at < 0 || at >= dim->size) return false;
    *offset += at * dim->stride;
  }
  return true;
}

// The run of a row with index `outer` in the other dimensions of the window; no tap is inside if one of those is not.
INLINE patch_run patch_run_at(const blox_patches *patches, const int64_t *origin, int64_t outer) {
  patch_run run = {0, 0, 0};
  const blox_patch_dimension *last = patches->dims + patches->rank - 1;
  if (!patch_line_at(patches, origin, outer, &run.offset)) return run;
  int64_t at = origin[patches->rank - 1];
  run.offset += at * last->stride;
  int64_t first = at >= 0 ? 0 : (last->dilation - 1 - at) / last->dilation;
  int64_t end = at >= last->size ? 0 : (last->size - 1 - at) / last->dilation + 1;
  if (end > last->taps) end = last->taps;
  if (first < end) run.first = first, run.end = end;
  return run;
}

// Neighbouring taps along the last dimension in one feature map: `count` columns of a row where images are inner. `offset`
// is where the first lies or would lie, from the row's image on; those from `first` to `end` lie inside the input.
typedef struct {
  int64_t count, offset, first, end;
} patch_taps;

// The taps from a column on, up to the column `stop` at most.
INLINE patch_taps patch_taps_at(const blox_patches *patches, const int64_t *origin, int64_t column, int64_t stop) {
  const blox_patch_dimension *last = patches->dims + patches->rank - 1;
  int64_t feature = column / patches->taps, tap = column % patches->taps, skipped = tap % last->taps;
  int64_t count = last->taps - skipped < stop - column ? last->taps - skipped : stop - column;
  patch_run run = patch_run_at(patches, origin, tap / last->taps);
  int64_t first = run.first > skipped ? run.first - skipped : 0;
  int64_t end = run.end - skipped < count ? run.end - skipped : count;
  first = first < count ? first : count;
  int64_t offset = feature * patches->feature_stride + run.offset + skipped * last->dilation * last->stride;
  return (patch_taps){count, offset, first, end > first ? end : first};
}

// How many neighbouring rows lie evenly spaced in memory.
INLINE int64_t patch_line(const blox_patches *patches) {
  return patches->features_inner ? patches->dims[patches->rank - 1].positions : patches->images;
}

// Whether products read the patches where they are, `mr` rows of a line at a time: not where lines are so short that
// tiles would be half empty. Depends on the whole product alone: elements outside the input may be left out of sums
// there, which shows when they meet what is not finite.
INLINE bool patches_in_place(const blox_patches *patches, int64_t mr) {
  int64_t line = patch_line(patches), tiles = (line + mr - 1) / mr;
  return 2 * ((line + tiles - 1) / tiles) >= mr;
}

// As many of `count` rows as end with a line, if any line ends there.
INLINE int64_t patch_lines(const blox_patches *patches, int64_t row, int64_t count) {
  int64_t line = patch_line(patches), whole = (row + count) / line * line - row;
  return whole > 0 ? whole : count;
}

// One row of the matrix, column after column, in elements of any width.
#define PATCH_ROW(suffix, T)                                                                                  \
  static void patch_row_##suffix(T *to, const T *input, const blox_patches *patches, int64_t row) {           \
    int64_t origin[PATCH_RANK];                                                                               \
    const blox_patch_dimension *last = patches->dims + patches->rank - 1;                                     \
    const T *image = input + patch_origin(patches, row, origin);                                              \
    bool inner = patches->features_inner;                                                                     \
    int64_t tap_columns = inner ? patches->features : 1, feature_columns = inner ? 1 : patches->taps;         \
    memset(to, 0, (size_t)(patches->taps * patches->features) * sizeof(T));                                   \
    for (int64_t outer = 0; outer < patches->taps / last->taps; outer++) {                                    \
      patch_run run = patch_run_at(patches, origin, outer);                                                   \
      for (int64_t tap = run.first; tap < run.end; tap++) {                                                   \
        const T *from = image + run.offset + tap * last->dilation * last->stride;                             \
        T *columns = to + (outer * last->taps + tap) * tap_columns;                                           \
        for (int64_t f = 0; f < patches->features; f++) {                                                     \
          columns[f * feature_columns] = from[f * patches->feature_stride];                                   \
        }                                                                                                     \
      }                                                                                                       \
    }                                                                                                         \
  }
