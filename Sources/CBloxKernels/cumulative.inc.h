// Cumulative ops: dst[r] = src[0] op src[1] op … op src[r], for many columns.
//
// Element r of column c is at `r * step + c * column_step`. A row is a column with steps of 1; then columns are
// rows, some of which are taken together, since one addition has to wait for the other. What a column gives does not
// depend on the others. The first element is copied as it is; dst may be src.

enum { SCAN_STRIP = 256, SCAN_ROWS = 8 };

#define CUMULATIVE(name, suffix, S, T, READ, WRITE, expression)                                               \
  INLINE void name##_strip_##suffix(S *dst, const S *src, int64_t length, int64_t step, int64_t columns,      \
                                    int64_t column_step) {                                                    \
    T carry[SCAN_STRIP];                                                                                      \
    for (int64_t c = 0; c < columns; c++) {                                                                   \
      S first = src[c * column_step];                                                                         \
      carry[c] = READ(first);                                                                                 \
      dst[c * column_step] = first;                                                                           \
    }                                                                                                         \
    for (int64_t r = 1; r < length; r++) {                                                                    \
      const S *s = src + r * step;                                                                            \
      S *d = dst + r * step;                                                                                  \
      INDEPENDENT for (int64_t c = 0; c < columns; c++) {                                                     \
        T x = carry[c], y = READ(s[c * column_step]);                                                         \
        x = (T)(expression);                                                                                  \
        carry[c] = x;                                                                                         \
        d[c * column_step] = WRITE(x);                                                                        \
      }                                                                                                       \
    }                                                                                                         \
  }                                                                                                           \
  static void name##_##suffix(void *dst, const void *src, int64_t length, int64_t step, int64_t columns,      \
                              int64_t column_step) {                                                          \
    int64_t strip = column_step == 1 ? SCAN_STRIP : SCAN_ROWS;                                                \
    for (int64_t c = 0; c < columns; c += strip) {                                                            \
      int64_t count = columns - c < strip ? columns - c : strip;                                              \
      S *d = (S *)dst + c * column_step;                                                                      \
      const S *s = (const S *)src + c * column_step;                                                          \
      if (column_step == 1) {                                                                                 \
        name##_strip_##suffix(d, s, length, step, count, 1);                                                  \
      } else {                                                                                                \
        name##_strip_##suffix(d, s, length, step, count, column_step);                                        \
      }                                                                                                       \
    }                                                                                                         \
  }

// Sums of f32 accumulate in f64; those of halves in f32, which rounds far below what they can hold.
#define CUMULATIVE_FLOAT(suffix, S, T, READ, WRITE)                             \
  CUMULATIVE(cumprod, suffix, S, T, READ, WRITE, x *y)                          \
  CUMULATIVE(cummax, suffix, S, T, READ, WRITE, OP_MAX(x, y))                   \
  CUMULATIVE(cummin, suffix, S, T, READ, WRITE, OP_MIN(x, y))

CUMULATIVE(cumsum, f32, float, double, SAME, (float), x + y)
CUMULATIVE(cumsum, f64, double, double, SAME, SAME, x + y)
CUMULATIVE(cumsum, bf16, uint16_t, float, widen_one_bf16, narrow_one_bf16, x + y)
CUMULATIVE(cumsum, f16, uint16_t, float, widen_one_f16, narrow_one_f16, x + y)
CUMULATIVE_FLOAT(f32, float, float, SAME, SAME)
CUMULATIVE_FLOAT(f64, double, double, SAME, SAME)
CUMULATIVE_FLOAT(bf16, uint16_t, float, widen_one_bf16, narrow_one_bf16)
CUMULATIVE_FLOAT(f16, uint16_t, float, widen_one_f16, narrow_one_f16)

#define CUMULATIVE_WIDTH(suffix, T, P)                                          \
  CUMULATIVE(cumsum, suffix, T, T, SAME, SAME, (P)x + y)                        \
  CUMULATIVE(cumprod, suffix, T, T, SAME, SAME, (P)x *y)
#define CUMULATIVE_ORDER(suffix, T)                                             \
  CUMULATIVE(cummax, suffix, T, T, SAME, SAME, x > y ? x : y)                   \
  CUMULATIVE(cummin, suffix, T, T, SAME, SAME, x < y ? x : y)

CUMULATIVE_WIDTH(u8, uint8_t, uint32_t)
CUMULATIVE_WIDTH(u16, uint16_t, uint32_t)
CUMULATIVE_WIDTH(u32, uint32_t, uint32_t)
CUMULATIVE_WIDTH(u64, uint64_t, uint64_t)
CUMULATIVE_ORDER(i8, int8_t)
CUMULATIVE_ORDER(i16, int16_t)
CUMULATIVE_ORDER(i32, int32_t)
CUMULATIVE_ORDER(i64, int64_t)
CUMULATIVE_ORDER(u8, uint8_t)
CUMULATIVE_ORDER(u16, uint16_t)
CUMULATIVE_ORDER(u32, uint32_t)
CUMULATIVE_ORDER(u64, uint64_t)

// ---- Logarithms of sums of exponentials ----------------------------------------------------------------

// The largest element so far, and the sum of exponentials relative to it: nothing overflows, and rounding errors do
// not pass through a logarithm and back for each element. A vector holds as many columns as f64 has lanes.
#define CUMLOGSUMEXP(suffix, S, READ, WRITE)                                                                  \
  static void cumlogsumexp_##suffix(void *dst, const void *src, int64_t length, int64_t step,                 \
                                    int64_t columns, int64_t column_step) {                                   \
    for (int64_t c0 = 0; length > 0 && c0 < columns; c0 += LANES_F64) {                                       \
      int64_t count = columns - c0 < LANES_F64 ? columns - c0 : LANES_F64;                                    \
      S *d = (S *)dst + c0 * column_step;                                                                     \
      const S *s = (const S *)src + c0 * column_step;                                                         \
      double lanes[LANES_F64] = {0};                                                                          \
      for (int64_t c = 0; c < count; c++) {                                                                   \
        S first = s[c * column_step];                                                                         \
        lanes[c] = READ(first);                                                                               \
        d[c * column_step] = first;                                                                           \
      }                                                                                                       \
      vf64 largest = load_f64(lanes), sum = (vf64)1.0;                                                        \
      for (int64_t r = 1; r < length; r++) {                                                                  \
        for (int64_t c = 0; c < count; c++) lanes[c] = READ(s[r * step + c * column_step]);                   \
        vf64 x = load_f64(lanes);                                                                             \
        vf64 distance = x == largest ? (vf64)0.0 : -abs_f64(x - largest);                                     \
        vf64 part = exp_f64(distance);                                                                        \
        sum = x > largest ? sum * part + 1.0 : sum + part;                                                    \
        largest = x > largest ? x : largest;                                                                  \
        vf64 y = largest + log_f64(sum);                                                                      \
        for (int64_t c = 0; c < count; c++) d[r * step + c * column_step] = WRITE(y[c]);                      \
      }                                                                                                       \
    }                                                                                                         \
  }
#define NARROW_TO_BF16(x) narrow_one_bf16((float)(x))
#define NARROW_TO_F16(x) narrow_one_f16((float)(x))

CUMLOGSUMEXP(f32, float, SAME, (float))
CUMLOGSUMEXP(f64, double, SAME, SAME)
CUMLOGSUMEXP(bf16, uint16_t, widen_one_bf16, NARROW_TO_BF16)
CUMLOGSUMEXP(f16, uint16_t, widen_one_f16, NARROW_TO_F16)
