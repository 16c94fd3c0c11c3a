// All kernels of one instruction set. The including file defines VECTOR_BYTES and BLOX_TABLE, and puts this
// between a push and a pop of the target attribute: SwiftPM gives a package no -march flags.
//
// Products and sums are contracted only where the source says fma, so that every instruction set rounds alike.
#pragma STDC FP_CONTRACT OFF

#include "vector.inc.h"
#include "math_f64.inc.h"
#include "math_circular.inc.h"
#include "math_hyperbolic.inc.h"
#include "math_gamma.inc.h"
#include "math_f32.inc.h"
#include "half.inc.h"
#include "tile_float.inc.h"
#include "tile_functions.inc.h"
#include "tile_integer.inc.h"
#include "convert.inc.h"
#include "fill.inc.h"
#include "accumulate.inc.h"
#include "reduce.inc.h"
#include "arg_reduce.inc.h"
#include "pool.inc.h"
#include "cumulative.inc.h"
#include "order.inc.h"
#include "random.inc.h"
#include "patches.inc.h"
#include "gemm.inc.h"
#include "matrix.inc.h"
#include "limits.inc.h"
#include "table.inc.h"
