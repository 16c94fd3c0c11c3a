// Inner loops of window reductions: elements that several windows have under the same tap.
//
//   fold    dst[p, c] = dst[p, c] op a[p, c] op b[p, c] …      one source per tap; or an identity op a[p, c] …
//   pick    where x[p, c] beats best[p, c]: best = x, and either value = tangent or place = tap
//   place   result[p, c] += source[p, c] where place[p, c] is this tap
//
// Rows of `channels` elements are dense; p steps by the steps of the run. Where rows are single elements the loop runs
// over p. Loops are scalar and vectorized by the compiler: nothing depends on the order of p and c.

#define RUN_LOOP(...)                                                                                    \
  do {                                                                                                   \
    const bool dense = run->dst_step == run->channels && run->src_step == run->channels;                 \
    if (run->channels == 1 && !dense) {                                                                  \
      const int64_t ds = run->dst_step, ss = run->src_step;                                              \
      INDEPENDENT for (int64_t i = 0; i < run->positions; i++) {                                         \
        const int64_t at_dst = i * ds, at_src = i * ss, at = i;                                          \
        __VA_ARGS__                                                                                      \
      }                                                                                                  \
      break;                                                                                             \
    }                                                                                                    \
    const int64_t rows = dense ? 1 : run->positions;                                                     \
    const int64_t columns = dense ? run->positions * run->channels : run->channels;                      \
    for (int64_t p = 0; p < rows; p++) {                                                                 \
      const int64_t row_dst = p * run->dst_step, row_src = p * run->src_step, row = p * columns;         \
      INDEPENDENT for (int64_t c = 0; c < columns; c++) {                                                \
        const int64_t at_dst = row_dst + c, at_src = row_src + c, at = row + c;                          \
        __VA_ARGS__                                                                                      \
      }                                                                                                  \
    }                                                                                                    \
  } while (0)

// ---- Folds -----------------------------------------------------------------------------------------------

static void ask_for_taps(const void *const *sources, int64_t count, const blox_pool_fold *fold, int64_t offset,
                         int64_t bytes) {
  for (int64_t k = 0; k < count; k++) {
    if (!(fold->asks >> k & 1)) continue;
    const char *start = (const char *)sources[k] + fold->ahead + offset;
    for (const char *line = start; line < start + bytes; line += 64) __builtin_prefetch(line);
  }
}

// A line takes single elements, of which every second one needs no gathers. Of taps, `count` and `starts` are literals.
#define POOL_FOLD(name, suffix, T, STEP)                                                                 \
  static void name##_line_##suffix(T *d, int64_t dst_step, const T *s, int64_t src_step, int64_t n) {    \
    if (dst_step == 1 && src_step == 2) {                                                                \
      INDEPENDENT for (int64_t i = 0; i < n; i++) d[i] = STEP(d[i], s[2 * i]);                           \
      return;                                                                                            \
    }                                                                                                    \
    INDEPENDENT for (int64_t i = 0; i < n; i++) d[i * dst_step] = STEP(d[i * dst_step], s[i * src_step]);\
  }                                                                                                      \
  INLINE void name##_taps_##suffix(T *d, const T *const *sources, int64_t count, bool starts, T identity,\
                                   int64_t n) {                                                          \
    const T *s0 = sources[0], *s1 = sources[count > 1 ? 1 : 0], *s2 = sources[count > 2 ? 2 : 0],        \
            *s3 = sources[count > 2 ? 3 : 0];                                                            \
    INDEPENDENT for (int64_t i = 0; i < n; i++) {                                                        \
      T x = starts ? identity : d[i];                                                                    \
      x = STEP(x, s0[i]);                                                                                \
      if (count > 1) x = STEP(x, s1[i]);                                                                 \
      if (count > 2) x = STEP(x, s2[i]);                                                                 \
      if (count > 2) x = STEP(x, s3[i]);                                                                 \
      d[i] = x;                                                                                          \
    }                                                                                                    \
  }                                                                                                      \
  static void name##_fold_##suffix(void *dst, const void *const *sources, int64_t count,                 \
                                   const blox_pool_fold *fold) {                                         \
    const blox_pool_run *run = &fold->run;                                                               \
    T *d = dst, identity;                                                                                \
    memcpy(&identity, &fold->identity, sizeof(T));                                                       \
    const T *s[4];                                                                                       \
    const int64_t width = sizeof(T);                                                                     \
    for (int64_t k = 0; k < count; k++) s[k] = sources[k];                                               \
    const bool dense = run->dst_step == run->channels && run->src_step == run->channels;                 \
    if (run->channels == 1 && !dense) {                                                                  \
      for (int64_t i = 0; fold->starts && i < run->positions; i++) d[i * run->dst_step] = identity;      \
      for (int64_t k = 0; k < count; k++) {                                                              \
        name##_line_##suffix(d, run->dst_step, s[k], run->src_step, run->positions);                     \
      }                                                                                                  \
      return;                                                                                            \
    }                                                                                                    \
    const int64_t rows = dense ? 1 : run->positions;                                                     \
    const int64_t n = dense ? run->positions * run->channels : run->channels;                            \
    for (int64_t p = 0; p < rows; p++) {                                                                 \
      if (fold->asks) ask_for_taps(sources, count, fold, p * run->src_step * width, n * width);          \
      switch (2 * count + fold->starts) {                                                                \
        case 2: name##_taps_##suffix(d, s, 1, false, identity, n); break;                                \
        case 3: name##_taps_##suffix(d, s, 1, true, identity, n); break;                                 \
        case 4: name##_taps_##suffix(d, s, 2, false, identity, n); break;                                \
        case 5: name##_taps_##suffix(d, s, 2, true, identity, n); break;                                 \
        case 8: name##_taps_##suffix(d, s, 4, false, identity, n); break;                                \
        default: name##_taps_##suffix(d, s, 4, true, identity, n); break;                                \
      }                                                                                                  \
      d += run->dst_step;                                                                                \
      for (int64_t k = 0; k < count; k++) s[k] += run->src_step;                                         \
    }                                                                                                    \
  }

