// Windows that move along an array: which elements are under which taps, and the walk over them.
//
// A row is all windows that differ in the last dimension only. Taps in the other dimensions are visited one after the
// other; for each of them, and each tap t of the last dimension, the windows for which t is on an element are a range,
// and an inner loop runs over that range and the channels. So windows at borders cost no more than others. A row is cut
// into blocks that stay in the first-level cache while all taps pass over them.

#include "kernel_table.h"

enum { MAX_RANK = 32, FOLD_BLOCK = 4096, SELECT_BLOCK = 1024 };

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }
// b > 0
static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0); }

// ---- Taps ------------------------------------------------------------------------------------------------

// The first tap at a multiple of the base dilation, where tap 0 is at `place`; -1 if none is.
static int64_t first_tap(const blox_pool_dimension *d, int64_t place) {
  if (d->base_dilation == 1) return 0;
  if (place % d->divisor != 0) return -1;
  int64_t rest = -(place / d->divisor) % d->period;
  if (rest < 0) rest += d->period;
  int64_t tap = (int64_t)((__int128)rest * d->inverse % d->period);
  return tap < d->size ? tap : -1;
}

// The taps of one window that are on elements.
typedef struct tap_range {
  int64_t first_element, element_step, count;
} tap_range;

static tap_range taps_of_window(const blox_pool_dimension *d, int64_t window) {
  tap_range none = {0, 0, 0};
  int64_t place = window * d->stride - d->low;
  int64_t room = (d->elements - 1) * d->base_dilation - place;
  int64_t first = first_tap(d, place);
  if (first < 0 || room < 0 || d->elements == 0) return none;
  int64_t least = place < 0 ? ceil_div(-place, d->window_dilation) : 0;
  if (first < least) first += ceil_div(least - first, d->period) * d->period;
  int64_t last = lesser(d->size - 1, room / d->window_dilation);
  if (first > last) return none;
  tap_range taps = {
    (place + first * d->window_dilation) / d->base_dilation, d->window_dilation / d->divisor,
    (last - first) / d->period + 1,
  };
  return taps;
}

// The windows of a row that have their taps on elements alike: window k of the line has its tap j on element
// `first + k * advance + j * step`, which may be outside.
typedef struct tap_line {
  int64_t windows, taps, first, advance, step;
  int64_t start, end;  // of the taps that are inside for some window
} tap_line;

static tap_line line_of_windows(const blox_pool_dimension *d, int64_t window, int64_t windows) {
  tap_line line = {windows, 0, 0, d->advance, d->window_dilation / d->divisor, 0, 0};
  int64_t place = window * d->stride - d->low;
  int64_t tap = first_tap(d, place);
  if (tap < 0 || windows == 0) return line;
  line.first = (place + tap * d->window_dilation) / d->base_dilation;
  line.taps = (d->size - 1 - tap) / d->period + 1;
  line.start = greater(0, ceil_div(-(line.first + (windows - 1) * line.advance), line.step));
  line.end = lesser(line.taps, floor_div(d->elements - 1 - line.first, line.step) + 1);
  return line;
}

// The windows among [start, end) of a line whose tap j is on an element in [least, most).
typedef struct window_range {
  int64_t start, end;
} window_range;

static window_range windows_of_tap(const tap_line *line, int64_t tap, int64_t start, int64_t end, int64_t least,
                                   int64_t most) {
  int64_t element = line->first + tap * line->step;
  window_range range = {start, end};
  // Most windows are inside, and divisions are slow.
  if (element + start * line->advance < least) range.start = ceil_div(least - element, line->advance);
  if (element + (end - 1) * line->advance >= most) range.end = floor_div(most - 1 - element, line->advance) + 1;
  if (range.start > end) range.start = end;
  if (range.end < range.start) range.end = range.start;
  return range;
}

// ---- Taps in all dimensions but the last -------------------------------------------------------------------

typedef struct outer_taps {
  int32_t rank;
  int64_t count;   // 0 if there is no element under the row
  int64_t offset;  // of the elements under the current taps, along the row from 0
  int64_t element[MAX_RANK], index[MAX_RANK];
  tap_range taps[MAX_RANK];
} outer_taps;

