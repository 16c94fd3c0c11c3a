// The kernels for AVX-512 (F, BW, DQ, VL).

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernel_table.h"

#define VECTOR_BYTES 64
#define BLOX_TABLE blox_kernels_avx512
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c"))), \
                             apply_to = function)
#include "kernels.inc.h"
#pragma clang attribute pop

#endif