#define ADD_U8(x, y) ((uint8_t)((uint32_t)(x) + (y)))
#define ADD_U16(x, y) ((uint16_t)((uint32_t)(x) + (y)))
#define ADD_U32(x, y) ((x) + (y))
#define MUL_U8(x, y) ((uint8_t)((uint32_t)(x) * (y)))
#define MUL_U16(x, y) ((uint16_t)((uint32_t)(x) * (y)))
#define MUL_U32(x, y) ((x) * (y))
#define BITS_AND(x, y) ((x) & (y))
#define BITS_OR(x, y) ((x) | (y))
#define BITS_XOR(x, y) ((x) ^ (y))
#define LARGER(x, y) ((x) > (y) ? (x) : (y))
#define SMALLER(x, y) ((x) < (y) ? (x) : (y))

#define POOL_WIDTH(suffix, T, ADD, MUL)   \
  POOL_FOLD(sum, suffix, T, ADD)          \
  POOL_FOLD(prod, suffix, T, MUL)         \
  POOL_FOLD(and, suffix, T, BITS_AND)     \
  POOL_FOLD(or, suffix, T, BITS_OR)       \
  POOL_FOLD(xor, suffix, T, BITS_XOR)
#define POOL_ORDER(suffix, T)             \
  POOL_FOLD(max, suffix, T, LARGER)       \
  POOL_FOLD(min, suffix, T, SMALLER)

POOL_WIDTH(u8, uint8_t, ADD_U8, MUL_U8)
POOL_WIDTH(u16, uint16_t, ADD_U16, MUL_U16)
POOL_WIDTH(u32, uint32_t, ADD_U32, MUL_U32)
POOL_WIDTH(u64, uint64_t, ADD_U32, MUL_U32)
POOL_ORDER(i8, int8_t)
POOL_ORDER(i16, int16_t)
POOL_ORDER(i32, int32_t)
POOL_ORDER(i64, int64_t)
POOL_ORDER(u8, uint8_t)
POOL_ORDER(u16, uint16_t)
POOL_ORDER(u32, uint32_t)
POOL_ORDER(u64, uint64_t)

#define POOL_FLOAT(suffix, T)             \
  POOL_FOLD(sum, suffix, T, OP_ADD)       \
  POOL_FOLD(prod, suffix, T, OP_MUL)      \
  POOL_FOLD(max, suffix, T, OP_MAX)       \
  POOL_FOLD(min, suffix, T, OP_MIN)
POOL_FLOAT(f32, float)
POOL_FLOAT(f64, double)