static void start_taps(const blox_pool *p, outer_taps *at) {
  at->offset = 0;
  for (int32_t d = 0; d < at->rank; d++) {
    at->index[d] = 0;
    at->element[d] = at->taps[d].first_element;
    at->offset += at->element[d] * p->dimensions[d].element_step;
  }
}

static void next_taps(const blox_pool *p, outer_taps *at) {
  for (int32_t d = at->rank - 1; d >= 0; d--) {
    int64_t step = at->taps[d].element_step;
    at->element[d] += step;
    at->offset += step * p->dimensions[d].element_step;
    if (++at->index[d] < at->taps[d].count) return;
    at->element[d] -= step * at->index[d];
    at->offset -= step * at->index[d] * p->dimensions[d].element_step;
    at->index[d] = 0;
  }
}

static void find_taps(const blox_pool *p, const int64_t *windows, outer_taps *at) {
  at->rank = p->rank - 1;
  at->count = 1;
  for (int32_t d = 0; d < at->rank; d++) {
    at->taps[d] = taps_of_window(&p->dimensions[d], windows[d]);
    at->count *= at->taps[d].count;
  }
  start_taps(p, at);
}

// The windows of a row in all dimensions but the last, and where the row begins.
static int64_t find_row(const blox_pool *p, int64_t row, int64_t *windows) {
  int64_t offset = 0;
  for (int32_t d = p->rank - 2; d >= 0; d--) {
    windows[d] = row % p->dimensions[d].windows;
    row /= p->dimensions[d].windows;
    offset += windows[d] * p->dimensions[d].window_step;
  }
  return offset;
}

// ---- Reductions --------------------------------------------------------------------------------------------

enum { FOLD_SOURCES = 4, LEAST_ASKING_BYTES = 2 << 20 };

// A reduction of some rows.
typedef struct folding {
  const blox_pool *pool;
  blox_pool_fold_fn fold;
  int32_t width;
  tap_line line;
  int64_t dst_step;   // from window to window, in elements
  uint64_t identity;
  int64_t ahead;      // from a row's elements to those of the next, in bytes; 0 if they need not be asked for
  int64_t last;       // the offset of the row's last outer taps, in bytes
} folding;

static blox_pool_fold fold_of(const folding *f, int64_t windows, int64_t channels) {
  blox_pool_run run = {windows, channels, f->dst_step, f->line.advance * f->pool->channels};
  blox_pool_fold fold = {run, false, f->identity, f->ahead, 0};
  return fold;
}

// Where the elements begin that the line's windows have under a tap.
static const char *tap_start(const folding *f, const char *src, int64_t tap) {
  return src + (f->line.first + tap * f->line.step) * f->pool->channels * f->width;
}

static void fold_taps(const folding *f, char *dst, const char *const *sources, int64_t count, int64_t start,
                      int64_t end, int64_t channels) {
  blox_pool_fold fold = fold_of(f, end - start, channels);
  const void *shifted[2];
  for (int64_t k = 0; k < count; k++) shifted[k] = sources[k] + start * fold.run.src_step * f->width;
  if (start < end) f->fold(dst + start * f->dst_step * f->width, shifted, count, &fold);
}

// Windows [start, end) of a line, under taps that are outside for some: channels from where dst and src point to.
static void fold_border(const folding *f, char *dst, const char *src, int64_t start, int64_t end, int64_t channels) {
  const int64_t elements = f->pool->dimensions[f->pool->rank - 1].elements;
  if (start == end) return;
  for (int64_t tap = f->line.start; tap < f->line.end; tap++) {
    window_range now = windows_of_tap(&f->line, tap, start, end, 0, elements), next = {0, 0};
    const char *sources[2] = {tap_start(f, src, tap), tap_start(f, src, tap + 1)};
    if (tap + 1 < f->line.end) next = windows_of_tap(&f->line, tap + 1, start, end, 0, elements);
    // Ranges begin and end the earlier the later the tap: [next.start, now.start), both, [next.end, now.end).
    if (now.start < next.end) {
      fold_taps(f, dst, sources + 1, 1, next.start, now.start, channels);
      fold_taps(f, dst, sources, 2, now.start, next.end, channels);
      now.start = next.end;
      tap++;
    }
    fold_taps(f, dst, sources, 1, now.start, now.end, channels);
  }
}

