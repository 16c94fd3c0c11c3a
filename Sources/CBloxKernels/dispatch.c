// Chooses the table of an instruction set and looks kernels up.

#include "kernel_table.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#if defined(__x86_64__)
// Register state that the operating system saves on a switch of threads (XCR0).
__attribute__((target("xsave"))) static uint64_t enabled_state(void) { return _xgetbv(0); }

// cpuid is slow under a hypervisor: callers ask once and keep the answer.
static bool x86_available(blox_isa isa) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  const uint32_t osxsave = 1u << 27, avx = 1u << 28, fma = 1u << 12, f16c = 1u << 29;
  const uint32_t needed = osxsave | avx | fma | f16c;
  if ((c & needed) != needed) return false;
  uint64_t state = enabled_state();
  const uint64_t avx_state = 0x6, avx512_state = 0xE6;
  if ((state & avx_state) != avx_state) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const uint32_t avx2 = 1u << 5;
  if (isa == BLOX_ISA_AVX2) return (b & avx2) != 0;
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  return (b & avx512) == avx512 && (state & avx512_state) == avx512_state;
}
#endif

bool blox_isa_available(blox_isa isa) {
  switch (isa) {
    case BLOX_ISA_PORTABLE: return true;
#if defined(__x86_64__)
    case BLOX_ISA_AVX2:
    case BLOX_ISA_AVX512: return x86_available(isa);
#elif defined(__aarch64__)
    case BLOX_ISA_NEON: return true;
#endif
    default: return false;
  }
}

blox_isa blox_best_isa(void) {
#if defined(__aarch64__)
  return BLOX_ISA_NEON;
#else
  if (blox_isa_available(BLOX_ISA_AVX512)) return BLOX_ISA_AVX512;
  return blox_isa_available(BLOX_ISA_AVX2) ? BLOX_ISA_AVX2 : BLOX_ISA_PORTABLE;
#endif
}

const blox_kernel_table *blox_kernels(blox_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case BLOX_ISA_AVX2: return &blox_kernels_avx2;
    case BLOX_ISA_AVX512: return &blox_kernels_avx512;
#elif defined(__aarch64__)
    case BLOX_ISA_NEON: return &blox_kernels_neon;
#endif
    default: return &blox_kernels_portable;
  }
}

uint64_t blox_fp_enter(void) {
#if defined(__x86_64__)
  const unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
  unsigned previous = _mm_getcsr();
  _mm_setcsr(previous | flush_to_zero | denormals_are_zero);
  return previous;
#elif defined(__aarch64__)
  const uint64_t flush_to_zero = 1u << 24;
  uint64_t previous;
  __asm__ volatile("mrs %0, fpcr" : "=r"(previous));
  __asm__ volatile("msr fpcr, %0" : : "r"(previous | flush_to_zero));
  return previous;
#else
  return 0;
#endif
}

uint64_t blox_fp_enter_ieee(void) {
#if defined(__x86_64__)
  const unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
  unsigned previous = _mm_getcsr();
  _mm_setcsr(previous & ~(flush_to_zero | denormals_are_zero));
  return previous;
#elif defined(__aarch64__)
  const uint64_t flush_to_zero = 1u << 24;
  uint64_t previous;
  __asm__ volatile("mrs %0, fpcr" : "=r"(previous));
  __asm__ volatile("msr fpcr, %0" : : "r"(previous & ~flush_to_zero));
  return previous;
#else
  return 0;
#endif
}

void blox_fp_leave(uint64_t mode) {
#if defined(__x86_64__)
  _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
  (void)mode;
#endif
}

blox_tile_fn blox_tile_unary(blox_isa isa, blox_unary op, blox_dtype dtype) {
  return blox_kernels(isa)->unary[op][dtype];
}

blox_tile_fn blox_tile_binary(blox_isa isa, blox_binary op, blox_dtype dtype) {
  return blox_kernels(isa)->binary[op][dtype];
}

blox_tile_fn blox_tile_compare(blox_isa isa, blox_compare direction, blox_dtype dtype) {
  return blox_kernels(isa)->compare[direction][dtype];
}

blox_tile_fn blox_tile_select(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->select[dtype]; }
blox_tile_fn blox_tile_clamp(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->clamp[dtype]; }
blox_tile_fn blox_tile_pair(blox_isa isa, blox_pair pair, blox_dtype dtype) {
  return blox_kernels(isa)->pair[pair][dtype];
}

blox_tile_fn blox_tile_fma(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->fma[dtype]; }

blox_tile_fn blox_tile_convert(blox_isa isa, blox_dtype from, blox_dtype to) {
  return blox_kernels(isa)->convert[from][to];
}

blox_reduce_rows_fn blox_reduce_rows(blox_isa isa, blox_reduce kind, blox_dtype dtype) {
  return blox_kernels(isa)->reduce_rows[kind][dtype];
}

blox_reduce_columns_fn blox_reduce_columns(blox_isa isa, blox_reduce kind, blox_dtype dtype) {
  return blox_kernels(isa)->reduce_columns[kind][dtype];
}

blox_accumulate_fn blox_accumulate(blox_isa isa, blox_reduce kind, blox_dtype dtype) {
  return blox_kernels(isa)->accumulate[kind][dtype];
}

