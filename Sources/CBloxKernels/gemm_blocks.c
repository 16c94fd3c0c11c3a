// Products with an epilogue: which blocks of C it is given, and the products that are made block by block.

#include "kernel_table.h"

bool blox_gemm_accumulates(blox_isa isa, blox_dtype dtype, blox_gemm_path path, int64_t k) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  return path == BLOX_GEMM_PACKED && blocking->width != 0 && k > blocking->kc;
}

// A block stays in the second-level cache beside what it is made of. Products of a vector are made in long runs. Where
// B is packed anew for each block, since sums over blocks of k must wait for each other, blocks are larger.
void blox_gemm_block(blox_isa isa, blox_dtype dtype, blox_gemm_path path, int64_t m, int64_t n, int64_t k,
                     int64_t *rows, int64_t *columns) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  int64_t mc = blocking->width ? blocking->mc : 128;
  *rows = mc;
  *columns = BLOX_EPILOGUE_COLUMNS;
  if (path == BLOX_GEMM_VECTOR) {
    *rows = *columns = 8 * BLOX_EPILOGUE_COLUMNS;
  } else if (blox_gemm_accumulates(isa, dtype, path, k)) {
    *rows = 2 * mc;
    *columns = 2 * BLOX_EPILOGUE_COLUMNS;
  }
  *rows = smaller(*rows, m);
  *columns = smaller(*columns, n);
}

static void run_blocks(blox_isa isa, blox_dtype dtype, blox_gemm_path path, const blox_gemm_args *args,
                       void *scratch) {
  const blox_gemm_epilogue *epilogue = args->epilogue;
  const int64_t width = blox_dtype_width(dtype);
  blox_gemm_args part = *args;
  part.epilogue = NULL;
  part.c = epilogue->block;
  int64_t rows, columns;
  blox_gemm_block(isa, dtype, path, args->m, args->n, args->k, &rows, &columns);
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  columns = blox_block_columns(args->n, columns, blocking->width ? blocking->nr : 1);
  blox_gemm_maker made_a, made_b;
  for (int64_t i = 0; i < args->m; i += rows) {
    part.m = smaller(args->m - i, rows);
    if (args->patches) {
      part.patch_row = args->patch_row + i;
    } else if (args->made_a) {
      made_a = *args->made_a;
      made_a.start += i * args->a_row;
      part.made_a = &made_a;
    } else {
      part.a = (const char *)args->a + i * args->a_row * width;
    }
    for (int64_t j = 0; j < args->n; j += columns) {
      part.n = smaller(args->n - j, columns);
      if (args->made_b) {
        made_b = *args->made_b;
        made_b.start += j * args->b_column;
        part.made_b = &made_b;
      } else {
        part.b = (const char *)args->b + j * args->b_column * width;
      }
      part.packed_first = args->packed_first + j;
      part.c_row = part.n;
      blox_kernels(isa)->gemm[dtype](path, &part, scratch);
      blox_run_epilogue(epilogue, args->c_row, i, j, part.m, part.n, epilogue->block, part.n);
    }
  }
}

void blox_gemm(blox_isa isa, blox_dtype dtype, blox_gemm_path path, const blox_gemm_args *args, void *scratch) {
  const blox_gemm_blocking *blocking = &blox_kernels(isa)->gemm_blocking[dtype];
  // The packed path runs an epilogue itself, unless sums over blocks of k have no place.
  bool runs_epilogue = path == BLOX_GEMM_PACKED && blocking->width != 0 && args->k > 0 &&
                       (args->c != NULL || args->k <= blocking->kc);
  if (args->epilogue == NULL || runs_epilogue) {
    blox_kernels(isa)->gemm[dtype](path, args, scratch);
  } else {
    run_blocks(isa, dtype, path, args, scratch);
  }
}