// The windows among [start, end) that have all taps on elements.
static window_range inner_windows(const folding *f, int64_t start, int64_t end) {
  const tap_line *line = &f->line;
  const int64_t elements = f->pool->dimensions[f->pool->rank - 1].elements;
  window_range inner = {end, end};
  if (line->taps == 0 || line->start > 0 || line->end < line->taps) return inner;
  inner.start = windows_of_tap(line, 0, start, end, 0, elements).start;
  inner.end = greater(inner.start, windows_of_tap(line, line->taps - 1, start, end, 0, elements).end);
  return inner;
}

// Those, under all taps, several at a time. `starts` if nothing is in dst yet.
static void fold_inner(const folding *f, outer_taps *at, char *dst, const char *src, window_range inner,
                       int64_t channels, bool starts) {
  const tap_line *line = &f->line;
  blox_pool_fold fold = fold_of(f, inner.end - inner.start, channels);
  const void *sources[FOLD_SOURCES];
  int64_t count = 0, left = at->count * line->taps;
  fold.starts = starts;
  dst += inner.start * f->dst_step * f->width;
  start_taps(f->pool, at);
  for (int64_t outer = 0; outer < at->count; outer++, next_taps(f->pool, at)) {
    bool is_new = f->ahead > 0 && at->offset * f->width + f->ahead > f->last;
    for (int64_t tap = 0; tap < line->taps; tap++) {
      // Where windows overlap, an element is asked for by the last tap that is on it.
      if (is_new && (line->taps - 1 - tap) * line->step < line->advance) fold.asks |= 1u << count;
      sources[count++] = tap_start(f, src + at->offset * f->width, tap) + inner.start * fold.run.src_step * f->width;
      left--;
      // Folds know 1, 2 and 4 sources.
      if (count == FOLD_SOURCES || left == 0 || (count == 2 && left == 1)) {
        f->fold(dst, sources, count, &fold);
        fold.starts = false;
        fold.asks = 0;
        count = 0;
      }
    }
  }
}

void blox_pool_reduce(const blox_pool *p, blox_reduce kind, uint64_t identity, char *dst, const char *src,
                      int64_t start, int64_t end) {
  const blox_kernel_table *kernels = blox_kernels(p->isa);
  const int32_t width = blox_dtype_width(p->dtype);
  const blox_pool_dimension *row_dimension = &p->dimensions[p->rank - 1];
  const int64_t windows = row_dimension->windows, phases = lesser(row_dimension->phases, windows);
  int64_t outer[MAX_RANK], bytes = p->channels * width;
  for (int32_t d = 0; d < p->rank; d++) bytes *= p->dimensions[d].elements;
  outer_taps at, next;
  folding f = {p, kernels->pool_fold[kind][p->dtype], width, line_of_windows(row_dimension, 0, windows),
               phases * p->channels, identity, 0, 0};
  const window_range inner = inner_windows(&f, 0, windows);
  // Whether no window is at a border of the row: the first taps then write it, and it needs no beginning.
  const bool is_inner = phases == 1 && inner.start == 0 && inner.end == windows;
  for (int64_t row = start; row < end; row++) {
    f.ahead = 0;
    char *row_dst = dst + find_row(p, row, outer) * width;
    find_taps(p, outer, &at);
    if (row + 1 < end && bytes >= LEAST_ASKING_BYTES && at.count > 0) {
      find_row(p, row + 1, outer);
      find_taps(p, outer, &next);
      if (next.count == at.count) f.ahead = (next.offset - at.offset) * width;
      f.last = at.offset * width;
      for (int32_t d = 0; d < at.rank; d++) {
        f.last += (at.taps[d].count - 1) * at.taps[d].element_step * p->dimensions[d].element_step * width;
      }
    }
    if (!is_inner || at.count == 0) kernels->fill(row_dst, width, identity, windows * p->channels);
    for (int64_t phase = 0; at.count > 0 && phase < phases; phase++) {
      if (phases > 1) f.line = line_of_windows(row_dimension, phase, (windows - phase + phases - 1) / phases);
      for (int64_t c = 0; c < p->channels; c += FOLD_BLOCK) {
        int64_t channels = lesser(FOLD_BLOCK, p->channels - c), block = greater(1, FOLD_BLOCK / channels);
        char *line_dst = row_dst + (phase * p->channels + c) * width;
        const char *line_src = src + c * width;
        for (int64_t k = 0; k < f.line.windows; k += block) {
          const int64_t stop = lesser(k + block, f.line.windows);
          const window_range all = inner_windows(&f, k, stop);
          if (all.start < all.end) fold_inner(&f, &at, line_dst, line_src, all, channels, is_inner);
          if (k == all.start && all.end == stop) continue;
          start_taps(p, &at);
          for (int64_t tap = 0; tap < at.count; tap++, next_taps(p, &at)) {
            const char *tap_src = line_src + at.offset * width;
            fold_border(&f, line_dst, tap_src, k, all.start, channels);
            fold_border(&f, line_dst, tap_src, all.end, stop, channels);
          }
        }
      }
    }
  }
}

