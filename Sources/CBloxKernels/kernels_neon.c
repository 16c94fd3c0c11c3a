// The kernels for arm64, where NEON with fused multiply-add is the baseline: the same source as the portable
// kernels, with the register blocking of 32 registers.

#if defined(__aarch64__)

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernel_table.h"

#define VECTOR_BYTES 16
#define BLOX_TABLE blox_kernels_neon
#include "kernels.inc.h"

#endif
