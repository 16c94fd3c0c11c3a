// The table of this instruction set. Wrapping integer kernels exist once per width, under the unsigned name.

#define FLOATS(name) \
  [BLOX_BF16] = name##_bf16, [BLOX_F16] = name##_f16, [BLOX_F32] = name##_f32, [BLOX_F64] = name##_f64
// Those that are accumulated as what they are.
#define WHOLE_FLOATS(name) [BLOX_F32] = name##_f32, [BLOX_F64] = name##_f64
#define SIGNED(name) [BLOX_I8] = name##_i8, [BLOX_I16] = name##_i16, [BLOX_I32] = name##_i32, [BLOX_I64] = name##_i64
#define UNSIGNED(name) [BLOX_U8] = name##_u8, [BLOX_U16] = name##_u16, [BLOX_U32] = name##_u32, [BLOX_U64] = name##_u64
#define INTEGERS(name) SIGNED(name), UNSIGNED(name)
#define WIDTHS(name) \
  [BLOX_I8] = name##_u8, [BLOX_I16] = name##_u16, [BLOX_I32] = name##_u32, [BLOX_I64] = name##_u64, UNSIGNED(name)
#define INTEGERS_AND_BOOL(name) INTEGERS(name), [BLOX_BOOL] = name##_u8
#define WIDTHS_AND_BOOL(name) WIDTHS(name), [BLOX_BOOL] = name##_u8