// ---- Selections --------------------------------------------------------------------------------------------

// A block of windows of a row whose selected elements are looked for together.
typedef struct selection {
  const blox_pool *pool;
  int32_t width;
  tap_line line;
  int64_t start, end;        // windows of the line
  int64_t channel, channels;
  double best[SELECT_BLOCK];  // SELECT_BLOCK elements of the dtype's arithmetic: f64 or f32
  int32_t place[SELECT_BLOCK];
  int32_t best_width;
} selection;

static void clear_best(selection *s) {
  // All ones are a NaN, which every element beats.
  memset(s->best, 0xFF, (size_t)((s->end - s->start) * s->channels * s->best_width));
}

// Calls for each block of the row's windows. Windows in several phases go one by one, to keep their order.
static int64_t block_windows(const blox_pool_dimension *row, int64_t channels) {
  return row->phases > 1 ? 1 : greater(1, SELECT_BLOCK / channels);
}

static void set_block(selection *s, const blox_pool_dimension *row, int64_t window, int64_t count) {
  bool single = row->phases > 1;
  s->line = line_of_windows(row, single ? window : 0, single ? 1 : row->windows);
  s->start = single ? 0 : window;
  s->end = s->start + count;
}

// The start of the elements that the line's windows have under a tap, for window 0 of the line.
static const char *tap_elements(const selection *s, const char *x, const outer_taps *at, int64_t tap) {
  int64_t element = s->line.first + tap * s->line.step;
  return x + (at->offset + element * s->pool->channels + s->channel) * s->width;
}

static void gather_block(selection *s, blox_pool_value_fn pick, outer_taps *at, char *dst, const char *tangents,
                         const char *x) {
  const blox_pool *p = s->pool;
  const int64_t elements = p->dimensions[p->rank - 1].elements, advance = s->line.advance * p->channels;
  clear_best(s);
  start_taps(p, at);
  for (int64_t outer = 0; outer < at->count; outer++, next_taps(p, at)) {
    for (int64_t tap = s->line.start; tap < s->line.end; tap++) {
      window_range range = windows_of_tap(&s->line, tap, s->start, s->end, 0, elements);
      blox_pool_run run = {range.end - range.start, s->channels, p->channels, advance};
      if (run.positions == 0) continue;
      int64_t skipped = range.start - s->start;
      pick((char *)s->best + skipped * s->channels * s->best_width, dst + skipped * p->channels * s->width,
           tap_elements(s, tangents, at, tap) + range.start * advance * s->width,
           tap_elements(s, x, at, tap) + range.start * advance * s->width, &run);
    }
  }
}