// Halves are rounded after every element, as XLA's loops do.
#define POOL_HALF(half)                                                                                  \
  INLINE uint16_t add_one_##half(uint16_t x, uint16_t y) {                                               \
    return narrow_one_##half(widen_one_##half(x) + widen_one_##half(y));                                 \
  }                                                                                                      \
  INLINE uint16_t mul_one_##half(uint16_t x, uint16_t y) {                                               \
    return narrow_one_##half(widen_one_##half(x) * widen_one_##half(y));                                 \
  }                                                                                                      \
  INLINE uint16_t max_one_##half(uint16_t x, uint16_t y) {                                               \
    return narrow_one_##half(OP_MAX(widen_one_##half(x), widen_one_##half(y)));                          \
  }                                                                                                      \
  INLINE uint16_t min_one_##half(uint16_t x, uint16_t y) {                                               \
    return narrow_one_##half(OP_MIN(widen_one_##half(x), widen_one_##half(y)));                          \
  }                                                                                                      \
  POOL_FOLD(sum, half, uint16_t, add_one_##half)                                                         \
  POOL_FOLD(prod, half, uint16_t, mul_one_##half)                                                        \
  POOL_FOLD(max, half, uint16_t, max_one_##half)                                                         \
  POOL_FOLD(min, half, uint16_t, min_one_##half)
POOL_HALF(bf16)
POOL_HALF(f16)

// ---- Selections ------------------------------------------------------------------------------------------

// `best` starts as NaN, which every element beats. It is dense, and so is `place`.
#define POOL_PICK(name, suffix, S, T, READ, keeps)                                                       \
  static void name##_value_##suffix(void *bests, void *values, const void *tangents, const void *xs,     \
                                    const blox_pool_run *run) {                                          \
    T *best = bests;                                                                                     \
    S *value = values;                                                                                   \
    const S *tangent = tangents, *x = xs;                                                                \
    RUN_LOOP(T new = READ(x[at_src]); T old = best[at]; S kept = value[at_dst]; S taken = tangent[at_src];\
             bool keep = old keeps new; best[at] = keep ? old : new; value[at_dst] = keep ? kept : taken;); \
  }                                                                                                      \
  static void name##_place_##suffix(void *bests, int32_t *place, int32_t tap, const void *xs,            \
                                    const blox_pool_run *run) {                                          \
    T *best = bests;                                                                                     \
    const S *x = xs;                                                                                     \
    RUN_LOOP((void)at_dst; T new = READ(x[at_src]); T old = best[at]; int32_t kept = place[at];          \
             bool keep = old keeps new; best[at] = keep ? old : new; place[at] = keep ? kept : tap;);    \
  }

// The elements of the source are at the steps of dst, those of the result at the steps of src.
#define POOL_PLACE(suffix, S, T, READ, WRITE)                                                            \
  static void place_add_##suffix(void *results, const void *sources, const int32_t *place, int32_t tap,  \
                                 const blox_pool_run *run) {                                             \
    S *result = results;                                                                                 \
    const S *source = sources;                                                                           \
    RUN_LOOP(T old = READ(result[at_src]); T more = READ(source[at_dst]);                                \
             result[at_src] = WRITE(old + (place[at] == tap ? more : (T)0)););                           \
  }

#define POOL_SELECT(suffix, S, T, READ, WRITE)   \
  POOL_PICK(pick_max, suffix, S, T, READ, >=)    \
  POOL_PICK(pick_min, suffix, S, T, READ, <=)    \
  POOL_PLACE(suffix, S, T, READ, WRITE)

POOL_SELECT(f32, float, float, SAME, SAME)
POOL_SELECT(f64, double, double, SAME, SAME)
POOL_SELECT(bf16, uint16_t, float, widen_one_bf16, narrow_one_bf16)
POOL_SELECT(f16, uint16_t, float, widen_one_f16, narrow_one_f16)

// ---- Selections of windows with few taps -------------------------------------------------------------------

// Windows of single elements, one after the other. `count` is a literal where it is small.
#define SCATTER_SINGLE(name, suffix, S, T, READ, WRITE, keeps)                                           \
  INLINE void name##_single_##suffix(S *result, const S *source, const S *x, const blox_pool_taps *taps, \
                                     int64_t count, const blox_pool_run *run) {                          \
    for (int64_t p = 0; p < run->positions; p++) {                                                       \
      T best = READ(x[taps->offsets[0]]);                                                                \
      int64_t at = 0;                                                                                    \
      for (int64_t tap = 1; tap < count; tap++) {                                                        \
        T new = READ(x[taps->offsets[tap]]);                                                             \
        bool keep = best keeps new;                                                                      \
        best = keep ? best : new;                                                                        \
        at = keep ? at : tap;                                                                            \
      }                                                                                                  \
      S *place = result + taps->offsets[at];                                                             \
      if (taps->writes[at]) *place = WRITE(READ(*place) + READ(*source));                                \
      result += run->src_step;                                                                           \
      x += run->src_step;                                                                                \
      source += run->dst_step;                                                                           \
    }                                                                                                    \
  }                                                                                                      \
  static void name##_singles_##suffix(S *result, const S *source, const S *x, const blox_pool_taps *taps,\
                                      const blox_pool_run *run) {                                        \
    switch (taps->count) {                                                                               \
      case 2: name##_single_##suffix(result, source, x, taps, 2, run); break;                            \
      case 3: name##_single_##suffix(result, source, x, taps, 3, run); break;                            \
      case 4: name##_single_##suffix(result, source, x, taps, 4, run); break;                            \
      case 9: name##_single_##suffix(result, source, x, taps, 9, run); break;                            \
      default: name##_single_##suffix(result, source, x, taps, taps->count, run);                        \
    }                                                                                                    \
  }