// Rows of the conversion table. A boolean reads as a byte.
#define CONVERT_INTEGER(from)                                                                                  \
  {                                                                                                            \
    [BLOX_BOOL] = convert_##from##_truth, [BLOX_I8] = convert_##from##_u8, [BLOX_I16] = convert_##from##_u16,   \
    [BLOX_I32] = convert_##from##_u32, [BLOX_I64] = convert_##from##_u64, UNSIGNED(convert_##from),            \
    FLOATS(convert_##from)                                                                                     \
  }
#define CONVERT_FLOAT(from) {[BLOX_BOOL] = convert_##from##_truth, INTEGERS(convert_##from), FLOATS(convert_##from)}
#define convert_bf16_bf16 copy_tile_u16
#define convert_f16_f16 copy_tile_u16
#define convert_f64_f64 copy_tile_u64

const blox_kernel_table BLOX_TABLE = {
  .unary = {
    [BLOX_NEG] = {FLOATS(neg_tile), WIDTHS(neg_tile)},
    [BLOX_ABS] = {FLOATS(abs_tile), SIGNED(abs_tile), UNSIGNED(copy_tile)},
    [BLOX_SIGN] = {FLOATS(sign_tile), INTEGERS(sign_tile)},
    [BLOX_FLOOR] = {FLOATS(floor_tile)},
    [BLOX_CEIL] = {FLOATS(ceil_tile)},
    [BLOX_EXP] = {FLOATS(exp_tile)},
    [BLOX_LOG] = {FLOATS(log_tile)},
    [BLOX_LOG1P] = {FLOATS(log1p_tile)},
    [BLOX_SQRT] = {FLOATS(sqrt_tile)},
    [BLOX_RSQRT] = {FLOATS(rsqrt_tile)},
    [BLOX_TANH] = {FLOATS(tanh_tile)},
    [BLOX_LOGISTIC] = {FLOATS(logistic_tile)},
    [BLOX_ERF] = {FLOATS(erf_tile)},
    [BLOX_ERF_INV] = {FLOATS(erf_inv_tile)},
    [BLOX_NOT] = {WIDTHS(not_tile), [BLOX_BOOL] = not_tile_truth},
    [BLOX_IS_FINITE] = {FLOATS(is_finite_tile)},
    [BLOX_EXP2] = {FLOATS(exp2_tile)},
    [BLOX_EXPM1] = {FLOATS(expm1_tile)},
    [BLOX_CBRT] = {FLOATS(cbrt_tile)},
    [BLOX_SIN] = {FLOATS(sin_tile)},
    [BLOX_COS] = {FLOATS(cos_tile)},
    [BLOX_TAN] = {FLOATS(tan_tile)},
    [BLOX_ASIN] = {FLOATS(asin_tile)},
    [BLOX_ACOS] = {FLOATS(acos_tile)},
    [BLOX_ATAN] = {FLOATS(atan_tile)},
    [BLOX_SINH] = {FLOATS(sinh_tile)},
    [BLOX_COSH] = {FLOATS(cosh_tile)},
    [BLOX_ASINH] = {FLOATS(asinh_tile)},
    [BLOX_ACOSH] = {FLOATS(acosh_tile)},
    [BLOX_ATANH] = {FLOATS(atanh_tile)},
    [BLOX_ERFC] = {FLOATS(erfc_tile)},
    [BLOX_LGAMMA] = {FLOATS(lgamma_tile)},
    [BLOX_DIGAMMA] = {FLOATS(digamma_tile)},
    [BLOX_ROUND_NEAREST_EVEN] = {FLOATS(round_nearest_even_tile)},
    [BLOX_ROUND_NEAREST_AWAY] = {FLOATS(round_nearest_away_tile)},
    [BLOX_POPULATION_COUNT] = {WIDTHS(population_count_tile)},
    [BLOX_CLZ] = {WIDTHS(clz_tile)},
  },
  .binary = {
    [BLOX_ADD] = {FLOATS(add_tile), WIDTHS(add_tile)},
    [BLOX_SUB] = {FLOATS(sub_tile), WIDTHS(sub_tile)},
    [BLOX_MUL] = {FLOATS(mul_tile), WIDTHS(mul_tile)},
    [BLOX_DIV] = {FLOATS(div_tile), INTEGERS(div_tile)},
    [BLOX_REM] = {FLOATS(rem_tile), INTEGERS(rem_tile)},
    [BLOX_POW] = {FLOATS(pow_tile), INTEGERS(pow_tile)},
    [BLOX_MAX] = {FLOATS(max_tile), INTEGERS(max_tile), [BLOX_BOOL] = or_tile_u8},
    [BLOX_MIN] = {FLOATS(min_tile), INTEGERS(min_tile), [BLOX_BOOL] = and_tile_u8},
    [BLOX_AND] = {WIDTHS_AND_BOOL(and_tile)},
    [BLOX_OR] = {WIDTHS_AND_BOOL(or_tile)},
    [BLOX_XOR] = {WIDTHS_AND_BOOL(xor_tile)},
    [BLOX_SHIFT_LEFT] = {WIDTHS(shift_left_tile)},
    [BLOX_SHIFT_RIGHT_LOGICAL] = {WIDTHS(shift_right_logical_tile)},
    [BLOX_SHIFT_RIGHT_ARITHMETIC] = {WIDTHS(shift_right_arithmetic_tile)},
    [BLOX_ATAN2] = {FLOATS(atan2_tile)},
    [BLOX_NEXTAFTER] = {FLOATS(nextafter_tile)},
  },
  .compare = {
    [BLOX_EQ] = {FLOATS(eq_tile), WIDTHS_AND_BOOL(eq_tile)},
    [BLOX_NE] = {FLOATS(ne_tile), WIDTHS_AND_BOOL(ne_tile)},
    [BLOX_LT] = {FLOATS(lt_tile), INTEGERS_AND_BOOL(lt_tile)},
    [BLOX_LE] = {FLOATS(le_tile), INTEGERS_AND_BOOL(le_tile)},
    [BLOX_GT] = {FLOATS(gt_tile), INTEGERS_AND_BOOL(gt_tile)},
    [BLOX_GE] = {FLOATS(ge_tile), INTEGERS_AND_BOOL(ge_tile)},
  },
  .select = {
    WIDTHS_AND_BOOL(select_tile), [BLOX_BF16] = select_tile_u16, [BLOX_F16] = select_tile_u16,
    [BLOX_F32] = select_tile_u32, [BLOX_F64] = select_tile_u64, [BLOX_KEY] = select_tile_u64,
  },
  .clamp = {FLOATS(clamp_tile), INTEGERS_AND_BOOL(clamp_tile)},
  .fma = {[BLOX_F32] = fma_tile_f32, [BLOX_F64] = fma_tile_f64},
  .pair = {
    [BLOX_PAIR_MUL_ADD] = {WHOLE_FLOATS(mul_add_tile)},
    [BLOX_PAIR_MUL_SUB] = {WHOLE_FLOATS(mul_sub_tile)},
    [BLOX_PAIR_MUL_SUB_FROM] = {WHOLE_FLOATS(mul_sub_from_tile)},
    [BLOX_PAIR_ADD_MUL] = {WHOLE_FLOATS(add_mul_tile)},
    [BLOX_PAIR_SUB_MUL] = {WHOLE_FLOATS(sub_mul_tile)},
    [BLOX_PAIR_ADD_ADD] = {WHOLE_FLOATS(add_add_tile)},
  },
  .convert = {
    [BLOX_BOOL] = CONVERT_INTEGER(u8),
    [BLOX_I8] = CONVERT_INTEGER(i8),
    [BLOX_I16] = CONVERT_INTEGER(i16),
    [BLOX_I32] = CONVERT_INTEGER(i32),
    [BLOX_I64] = CONVERT_INTEGER(i64),
    [BLOX_U8] = CONVERT_INTEGER(u8),
    [BLOX_U16] = CONVERT_INTEGER(u16),
    [BLOX_U32] = CONVERT_INTEGER(u32),
    [BLOX_U64] = CONVERT_INTEGER(u64),
    [BLOX_BF16] = CONVERT_FLOAT(bf16),
    [BLOX_F16] = CONVERT_FLOAT(f16),
    [BLOX_F32] = CONVERT_FLOAT(f32),
    [BLOX_F64] = CONVERT_FLOAT(f64),
  },
  .reduce_rows = {
    [BLOX_REDUCE_SUM] = {FLOATS(sum_rows), WIDTHS(sum_rows)},
    [BLOX_REDUCE_PROD] = {FLOATS(prod_rows), WIDTHS(prod_rows)},
    [BLOX_REDUCE_MAX] = {FLOATS(max_rows), INTEGERS(max_rows), [BLOX_BOOL] = or_rows_truth},
    [BLOX_REDUCE_MIN] = {FLOATS(min_rows), INTEGERS(min_rows), [BLOX_BOOL] = and_rows_truth},
    [BLOX_REDUCE_AND] = {WIDTHS(and_rows), [BLOX_BOOL] = and_rows_truth},
    [BLOX_REDUCE_OR] = {WIDTHS(or_rows), [BLOX_BOOL] = or_rows_truth},
    [BLOX_REDUCE_XOR] = {WIDTHS_AND_BOOL(xor_rows)},
  },
  .reduce_columns = {
    [BLOX_REDUCE_SUM] = {FLOATS(sum_columns), WIDTHS(sum_columns)},
    [BLOX_REDUCE_PROD] = {FLOATS(prod_columns), WIDTHS(prod_columns)},
    [BLOX_REDUCE_MAX] = {FLOATS(max_columns), INTEGERS(max_columns), [BLOX_BOOL] = or_columns_truth},
    [BLOX_REDUCE_MIN] = {FLOATS(min_columns), INTEGERS(min_columns), [BLOX_BOOL] = and_columns_truth},
    [BLOX_REDUCE_AND] = {WIDTHS(and_columns), [BLOX_BOOL] = and_columns_truth},
    [BLOX_REDUCE_OR] = {WIDTHS(or_columns), [BLOX_BOOL] = or_columns_truth},
    [BLOX_REDUCE_XOR] = {WIDTHS_AND_BOOL(xor_columns)},
  },
  .accumulate = {
    [BLOX_REDUCE_SUM] = {WHOLE_FLOATS(sum_accumulate), WIDTHS(sum_accumulate)},
    [BLOX_REDUCE_PROD] = {WHOLE_FLOATS(prod_accumulate), WIDTHS(prod_accumulate)},
    [BLOX_REDUCE_MAX] = {WHOLE_FLOATS(max_accumulate), INTEGERS(max_accumulate), [BLOX_BOOL] = or_accumulate_truth},
    [BLOX_REDUCE_MIN] = {WHOLE_FLOATS(min_accumulate), INTEGERS(min_accumulate), [BLOX_BOOL] = and_accumulate_truth},
    [BLOX_REDUCE_AND] = {WIDTHS(and_accumulate), [BLOX_BOOL] = and_accumulate_truth},
    [BLOX_REDUCE_OR] = {WIDTHS(or_accumulate), [BLOX_BOOL] = or_accumulate_truth},
    [BLOX_REDUCE_XOR] = {WIDTHS_AND_BOOL(xor_accumulate)},
  },
  .arg_max = {FLOATS(arg_max), INTEGERS_AND_BOOL(arg_max)},
  .arg_min = {FLOATS(arg_min), INTEGERS_AND_BOOL(arg_min)},
  .pool_fold = {
    [BLOX_REDUCE_SUM] = {FLOATS(sum_fold), WIDTHS(sum_fold)},
    [BLOX_REDUCE_PROD] = {FLOATS(prod_fold), WIDTHS(prod_fold)},
    [BLOX_REDUCE_MAX] = {FLOATS(max_fold), INTEGERS(max_fold), [BLOX_BOOL] = or_fold_u8},
    [BLOX_REDUCE_MIN] = {FLOATS(min_fold), INTEGERS(min_fold), [BLOX_BOOL] = and_fold_u8},
    [BLOX_REDUCE_AND] = {WIDTHS_AND_BOOL(and_fold)},
    [BLOX_REDUCE_OR] = {WIDTHS_AND_BOOL(or_fold)},
    [BLOX_REDUCE_XOR] = {WIDTHS_AND_BOOL(xor_fold)},
  },
  .pool_value = {{FLOATS(pick_max_value)}, {FLOATS(pick_min_value)}},
  .pool_place = {{FLOATS(pick_max_place)}, {FLOATS(pick_min_place)}},
  .pool_add = {FLOATS(place_add)},
  .pool_scatter = {{FLOATS(scatter_max)}, {FLOATS(scatter_min)}},
  .cumulative = {
    [BLOX_CUMSUM] = {FLOATS(cumsum), WIDTHS(cumsum)},
    [BLOX_CUMPROD] = {FLOATS(cumprod), WIDTHS(cumprod)},
    [BLOX_CUMMAX] = {FLOATS(cummax), INTEGERS(cummax)},
    [BLOX_CUMMIN] = {FLOATS(cummin), INTEGERS(cummin)},
    [BLOX_CUMLOGSUMEXP] = {FLOATS(cumlogsumexp)},
  },
  .sort = sort_lines,
  .top_k = top_lines,
  .fill = fill_elements,
  .random_bits = random_bits,
  .gemm = {[BLOX_F32] = run_gemm_f32, [BLOX_F64] = run_gemm_f64, WIDTHS(gemm)},
  .gemm_pack = {[BLOX_F32] = pack_whole_gemm_f32, [BLOX_F64] = pack_whole_gemm_f64},
  .gemm_blocking = {
    [BLOX_F32] = {sizeof(float), GEMM_MR, NR_gemm_f32, GEMM_KC, GEMM_MC_F32, GEMM_NC, GEMM_SMALL_PRODUCTS},
    [BLOX_F64] = {sizeof(double), GEMM_MR, NR_gemm_f64, GEMM_KC, GEMM_MC_F64, GEMM_NC, GEMM_SMALL_PRODUCTS},
  },
  .channels = {[BLOX_F32] = run_channels_gemm_f32, [BLOX_F64] = run_channels_gemm_f64},
  .matrix = {[BLOX_F32] = &matrix_kernels_f32, [BLOX_F64] = &matrix_kernels_f64},
  .limit_fma = limit_fma,
  .limit_triad = limit_triad,
};