void blox_pool_gather(const blox_pool *p, bool smallest, char *dst, const char *tangents, const char *x,
                      int64_t start, int64_t end) {
  const blox_kernel_table *kernels = blox_kernels(p->isa);
  const blox_pool_dimension *row_dimension = &p->dimensions[p->rank - 1];
  selection s = {.pool = p, .width = blox_dtype_width(p->dtype), .best_width = p->dtype == BLOX_F64 ? 8 : 4};
  int64_t outer[MAX_RANK];
  outer_taps at;
  for (int64_t row = start; row < end; row++) {
    char *row_dst = dst + find_row(p, row, outer) * s.width;
    memset(row_dst, 0, (size_t)(row_dimension->windows * p->channels * s.width));
    find_taps(p, outer, &at);
    if (at.count == 0) continue;
    for (s.channel = 0; s.channel < p->channels; s.channel += SELECT_BLOCK) {
      s.channels = lesser(SELECT_BLOCK, p->channels - s.channel);
      int64_t block = block_windows(row_dimension, s.channels);
      for (int64_t window = 0; window < row_dimension->windows; window += block) {
        set_block(&s, row_dimension, window, lesser(block, row_dimension->windows - window));
        gather_block(&s, kernels->pool_value[smallest][p->dtype], &at,
                     row_dst + (window * p->channels + s.channel) * s.width, tangents, x);
      }
    }
  }
}

// Where a part of a scatter writes, in each of the first two dimensions.
typedef struct element_range {
  int64_t start[2], end[2];
} element_range;

// Whether the current taps are on elements of the part; those of the last dimension are looked at tap by tap.
static bool writes_here(const outer_taps *at, const element_range *part) {
  for (int32_t d = 0; d < lesser(2, at->rank); d++) {
    if (at->element[d] < part->start[d] || at->element[d] >= part->end[d]) return false;
  }
  return true;
}

static void find_places(selection *s, blox_pool_place_fn pick, outer_taps *at, const char *x) {
  const blox_pool *p = s->pool;
  const int64_t elements = p->dimensions[p->rank - 1].elements, advance = s->line.advance * p->channels;
  const int64_t taps = s->line.end - s->line.start;
  clear_best(s);
  // -1: no tap.
  memset(s->place, 0xFF, (size_t)((s->end - s->start) * s->channels) * sizeof *s->place);
  start_taps(p, at);
  for (int64_t outer = 0; outer < at->count; outer++, next_taps(p, at)) {
    for (int64_t tap = s->line.start; tap < s->line.end; tap++) {
      window_range range = windows_of_tap(&s->line, tap, s->start, s->end, 0, elements);
      blox_pool_run run = {range.end - range.start, s->channels, s->channels, advance};
      if (run.positions == 0) continue;
      int64_t skipped = (range.start - s->start) * s->channels;
      pick((char *)s->best + skipped * s->best_width, s->place + skipped,
           (int32_t)(outer * taps + tap - s->line.start),
           tap_elements(s, x, at, tap) + range.start * advance * s->width, &run);
    }
  }
}

// Taps go backwards, so that an element receives from windows in their order.
static void add_places(selection *s, blox_pool_add_fn add, outer_taps *at, char *dst, const char *source,
                       const element_range *part) {
  const blox_pool *p = s->pool;
  const int64_t advance = s->line.advance * p->channels, taps = s->line.end - s->line.start;
  const bool is_split = p->rank <= 2;
  const int64_t least = is_split ? part->start[p->rank - 1] : 0;
  const int64_t most = is_split ? part->end[p->rank - 1] : p->dimensions[p->rank - 1].elements;
  start_taps(p, at);
  for (int64_t outer = 0; outer < at->count; outer++, next_taps(p, at)) {
    if (!writes_here(at, part)) continue;
    for (int64_t tap = s->line.end - 1; tap >= s->line.start; tap--) {
      window_range range = windows_of_tap(&s->line, tap, s->start, s->end, least, most);
      blox_pool_run run = {range.end - range.start, s->channels, p->channels, advance};
      if (run.positions == 0) continue;
      int64_t skipped = range.start - s->start;
      add((char *)tap_elements(s, dst, at, tap) + range.start * advance * s->width,
          source + skipped * p->channels * s->width, s->place + skipped * s->channels,
          (int32_t)(outer * taps + tap - s->line.start), &run);
    }
  }
}

