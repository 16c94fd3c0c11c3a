// The kernels without any extension: 128-bit vectors, which every 64-bit processor has.

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernel_table.h"

#define VECTOR_BYTES 16
#define BLOX_TABLE blox_kernels_portable
#include "kernels.inc.h"
