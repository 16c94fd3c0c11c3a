// Elementwise kernels of f32 and f64, and of bf16 and f16 on top of f32.
//
// A tail is computed in a whole vector whose other lanes are zero, by the same instructions, so an element's
// result does not depend on its position.

#define FLOAT_UNARY(name, type, T, V, LANES, function)                                                 \
  static void name##_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) {   \
    (void)b, (void)c;                                                                                  \
    T *d = dst;                                                                                        \
    const T *x = a;                                                                                    \
    size_t i = 0;                                                                                      \
    for (; i + LANES <= n; i += LANES) store_##type(d + i, function(load_##type(x + i)));              \
    if (i < n) {                                                                                       \
      int64_t rest = (int64_t)(n - i);                                                                 \
      store_first_##type(d + i, function(load_first_##type(x + i, rest)), rest);                       \
    }                                                                                                  \
  }

#define FLOAT_BINARY(name, type, T, V, LANES, function)                                                \
  static void name##_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) {   \
    (void)c;                                                                                           \
    T *d = dst;                                                                                        \
    const T *x = a, *y = b;                                                                            \
    size_t i = 0;                                                                                      \
    for (; i + LANES <= n; i += LANES) {                                                               \
      store_##type(d + i, function(load_##type(x + i), load_##type(y + i)));                           \
    }                                                                                                  \
    if (i < n) {                                                                                       \
      int64_t rest = (int64_t)(n - i);                                                                 \
      V result = function(load_first_##type(x + i, rest), load_first_##type(y + i, rest));             \
      store_first_##type(d + i, result, rest);                                                         \
    }                                                                                                  \
  }

#define FLOAT_TERNARY(name, type, T, V, LANES, function)                                               \
  static void name##_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) {   \
    T *d = dst;                                                                                        \
    const T *x = a, *y = b, *z = c;                                                                    \
    size_t i = 0;                                                                                      \
    for (; i + LANES <= n; i += LANES) {                                                               \
      store_##type(d + i, function(load_##type(x + i), load_##type(y + i), load_##type(z + i)));       \
    }                                                                                                  \
    if (i < n) {                                                                                       \
      int64_t rest = (int64_t)(n - i);                                                                 \
      V p = load_first_##type(x + i, rest), q = load_first_##type(y + i, rest);                        \
      store_first_##type(d + i, function(p, q, load_first_##type(z + i, rest)), rest);                 \
    }                                                                                                  \
  }

#define FLOAT_COMPARE(name, type, T, operator)                                                         \
  static void name##_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) {   \
    (void)c;                                                                                           \
    uint8_t *d = dst;                                                                                  \
    const T *x = a, *y = b;                                                                            \
    INDEPENDENT for (size_t i = 0; i < n; i++) d[i] = x[i] operator y[i];                              \
  }

#define OP_ADD(x, y) ((x) + (y))
#define OP_SUB(x, y) ((x) - (y))
#define OP_MUL(x, y) ((x) * (y))
#define OP_DIV(x, y) ((x) / (y))
// Two roundings: FP_CONTRACT is off.
#define OP_MUL_ADD(x, y, z) ((x) * (y) + (z))
#define OP_MUL_SUB(x, y, z) ((x) * (y) - (z))
#define OP_MUL_SUB_FROM(x, y, z) ((z) - (x) * (y))
#define OP_ADD_MUL(x, y, z) (((x) + (y)) * (z))
#define OP_SUB_MUL(x, y, z) (((x) - (y)) * (z))
#define OP_ADD_ADD(x, y, z) ((x) + (y) + (z))
// NaN propagates and -0 < 0, as XLA has it; subnormals compare and result as zero under flush-to-zero.
#define OP_MAX(x, y) __builtin_elementwise_maximum(x, y)
#define OP_MIN(x, y) __builtin_elementwise_minimum(x, y)
#define OP_CLAMP(low, x, high) OP_MIN(OP_MAX(x, low), high)
#define OP_FLOOR(x) __builtin_elementwise_floor(x)
#define OP_CEIL(x) __builtin_elementwise_ceil(x)