// ---- Scatters of windows with few taps ---------------------------------------------------------------------

// A row whose windows have few taps goes window by window: what is selected stays in registers.
typedef struct tap_row {
  const blox_pool *pool;
  const blox_pool_dimension *dimension;
  blox_pool_scatter_fn scatter;
  int32_t width;
  char *dst;
  const char *source, *x;  // of the row's window 0; of element 0
  const element_range *part;
  int64_t least, most;  // of the elements along the row that are written
} tap_row;

// The taps of windows whose first element along the row is `first`; offsets count from `base`.
static void list_taps(const tap_row *row, outer_taps *at, tap_range taps, int64_t base, bool inside,
                      blox_pool_taps *list) {
  list->count = 0;
  start_taps(row->pool, at);
  for (int64_t outer = 0; outer < at->count; outer++, next_taps(row->pool, at)) {
    const bool writes = writes_here(at, row->part);
    for (int64_t tap = 0; tap < taps.count; tap++) {
      int64_t element = taps.first_element + tap * taps.element_step;
      list->offsets[list->count] = at->offset + (element - base) * row->pool->channels;
      list->writes[list->count++] = writes && (inside || (element >= row->least && element < row->most));
    }
  }
}

// Windows [start, end) of which each has all its taps on elements, in the part.
static void scatter_inside(const tap_row *row, outer_taps *at, const tap_line *line, int64_t start, int64_t end) {
  if (start >= end) return;
  const int64_t channels = row->pool->channels;
  tap_range taps = {line->first, line->step, line->taps};
  blox_pool_taps list;
  list_taps(row, at, taps, line->first, true, &list);
  blox_pool_run run = {end - start, channels, channels, line->advance * channels};
  int64_t first = (line->first + start * line->advance) * channels;
  row->scatter(row->dst + first * row->width, row->source + start * channels * row->width,
               row->x + first * row->width, &list, &run);
}

static void scatter_border(const tap_row *row, outer_taps *at, int64_t start, int64_t end) {
  const int64_t channels = row->pool->channels;
  const blox_pool_run run = {1, channels, channels, channels};
  for (int64_t window = start; window < end; window++) {
    blox_pool_taps list;
    list_taps(row, at, taps_of_window(row->dimension, window), 0, false, &list);
    if (list.count > 0) row->scatter(row->dst, row->source + window * channels * row->width, row->x, &list, &run);
  }
}

static void scatter_row(const tap_row *row, outer_taps *at, const tap_line *line, window_range windows) {
  // The last tap of a window is furthest along the row.
  int64_t last = line->first + (line->taps - 1) * line->step;
  int64_t start = greater(windows.start, ceil_div(row->least - line->first, line->advance));
  int64_t end = lesser(windows.end, floor_div(row->most - 1 - last, line->advance) + 1);
  if (start >= end) start = end = windows.end;
  scatter_border(row, at, windows.start, start);
  scatter_inside(row, at, line, start, end);
  scatter_border(row, at, end, windows.end);
}

// The windows that have a tap on elements [start, end), and maybe some more.
static window_range windows_over(const blox_pool_dimension *d, int64_t start, int64_t end) {
  int64_t least = start * d->base_dilation + d->low - (d->size - 1) * d->window_dilation;
  int64_t most = (end - 1) * d->base_dilation + d->low;
  window_range range = {
    least < 0 ? 0 : lesser(d->windows, ceil_div(least, d->stride)),
    most < 0 ? 0 : lesser(d->windows, most / d->stride + 1),
  };
  if (range.end < range.start) range.end = range.start;
  return range;
}