blox_arg_reduce_fn blox_arg_max(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->arg_max[dtype]; }
blox_arg_reduce_fn blox_arg_min(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->arg_min[dtype]; }

void blox_sort(blox_isa isa, const blox_order *order, char *const *buffers, int64_t start, int64_t end, char *scratch) {
  blox_kernels(isa)->sort(order, buffers, start, end, scratch);
}

void blox_top_k(blox_isa isa, const blox_order *order, char *const *buffers, int64_t start, int64_t end,
                char *scratch) {
  blox_kernels(isa)->top_k(order, buffers, start, end, scratch);
}

// In the order of order_rooms.
int64_t blox_sort_scratch_bytes(const blox_order *order) {
  int64_t n = order->length, key = order->is_wide ? 8 : 4;
  int64_t item = blox_sorts_alone(order) ? key : 2 * key;
  return n * key + 2 * n * item + n * 8 + 4 * 64;
}

int64_t blox_top_k_scratch_bytes(const blox_order *order) {
  int64_t key = order->is_wide ? 8 : 4;
  return BLOX_ORDER_BLOCK * key + 2 * blox_top_k_room(order->count, order->length) * 2 * key + 64;
}

blox_cumulative_fn blox_cumulative(blox_isa isa, blox_cumulative_kind kind, blox_dtype dtype) {
  return blox_kernels(isa)->cumulative[kind][dtype];
}

void blox_fill(blox_isa isa, char *dst, int32_t width, uint64_t bits, int64_t count) {
  blox_kernels(isa)->fill(dst, width, bits, count);
}

void blox_random_bits(blox_isa isa, const uint32_t *keys, int64_t lane, int32_t width, int64_t start, int64_t end,
                      void *dst) {
  blox_kernels(isa)->random_bits(keys, lane, width, start, end, dst);
}

bool blox_gemm_supported(blox_dtype dtype) { return blox_kernels_portable.gemm[dtype] != NULL; }

blox_gemm_path blox_gemm_choose(blox_isa isa, blox_dtype dtype, const blox_gemm_args *whole) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  if (blocking->width == 0) return BLOX_GEMM_SMALL;
  if (whole->m == 1 || whole->n == 1) return BLOX_GEMM_VECTOR;
  double products = (double)whole->m * (double)whole->n * (double)whole->k;
  return products <= (double)blocking->small_products ? BLOX_GEMM_SMALL : BLOX_GEMM_PACKED;
}

static int64_t round_up(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }
enum { SLACK = 64 };  // elements, for alignment

static int64_t packed_scratch(const blox_gemm_blocking *blocking, int64_t m, int64_t n, int64_t k,
                              blox_gemm_panels panels, bool one_block) {
  int64_t depth = smaller(k, blocking->kc);
  int64_t a = smaller(round_up(m, blocking->mr), blocking->mc) * depth;
  int64_t columns = panels == BLOX_PANELS_READY ? 0 : blox_panel_columns(n, one_block, blocking->nr, blocking->nc);
  int64_t b = columns * depth;
  return (a + b + 3 * SLACK) * blocking->width;
}

int64_t blox_gemm_scratch_bytes(blox_isa isa, blox_dtype dtype, blox_gemm_path path, int64_t m, int64_t n, int64_t k,
                                blox_gemm_panels panels) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  if (blocking->width == 0) return 0;
  switch (path) {
    case BLOX_GEMM_VECTOR: return 0;
    case BLOX_GEMM_SMALL: return (smaller(k, blocking->kc) * blocking->nr + SLACK) * blocking->width;
    default: return packed_scratch(blocking, m, n, k, panels, panels == BLOX_PANELS_COPIED && m <= blocking->mc);
  }
}

int64_t blox_gemm_packed_bytes(blox_isa isa, blox_dtype dtype, int64_t k, int64_t n, int64_t *columns) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  *columns = round_up(n, blocking->nr);
  return (*columns * k + SLACK) * blocking->width;
}

void blox_gemm_pack(blox_isa isa, blox_dtype dtype, const void *b, const blox_gemm_maker *made_b, int64_t b_row,
                    int64_t b_column, int64_t k, int64_t n, void *panels) {
  blox_kernels(isa)->gemm_pack[dtype](b, made_b, b_row, b_column, k, n, panels);
}

int64_t blox_patches_scratch_bytes(blox_isa isa, blox_dtype dtype, int64_t m, int64_t n, int64_t k) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  if (blocking->width == 0) return k * blox_dtype_width(dtype);
  return packed_scratch(blocking, m, n, k, BLOX_PANELS_COPIED, false) + (blocking->mr + 1) * blocking->kc * blocking->width;
}

blox_channels_fn blox_channels(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->channels[dtype]; }

void blox_gemm_granularity(blox_isa isa, blox_dtype dtype, int64_t *rows, int64_t *columns) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  *rows = blocking->width ? blocking->mr : 1;
  *columns = blocking->width ? blocking->nr : 64;
}

const blox_matrix_kernels *blox_matrix(blox_isa isa, blox_dtype dtype) { return blox_kernels(isa)->matrix[dtype]; }

int64_t blox_limit_fma(blox_isa isa, int64_t rounds) { return blox_kernels(isa)->limit_fma(rounds); }

void blox_limit_triad(blox_isa isa, float *dst, const float *a, const float *b, int64_t count) {
  blox_kernels(isa)->limit_triad(dst, a, b, count);
}
