// Elementwise kernels of integers and booleans: scalar loops that the compiler vectorizes.
//
// Arithmetic that wraps is the same for signed and unsigned types and exists once per width.

#define INTEGER_LOOP(name, suffix, D, T, vectorize, ...)                                                  \
  static void name##_tile_##suffix(void *dst, const void *a, const void *b, const void *c, size_t n) {    \
    (void)b, (void)c;                                                                                     \
    D *d = dst;                                                                                           \
    const T *xs = a, *ys = b;                                                                             \
    (void)ys;                                                                                             \
    vectorize for (size_t i = 0; i < n; i++) {                                                            \
      __VA_ARGS__                                                                                         \
    }                                                                                                     \
  }

#define UNARY_LOOP(name, suffix, D, T, expression) \
  INTEGER_LOOP(name, suffix, D, T, INDEPENDENT, T x = xs[i]; d[i] = (D)(expression);)
#define BINARY_LOOP(name, suffix, D, T, expression) \
  INTEGER_LOOP(name, suffix, D, T, INDEPENDENT, T x = xs[i]; T y = ys[i]; d[i] = (D)(expression);)
// For what has no vector instructions.
#define SCALAR_BINARY_LOOP(name, suffix, D, T, expression) \
  INTEGER_LOOP(name, suffix, D, T, , T x = xs[i]; T y = ys[i]; d[i] = (D)(expression);)

// U: unsigned type of the width; S: signed; P: a type at least as wide as unsigned int, because the product of
// two uint16_t would otherwise be computed in int and overflow.
#define WIDTH_KERNELS(suffix, U, S, P, BITS)                                                              \
  UNARY_LOOP(neg, suffix, U, U, (P)0 - x)                                                                 \
  UNARY_LOOP(not, suffix, U, U, ~x)                                                                       \
  BINARY_LOOP(add, suffix, U, U, (P)x + y)                                                                \
  BINARY_LOOP(sub, suffix, U, U, (P)x - y)                                                                \
  BINARY_LOOP(mul, suffix, U, U, (P)x *y)                                                                 \
  BINARY_LOOP(and, suffix, U, U, x &y)                                                                    \
  BINARY_LOOP(or, suffix, U, U, x | y)                                                                    \
  BINARY_LOOP(xor, suffix, U, U, x ^ y)                                                                   \
  BINARY_LOOP(shift_left, suffix, U, U, y < BITS ? (P)x << (y & (BITS - 1)) : 0)                          \
  BINARY_LOOP(shift_right_logical, suffix, U, U, y < BITS ? x >> (y & (BITS - 1)) : 0)                    \
  BINARY_LOOP(shift_right_arithmetic, suffix, U, U, (S)x >> (y < BITS ? y : BITS - 1))                    \
  BINARY_LOOP(eq, suffix, uint8_t, U, x == y)                                                             \
  BINARY_LOOP(ne, suffix, uint8_t, U, x != y)                                                             \
  UNARY_LOOP(population_count, suffix, U, U, __builtin_popcountll(x))                                     \
  UNARY_LOOP(clz, suffix, U, U, x ? __builtin_clzll(x) - (64 - BITS) : BITS)                              \
  static void select_tile_##suffix(void *dst, const void *a, const void *b, const void *c, size_t n) {    \
    U *d = dst;                                                                                           \
    const uint8_t *condition = a;                                                                         \
    const U *x = b, *y = c;                                                                               \
    INDEPENDENT for (size_t i = 0; i < n; i++) {                                                          \
      U p = x[i], q = y[i]; /* both are read: a conditional load would not be vectorized */               \
      d[i] = condition[i] ? p : q;                                                                        \
    }                                                                                                     \
  }

#define ORDER_KERNELS(suffix, T)                                                                          \
  BINARY_LOOP(max, suffix, T, T, x > y ? x : y)                                                           \
  BINARY_LOOP(min, suffix, T, T, x < y ? x : y)                                                           \
  BINARY_LOOP(lt, suffix, uint8_t, T, x < y)                                                              \
  BINARY_LOOP(le, suffix, uint8_t, T, x <= y)                                                             \
  BINARY_LOOP(gt, suffix, uint8_t, T, x > y)                                                              \
  BINARY_LOOP(ge, suffix, uint8_t, T, x >= y)                                                             \
  static void clamp_tile_##suffix(void *dst, const void *a, const void *b, const void *c, size_t n) {     \
    T *d = dst;                                                                                           \
    const T *low = a, *x = b, *high = c;                                                                  \
    INDEPENDENT for (size_t i = 0; i < n; i++) {                                                          \
      T raised = x[i] > low[i] ? x[i] : low[i];                                                           \
      d[i] = raised < high[i] ? raised : high[i];                                                         \
    }                                                                                                     \
  }

