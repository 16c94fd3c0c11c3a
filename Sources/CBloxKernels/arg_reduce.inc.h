// Index of the first largest or smallest element; the first NaN wins.
//
// A dense row takes two passes: the extreme value, which is NaN if there is one, then the first place where it
// stands. Columns keep the best value and its index side by side; an element replaces the best one if it is not
// worse or equal, unless the best is NaN already: comparisons with NaN are false, so `!(x <= best)` admits NaN too.

enum { ARG_BLOCK = 64, ARG_STRIP = 512 };

#define ARG_REDUCE(name, suffix, S, T, READ, EXTREME, worse_or_equal)                                           \
  static int32_t name##_row_##suffix(const S *src, int64_t length) {                                            \
    T best = EXTREME(src, length);                                                                              \
    int64_t at = 0;                                                                                             \
    for (; at + ARG_BLOCK <= length; at += ARG_BLOCK) {                                                         \
      int32_t found = 0;                                                                                        \
      for (int i = 0; i < ARG_BLOCK; i++) {                                                                     \
        T value = READ(src[at + i]);                                                                            \
        found |= (value == best) | (value != value);                                                            \
      }                                                                                                         \
      if (found) break;                                                                                         \
    }                                                                                                           \
    for (; at < length - 1; at++) {                                                                             \
      T value = READ(src[at]);                                                                                  \
      if ((value == best) | (value != value)) break;                                                            \
    }                                                                                                           \
    return (int32_t)at;                                                                                         \
  }                                                                                                             \
                                                                                                                \
  static void name##_##suffix(int32_t *dst, const void *src, int64_t outer, int64_t length, int64_t inner) {    \
    if (length == 0) {                                                                                          \
      memset(dst, 0, (size_t)(outer * inner) * sizeof *dst);                                                    \
      return;                                                                                                   \
    }                                                                                                           \
    for (int64_t o = 0; o < outer; o++) {                                                                       \
      const S *row = (const S *)src + o * length * inner;                                                       \
      if (inner == 1) {                                                                                         \
        dst[o] = name##_row_##suffix(row, length);                                                              \
        continue;                                                                                               \
      }                                                                                                         \
      for (int64_t c0 = 0; c0 < inner; c0 += ARG_STRIP) {                                                       \
        T best[ARG_STRIP];                                                                                      \
        int64_t count = inner - c0 < ARG_STRIP ? inner - c0 : ARG_STRIP;                                        \
        int32_t *index = dst + o * inner + c0;                                                                  \
        for (int64_t c = 0; c < count; c++) {                                                                   \
          best[c] = READ(row[c0 + c]);                                                                          \
          index[c] = 0;                                                                                         \
        }                                                                                                       \
        for (int64_t r = 1; r < length; r++) {                                                                  \
          const S *x = row + r * inner + c0;                                                                    \
          for (int64_t c = 0; c < count; c++) {                                                                 \
            T value = READ(x[c]);                                                                               \
            T old = best[c];                                                                                    \
            int32_t at = index[c];                                                                              \
            bool take = !(value worse_or_equal old) & (old == old);                                             \
            best[c] = take ? value : old;                                                                       \
            index[c] = take ? (int32_t)r : at;                                                                  \
          }                                                                                                     \
        }                                                                                                       \
      }                                                                                                         \
    }                                                                                                           \
  }

#define INTEGER_EXTREME(name, suffix, T)                                \
  INLINE T name##_row_##suffix(const T *src, int64_t length) {          \
    T best;                                                             \
    name##_rows_##suffix(&best, src, 1, length);                        \
    return best;                                                        \
  }
#define ARG_REDUCE_BOTH(suffix, S, T, READ)                             \
  ARG_REDUCE(arg_max, suffix, S, T, READ, max_row_##suffix, <=)         \
  ARG_REDUCE(arg_min, suffix, S, T, READ, min_row_##suffix, >=)
#define ARG_REDUCE_INTEGER(suffix, T)                                   \
  INTEGER_EXTREME(max, suffix, T)                                       \
  INTEGER_EXTREME(min, suffix, T)                                       \
  ARG_REDUCE_BOTH(suffix, T, T, SAME)

ARG_REDUCE_INTEGER(i8, int8_t)
ARG_REDUCE_INTEGER(i16, int16_t)
ARG_REDUCE_INTEGER(i32, int32_t)
ARG_REDUCE_INTEGER(i64, int64_t)
ARG_REDUCE_INTEGER(u8, uint8_t)
ARG_REDUCE_INTEGER(u16, uint16_t)
ARG_REDUCE_INTEGER(u32, uint32_t)
ARG_REDUCE_INTEGER(u64, uint64_t)
ARG_REDUCE_BOTH(f32, float, float, SAME)
ARG_REDUCE_BOTH(f64, double, double, SAME)
ARG_REDUCE_BOTH(bf16, uint16_t, float, widen_one_bf16)
ARG_REDUCE_BOTH(f16, uint16_t, float, widen_one_f16)