#define FLOAT_KERNELS(type, T, V, LANES, BITS, SIGN_BIT, INFINITY_BITS)                                 \
  FLOAT_UNARY(floor, type, T, V, LANES, OP_FLOOR)                                                       \
  FLOAT_UNARY(ceil, type, T, V, LANES, OP_CEIL)                                                         \
  FLOAT_UNARY(sign, type, T, V, LANES, sign_##type)                                                     \
  FLOAT_UNARY(exp, type, T, V, LANES, exp_##type)                                                       \
  FLOAT_UNARY(log, type, T, V, LANES, log_##type)                                                       \
  FLOAT_UNARY(log1p, type, T, V, LANES, log1p_##type)                                                   \
  FLOAT_UNARY(sqrt, type, T, V, LANES, sqrt_##type)                                                     \
  FLOAT_UNARY(rsqrt, type, T, V, LANES, rsqrt_##type)                                                   \
  FLOAT_UNARY(tanh, type, T, V, LANES, tanh_##type)                                                     \
  FLOAT_UNARY(logistic, type, T, V, LANES, logistic_##type)                                             \
  FLOAT_UNARY(erf, type, T, V, LANES, erf_##type)                                                       \
  FLOAT_UNARY(erf_inv, type, T, V, LANES, erf_inv_##type)                                               \
  FLOAT_BINARY(add, type, T, V, LANES, OP_ADD)                                                          \
  FLOAT_BINARY(sub, type, T, V, LANES, OP_SUB)                                                          \
  FLOAT_BINARY(mul, type, T, V, LANES, OP_MUL)                                                          \
  FLOAT_BINARY(div, type, T, V, LANES, OP_DIV)                                                          \
  FLOAT_BINARY(rem, type, T, V, LANES, rem_##type)                                                      \
  FLOAT_BINARY(pow, type, T, V, LANES, pow_##type)                                                      \
  FLOAT_BINARY(max, type, T, V, LANES, OP_MAX)                                                          \
  FLOAT_BINARY(min, type, T, V, LANES, OP_MIN)                                                          \
  FLOAT_TERNARY(clamp, type, T, V, LANES, OP_CLAMP)                                                     \
  FLOAT_TERNARY(fma, type, T, V, LANES, fma_##type)                                                     \
  FLOAT_TERNARY(mul_add, type, T, V, LANES, OP_MUL_ADD)                                                 \
  FLOAT_TERNARY(mul_sub, type, T, V, LANES, OP_MUL_SUB)                                                 \
  FLOAT_TERNARY(mul_sub_from, type, T, V, LANES, OP_MUL_SUB_FROM)                                       \
  FLOAT_TERNARY(add_mul, type, T, V, LANES, OP_ADD_MUL)                                                 \
  FLOAT_TERNARY(sub_mul, type, T, V, LANES, OP_SUB_MUL)                                                 \
  FLOAT_TERNARY(add_add, type, T, V, LANES, OP_ADD_ADD)                                                 \
  FLOAT_COMPARE(eq, type, T, ==)                                                                        \
  FLOAT_COMPARE(ne, type, T, !=)                                                                        \
  FLOAT_COMPARE(lt, type, T, <)                                                                         \
  FLOAT_COMPARE(le, type, T, <=)                                                                        \
  FLOAT_COMPARE(gt, type, T, >)                                                                         \
  FLOAT_COMPARE(ge, type, T, >=)                                                                        \
  FLOAT_BIT_KERNELS(type, BITS, SIGN_BIT, INFINITY_BITS)

// Those that keep or test the bits, for all four float types.
#define FLOAT_BIT_KERNELS(type, BITS, SIGN_BIT, INFINITY_BITS)                                          \
  static void neg_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) {       \
    (void)b, (void)c;                                                                                   \
    BITS *d = dst;                                                                                      \
    const BITS *x = a;                                                                                  \
    INDEPENDENT for (size_t i = 0; i < n; i++) d[i] = (BITS)(x[i] ^ SIGN_BIT);                          \
  }                                                                                                     \
  static void abs_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) {       \
    (void)b, (void)c;                                                                                   \
    BITS *d = dst;                                                                                      \
    const BITS *x = a;                                                                                  \
    INDEPENDENT for (size_t i = 0; i < n; i++) d[i] = (BITS)(x[i] & (SIGN_BIT - 1));                    \
  }                                                                                                     \
  static void is_finite_tile_##type(void *dst, const void *a, const void *b, const void *c, size_t n) { \
    (void)b, (void)c;                                                                                   \
    uint8_t *d = dst;                                                                                   \
    const BITS *x = a;                                                                                  \
    INDEPENDENT for (size_t i = 0; i < n; i++) d[i] = (x[i] & INFINITY_BITS) != INFINITY_BITS;          \
  }

FLOAT_KERNELS(f32, float, vf32, LANES_F32, uint32_t, 0x80000000u, 0x7F800000u)
FLOAT_KERNELS(f64, double, vf64, LANES_F64, uint64_t, 0x8000000000000000ull, 0x7FF0000000000000ull)
FLOAT_BIT_KERNELS(bf16, uint16_t, 0x8000u, 0x7F80u)
FLOAT_BIT_KERNELS(f16, uint16_t, 0x8000u, 0x7C00u)

#define HALF_KERNELS(half)   \
  LIFT_UNARY(floor, half)    \
  LIFT_UNARY(ceil, half)     \
  LIFT_UNARY(sign, half)     \
  LIFT_UNARY(exp, half)      \
  LIFT_UNARY(log, half)      \
  LIFT_UNARY(log1p, half)    \
  LIFT_UNARY(sqrt, half)     \
  LIFT_UNARY(rsqrt, half)    \
  LIFT_UNARY(tanh, half)     \
  LIFT_UNARY(logistic, half) \
  LIFT_UNARY(erf, half)      \
  LIFT_UNARY(erf_inv, half)  \
  LIFT_BINARY(add, half)     \
  LIFT_BINARY(sub, half)     \
  LIFT_BINARY(mul, half)     \
  LIFT_BINARY(div, half)     \
  LIFT_BINARY(rem, half)     \
  LIFT_BINARY(pow, half)     \
  LIFT_BINARY(max, half)     \
  LIFT_BINARY(min, half)     \
  LIFT_TERNARY(clamp, half)  \
  LIFT_COMPARE(eq, half)     \
  LIFT_COMPARE(ne, half)     \
  LIFT_COMPARE(lt, half)     \
  LIFT_COMPARE(le, half)     \
  LIFT_COMPARE(gt, half)     \
  LIFT_COMPARE(ge, half)

HALF_KERNELS(bf16)
HALF_KERNELS(f16)