// The smallest value divided by -1 wraps to itself, so a divisor of -1 negates; division by zero gives all ones.
// Up to 32 bits the quotient is computed in F, whose precision exceeds twice the width: truncation is then exact.
#define SIGNED_QUOTIENT(x, y, T, U, F) \
  ((y) == 0 ? (T)-1 : (y) == -1 ? (T)((U)0 - (U)(x)) : (T)((F)(x) / (F)((y) == 0 || (y) == -1 ? 1 : (y))))
#define UNSIGNED_QUOTIENT(x, y, T, F) ((y) == 0 ? (T)-1 : (T)((F)(x) / (F)((y) == 0 ? 1 : (y))))
#define REMAINDER(x, y, T, U, quotient) ((y) == 0 ? (x) : (T)((U)(x) - (U)(quotient) * (U)(y)))

#define SIGNED_KERNELS(suffix, T, U, P, F, LOOP)                                                          \
  ORDER_KERNELS(suffix, T)                                                                                \
  UNARY_LOOP(abs, suffix, T, T, x < 0 ? (T)((P)0 - (P)x) : x)                                             \
  UNARY_LOOP(sign, suffix, T, T, (x > 0) - (x < 0))                                                       \
  LOOP(div, suffix, T, T, SIGNED_QUOTIENT(x, y, T, U, F))                                                 \
  LOOP(rem, suffix, T, T, REMAINDER(x, y, T, P, SIGNED_QUOTIENT(x, y, T, U, F)))                          \
  static T power_##suffix(T base, T exponent) {                                                           \
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? ((exponent & 1) ? -1 : 1) : 0;                  \
    P result = 1, square = (P)base;                                                                       \
    for (U e = (U)exponent; e; e >>= 1, square *= square) result = (e & 1) ? result * square : result;    \
    return (T)result;                                                                                     \
  }                                                                                                       \
  SCALAR_BINARY_LOOP(pow, suffix, T, T, power_##suffix(x, y))

#define UNSIGNED_KERNELS(suffix, T, P, F, LOOP)                                                           \
  ORDER_KERNELS(suffix, T)                                                                                \
  UNARY_LOOP(sign, suffix, T, T, x != 0)                                                                  \
  LOOP(div, suffix, T, T, UNSIGNED_QUOTIENT(x, y, T, F))                                                  \
  LOOP(rem, suffix, T, T, REMAINDER(x, y, T, P, UNSIGNED_QUOTIENT(x, y, T, F)))                           \
  static T power_##suffix(T base, T exponent) {                                                           \
    P result = 1, square = base;                                                                          \
    for (T e = exponent; e; e >>= 1, square *= square) result = (e & 1) ? result * square : result;       \
    return (T)result;                                                                                     \
  }                                                                                                       \
  SCALAR_BINARY_LOOP(pow, suffix, T, T, power_##suffix(x, y))

WIDTH_KERNELS(u8, uint8_t, int8_t, uint32_t, 8)
WIDTH_KERNELS(u16, uint16_t, int16_t, uint32_t, 16)
WIDTH_KERNELS(u32, uint32_t, int32_t, uint32_t, 32)
WIDTH_KERNELS(u64, uint64_t, int64_t, uint64_t, 64)
SIGNED_KERNELS(i8, int8_t, uint8_t, uint32_t, float, BINARY_LOOP)
SIGNED_KERNELS(i16, int16_t, uint16_t, uint32_t, float, BINARY_LOOP)
SIGNED_KERNELS(i32, int32_t, uint32_t, uint32_t, double, BINARY_LOOP)
SIGNED_KERNELS(i64, int64_t, uint64_t, uint64_t, int64_t, SCALAR_BINARY_LOOP)
UNSIGNED_KERNELS(u8, uint8_t, uint32_t, float, BINARY_LOOP)
UNSIGNED_KERNELS(u16, uint16_t, uint32_t, float, BINARY_LOOP)
UNSIGNED_KERNELS(u32, uint32_t, uint32_t, double, BINARY_LOOP)
UNSIGNED_KERNELS(u64, uint64_t, uint64_t, uint64_t, SCALAR_BINARY_LOOP)

UNARY_LOOP(not, truth, uint8_t, uint8_t, x == 0)
// The absolute value of an unsigned integer, and conversions that keep the bits.
#define COPY_KERNEL(suffix, U)                                                                            \
  static void copy_tile_##suffix(void *dst, const void *a, const void *b, const void *c, size_t n) {      \
    (void)b, (void)c;                                                                                     \
    if (dst != a) memcpy(dst, a, n * sizeof(U));                                                          \
  }
COPY_KERNEL(u8, uint8_t)
COPY_KERNEL(u16, uint16_t)
COPY_KERNEL(u32, uint32_t)
COPY_KERNEL(u64, uint64_t)
