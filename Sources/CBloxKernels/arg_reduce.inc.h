// Index of the first largest or smallest element; the first NaN wins.
//
// An element replaces the best one if it is not worse or equal, unless the best is NaN already: comparisons
// with NaN are false, so `!(x <= best)` admits NaN too. A dense row is walked in lanes, each keeping its
// own best; folding the lanes prefers NaN, then the better value, then the smaller index.

enum { ARG_LANES = 64, ARG_STRIP = 512 };

#define ARG_REDUCE(name, suffix, S, T, READ, worse_or_equal)                                                    \
  INLINE void name##_strip_##suffix(T *best, int32_t *index, const S *src, int64_t length, int64_t stride,      \
                                    int64_t count) {                                                            \
    for (int64_t c = 0; c < count; c++) {                                                                       \
      best[c] = READ(src[c]);                                                                                   \
      index[c] = 0;                                                                                             \
    }                                                                                                           \
    for (int64_t r = 1; r < length; r++) {                                                                      \
      const S *x = src + r * stride;                                                                            \
      for (int64_t c = 0; c < count; c++) {                                                                     \
        T value = READ(x[c]);                                                                                   \
        T old = best[c];                                                                                        \
        bool take = !(value worse_or_equal old) & (old == old);                                                 \
        best[c] = take ? value : old;                                                                           \
        index[c] = take ? (int32_t)r : index[c];                                                                \
      }                                                                                                         \
    }                                                                                                           \
  }                                                                                                             \
                                                                                                                \
  static int32_t name##_row_##suffix(const S *src, int64_t length) {                                            \
    T best[ARG_LANES];                                                                                          \
    int32_t index[ARG_LANES];                                                                                   \
    int64_t lanes = length < ARG_LANES ? length : ARG_LANES;                                                    \
    int64_t steps = length / ARG_LANES;                                                                         \
    if (steps == 0) {                                                                                           \
      name##_strip_##suffix(best, index, src, 1, 0, lanes);                                                     \
    } else {                                                                                                    \
      name##_strip_##suffix(best, index, src, steps, ARG_LANES, ARG_LANES);                                     \
    }                                                                                                           \
    T winner = best[0];                                                                                         \
    int64_t winner_index = (int64_t)index[0] * ARG_LANES;                                                       \
    for (int64_t c = 1; c < lanes; c++) {                                                                       \
      int64_t at = (int64_t)index[c] * ARG_LANES + c;                                                           \
      bool both_nan = (winner != winner) & (best[c] != best[c]);                                                \
      bool better = !(best[c] worse_or_equal winner) & (winner == winner);                                      \
      if (better | (((best[c] == winner) | both_nan) & (at < winner_index))) {                                  \
        winner = best[c];                                                                                       \
        winner_index = at;                                                                                      \
      }                                                                                                         \
    }                                                                                                           \
    for (int64_t i = steps == 0 ? length : steps * ARG_LANES; i < length; i++) {                                \
      T value = READ(src[i]);                                                                                   \
      if (!(value worse_or_equal winner) & (winner == winner)) {                                                \
        winner = value;                                                                                         \
        winner_index = i;                                                                                       \
      }                                                                                                         \
    }                                                                                                           \
    return (int32_t)winner_index;                                                                               \
  }                                                                                                             \
                                                                                                                \
  static void name##_##suffix(int32_t *dst, const void *src, int64_t outer, int64_t length, int64_t inner) {    \
    if (length == 0) {                                                                                          \
      memset(dst, 0, (size_t)(outer * inner) * sizeof *dst);                                                    \
      return;                                                                                                   \
    }                                                                                                           \
    for (int64_t o = 0; o < outer; o++) {                                                                       \
      const S *x = (const S *)src + o * length * inner;                                                         \
      if (inner == 1) {                                                                                         \
        dst[o] = name##_row_##suffix(x, length);                                                                \
        continue;                                                                                               \
      }                                                                                                         \
      for (int64_t c = 0; c < inner; c += ARG_STRIP) {                                                          \
        T best[ARG_STRIP];                                                                                      \
        int64_t count = inner - c < ARG_STRIP ? inner - c : ARG_STRIP;                                          \
        name##_strip_##suffix(best, dst + o * inner + c, x + c, length, inner, count);                          \
      }                                                                                                         \
    }                                                                                                           \
  }

#define ARG_REDUCE_BOTH(suffix, S, T, READ)        \
  ARG_REDUCE(arg_max, suffix, S, T, READ, <=)      \
  ARG_REDUCE(arg_min, suffix, S, T, READ, >=)

ARG_REDUCE_BOTH(i8, int8_t, int8_t, SAME)
ARG_REDUCE_BOTH(i16, int16_t, int16_t, SAME)
ARG_REDUCE_BOTH(i32, int32_t, int32_t, SAME)
ARG_REDUCE_BOTH(i64, int64_t, int64_t, SAME)
ARG_REDUCE_BOTH(u8, uint8_t, uint8_t, SAME)
ARG_REDUCE_BOTH(u16, uint16_t, uint16_t, SAME)
ARG_REDUCE_BOTH(u32, uint32_t, uint32_t, SAME)
ARG_REDUCE_BOTH(u64, uint64_t, uint64_t, SAME)
ARG_REDUCE_BOTH(f32, float, float, SAME)
ARG_REDUCE_BOTH(f64, double, double, SAME)
ARG_REDUCE_BOTH(bf16, uint16_t, float, widen_one_bf16)
ARG_REDUCE_BOTH(f16, uint16_t, float, widen_one_f16)