static void clear_elements(const blox_pool *p, char *dst, int32_t width, const element_range *part) {
  const blox_pool_dimension *d = p->dimensions;
  if (p->rank == 1) {
    memset(dst + part->start[0] * d[0].element_step * width, 0,
           (size_t)((part->end[0] - part->start[0]) * d[0].element_step * width));
    return;
  }
  for (int64_t e = part->start[0]; e < part->end[0]; e++) {
    memset(dst + (e * d[0].element_step + part->start[1] * d[1].element_step) * width, 0,
           (size_t)((part->end[1] - part->start[1]) * d[1].element_step * width));
  }
}

void blox_pool_scatter(const blox_pool *p, bool smallest, char *dst, const char *source, const char *x,
                       const int64_t start[2], const int64_t end[2]) {
  const blox_kernel_table *kernels = blox_kernels(p->isa);
  const blox_pool_dimension *row_dimension = &p->dimensions[p->rank - 1];
  selection s = {.pool = p, .width = blox_dtype_width(p->dtype), .best_width = p->dtype == BLOX_F64 ? 8 : 4};
  element_range part = {{start[0], start[1]}, {end[0], end[1]}};
  clear_elements(p, dst, s.width, &part);
  // The windows that write here, as rows of windows with the last dimension apart.
  window_range ranges[MAX_RANK];
  int64_t outer[MAX_RANK], rows = 1;
  for (int32_t d = 0; d < p->rank; d++) {
    const blox_pool_dimension *dimension = &p->dimensions[d];
    ranges[d] = windows_over(dimension, d < 2 ? start[d] : 0, d < 2 ? end[d] : dimension->elements);
    outer[d] = ranges[d].start;
    if (d < p->rank - 1) rows *= ranges[d].end - ranges[d].start;
  }
  const window_range row_windows = ranges[p->rank - 1];
  const bool is_split = p->rank <= 2;
  const tap_line line = line_of_windows(row_dimension, 0, row_dimension->windows);
  tap_row short_row = {
    p, row_dimension, kernels->pool_scatter[smallest][p->dtype], s.width, dst, source, x, &part,
    is_split ? start[p->rank - 1] : 0, is_split ? end[p->rank - 1] : row_dimension->elements,
  };
  outer_taps at;
  for (int64_t row = 0; row < rows; row++) {
    int64_t row_start = 0;
    for (int32_t d = 0; d < p->rank - 1; d++) row_start += outer[d] * p->dimensions[d].window_step;
    find_taps(p, outer, &at);
    const bool is_short = short_row.scatter && row_dimension->phases == 1 && at.count <= BLOX_POOL_TAPS &&
                          line.taps <= BLOX_POOL_TAPS && at.count * line.taps <= BLOX_POOL_TAPS;
    if (is_short) {
      short_row.source = source + row_start * s.width;
      if (at.count > 0 && line.taps > 0) scatter_row(&short_row, &at, &line, row_windows);
    }
    for (s.channel = 0; !is_short && at.count > 0 && s.channel < p->channels; s.channel += SELECT_BLOCK) {
      s.channels = lesser(SELECT_BLOCK, p->channels - s.channel);
      int64_t block = block_windows(row_dimension, s.channels);
      for (int64_t window = row_windows.start; window < row_windows.end; window += block) {
        set_block(&s, row_dimension, window, lesser(block, row_windows.end - window));
        find_places(&s, kernels->pool_place[smallest][p->dtype], &at, x);
        add_places(&s, kernels->pool_add[p->dtype], &at, dst,
                   source + (row_start + window * p->channels + s.channel) * s.width, &part);
      }
    }
    for (int32_t d = p->rank - 2; d >= 0; d--) {
      if (++outer[d] < ranges[d].end) break;
      outer[d] = ranges[d].start;
    }
  }
}

bool blox_pool_folds(blox_isa isa, blox_reduce kind, blox_dtype dtype) {
  return blox_kernels(isa)->pool_fold[kind][dtype] != NULL;
}

bool blox_pool_selects(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->pool_add[dtype] != NULL; }