// A vector of channels of one window, or the first n of them.
#define SCATTER_VECTOR(T, V, VI, keeps, LOAD, STORE)                                                     \
  do {                                                                                                   \
    V best = LOAD(x + c + taps->offsets[0]);                                                             \
    VI at = (VI)0;                                                                                       \
    for (int64_t tap = 1; tap < count; tap++) {                                                          \
      V new = LOAD(x + c + taps->offsets[tap]);                                                          \
      VI keep = best keeps new;                                                                          \
      best = keep ? best : new;                                                                          \
      at = keep ? at : (VI)(int)tap;                                                                     \
    }                                                                                                    \
    V more = LOAD(source + c);                                                                           \
    for (int64_t tap = 0; tap < count; tap++) {                                                          \
      if (!taps->writes[tap]) continue;                                                                  \
      T *place = result + c + taps->offsets[tap];                                                        \
      STORE(place, LOAD(place) + (at == (VI)(int)tap ? more : (V)(T)0));                                 \
    }                                                                                                    \
  } while (0)

#define SCATTER_FLOAT(name, suffix, T, V, VI, LANES, keeps)                                              \
  SCATTER_SINGLE(name, suffix, T, T, SAME, SAME, keeps)                                                  \
  INLINE void name##_rows_##suffix(T *result, const T *source, const T *x, const blox_pool_taps *taps,   \
                                   int64_t count, const blox_pool_run *run) {                            \
    for (int64_t p = 0; p < run->positions; p++) {                                                       \
      int64_t c = 0;                                                                                     \
      for (; c + LANES <= run->channels; c += LANES) {                                                   \
        SCATTER_VECTOR(T, V, VI, keeps, load_##suffix, store_##suffix);                                  \
      }                                                                                                  \
      const int64_t rest = run->channels - c;                                                            \
      if (rest > 0) SCATTER_VECTOR(T, V, VI, keeps, LOAD_REST_##suffix, STORE_REST_##suffix);            \
      result += run->src_step;                                                                           \
      x += run->src_step;                                                                                \
      source += run->dst_step;                                                                           \
    }                                                                                                    \
  }                                                                                                      \
  static void name##_##suffix(void *result, const void *source, const void *x, const blox_pool_taps *taps, \
                              const blox_pool_run *run) {                                                \
    if (run->channels == 1) {                                                                            \
      name##_singles_##suffix(result, source, x, taps, run);                                             \
    } else if (taps->count == 4) {                                                                       \
      name##_rows_##suffix(result, source, x, taps, 4, run);                                             \
    } else {                                                                                             \
      name##_rows_##suffix(result, source, x, taps, taps->count, run);                                   \
    }                                                                                                    \
  }

#define LOAD_REST_f32(p) load_first_f32(p, rest)
#define LOAD_REST_f64(p) load_first_f64(p, rest)
#define STORE_REST_f32(p, v) store_first_f32(p, v, rest)
#define STORE_REST_f64(p, v) store_first_f64(p, v, rest)

SCATTER_FLOAT(scatter_max, f32, float, vf32, vi32, LANES_F32, >=)
SCATTER_FLOAT(scatter_min, f32, float, vf32, vi32, LANES_F32, <=)
SCATTER_FLOAT(scatter_max, f64, double, vf64, vi64, LANES_F64, >=)
SCATTER_FLOAT(scatter_min, f64, double, vf64, vi64, LANES_F64, <=)

// Halves of several channels are taken one channel at a time.
#define SCATTER_HALF(name, half, keeps)                                                                  \
  SCATTER_SINGLE(name, half, uint16_t, float, widen_one_##half, narrow_one_##half, keeps)                \
  static void name##_##half(void *result, const void *source, const void *x, const blox_pool_taps *taps, \
                            const blox_pool_run *run) {                                                  \
    for (int64_t c = 0; c < run->channels; c++) {                                                        \
      name##_singles_##half((uint16_t *)result + c, (const uint16_t *)source + c, (const uint16_t *)x + c, \
                            taps, run);                                                                  \
    }                                                                                                    \
  }
SCATTER_HALF(scatter_max, bf16, >=)
SCATTER_HALF(scatter_min, bf16, <=)
SCATTER_HALF(scatter_max, f16, >=)
SCATTER_HALF(scatter_min, f16, <=)
