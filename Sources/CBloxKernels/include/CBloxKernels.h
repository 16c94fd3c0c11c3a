// The vector kernels behind BloxRuntime: inner loops over raw pointers.
//
// One source is compiled for several instruction sets and a table is chosen at start-up. Nothing here
// decides a shape, allocates memory or starts a thread: Swift does. Unless a function says otherwise,
// arrays are dense, element counts fit int64_t, and `dst` may be exactly `a`, `b` or `c` (never a shifted
// overlap) when the element widths are equal.
#ifndef CBLOXKERNELS_H
#define CBLOXKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The instruction sets for which a table of kernels exists.
typedef enum blox_isa {
  BLOX_ISA_PORTABLE = 0,
  BLOX_ISA_AVX2 = 1,    // AVX2 + FMA + F16C
  BLOX_ISA_AVX512 = 2,  // F, BW, DQ, VL
  BLOX_ISA_NEON = 3,
} blox_isa;

/// The best instruction set this processor and operating system support.
blox_isa blox_best_isa(void);
/// Whether `isa` can run on this processor.
bool blox_isa_available(blox_isa isa);

/// Turns on flush-to-zero and denormals-are-zero (XLA's mode) for this thread; returns the previous mode.
uint64_t blox_fp_enter(void);
/// Turns both off, for the few operations that see subnormals; returns the previous mode.
uint64_t blox_fp_enter_ieee(void);
/// Restores the mode that one of the others returned.
void blox_fp_leave(uint64_t mode);

/// Element types, in the order of BloxIR's `DType`. Booleans are one byte, 0 or 1. Keys are two u32 words.
typedef enum blox_dtype {
  BLOX_BOOL, BLOX_I8, BLOX_I16, BLOX_I32, BLOX_I64, BLOX_U8, BLOX_U16, BLOX_U32, BLOX_U64,
  BLOX_BF16, BLOX_F16, BLOX_F32, BLOX_F64, BLOX_KEY,
} blox_dtype;

// ---- Elementwise micro-ops over a tile -------------------------------------------------------------

typedef enum blox_unary {
  BLOX_NEG, BLOX_ABS, BLOX_SIGN, BLOX_FLOOR, BLOX_CEIL, BLOX_EXP, BLOX_LOG, BLOX_LOG1P, BLOX_SQRT, BLOX_RSQRT,
  BLOX_TANH, BLOX_LOGISTIC, BLOX_ERF, BLOX_ERF_INV, BLOX_NOT, BLOX_IS_FINITE /* result: bool */,
  BLOX_EXP2, BLOX_EXPM1, BLOX_CBRT, BLOX_SIN, BLOX_COS, BLOX_TAN, BLOX_ASIN, BLOX_ACOS, BLOX_ATAN,
  BLOX_SINH, BLOX_COSH, BLOX_ASINH, BLOX_ACOSH, BLOX_ATANH, BLOX_ERFC, BLOX_LGAMMA, BLOX_DIGAMMA,
  BLOX_ROUND_NEAREST_EVEN, BLOX_ROUND_NEAREST_AWAY, BLOX_POPULATION_COUNT, BLOX_CLZ,
} blox_unary;

typedef enum blox_binary {
  BLOX_ADD, BLOX_SUB, BLOX_MUL, BLOX_DIV, BLOX_REM, BLOX_POW, BLOX_MAX, BLOX_MIN, BLOX_AND, BLOX_OR, BLOX_XOR,
  BLOX_SHIFT_LEFT, BLOX_SHIFT_RIGHT_LOGICAL, BLOX_SHIFT_RIGHT_ARITHMETIC,
  BLOX_ATAN2, BLOX_NEXTAFTER,
} blox_binary;

typedef enum blox_compare { BLOX_EQ, BLOX_NE, BLOX_LT, BLOX_LE, BLOX_GT, BLOX_GE } blox_compare;

/// Two operations, each of which rounds: a * b + c, a * b - c, c - a * b, (a + b) * c, (a - b) * c, (a + b) + c.
typedef enum blox_pair {
  BLOX_PAIR_MUL_ADD, BLOX_PAIR_MUL_SUB, BLOX_PAIR_MUL_SUB_FROM, BLOX_PAIR_ADD_MUL, BLOX_PAIR_SUB_MUL, BLOX_PAIR_ADD_ADD,
} blox_pair;

/// Computes `n` elements of `dst` from up to three operands (unused ones are NULL).
typedef void (*blox_tile_fn)(void *dst, const void *a, const void *b, const void *c, size_t n);

// Each lookup returns NULL where the combination of operation and dtype has no meaning (say, exp of i32).
blox_tile_fn blox_tile_unary(blox_isa isa, blox_unary op, blox_dtype dtype);
blox_tile_fn blox_tile_binary(blox_isa isa, blox_binary op, blox_dtype dtype);
blox_tile_fn blox_tile_compare(blox_isa isa, blox_compare direction, blox_dtype dtype);  // result: bool
blox_tile_fn blox_tile_select(blox_isa isa, blox_dtype dtype);  // a: bool, b: where true, c: where false
blox_tile_fn blox_tile_clamp(blox_isa isa, blox_dtype dtype);   // a: low, b: x, c: high
blox_tile_fn blox_tile_fma(blox_isa isa, blox_dtype dtype);     // a * b + c, rounded once; f32 and f64
blox_tile_fn blox_tile_pair(blox_isa isa, blox_pair pair, blox_dtype dtype);  // f32 and f64
blox_tile_fn blox_tile_convert(blox_isa isa, blox_dtype from, blox_dtype to);

// ---- Tile programs: a tape of micro-ops over a linear iteration space ---------------------------------
//
// A space may have rows of `row_length` elements. Then a tile is some whole rows, and beside the values of all its
// elements there are values of its rows: one element a row, made by reducing rows and read back by repeating it.

typedef enum blox_stream_kind {
  BLOX_STREAM_CONTIGUOUS,   // element j is buffer[offset + j]: read in place, never copied
  BLOX_STREAM_ROW,          // element j is buffer[offset + j % row_length]: read in place by BY_ROW micro-ops
  BLOX_STREAM_STRIDED,      // element j is buffer[offset + sum_d index_d(j) * strides[d]]
  BLOX_STREAM_IOTA,         // element j is index_axis(j) converted to dtype
  BLOX_STREAM_RANDOM_BITS,  // element j is word (j % lane) of the bits of key (j / lane)
  BLOX_STREAM_PRODUCT,      // an element of the block of a product that is at hand: see blox_tile_run_block
} blox_stream_kind;

/// Fills a slot with elements [start, start + n) of the iteration space before the micro-ops of a tile run.
typedef struct blox_stream {
  int32_t kind;
  int32_t dtype;          // of the elements it produces
  int32_t slot;
  int32_t buffer;         // index into `buffers`; the keys for RANDOM_BITS; unused for IOTA
  int64_t offset;         // in elements
  int32_t rank;           // of the iteration space, for STRIDED and IOTA
  int32_t axis;           // for IOTA
  const int64_t *dims;    // row-major iteration space, last dimension fastest
  const int64_t *strides; // in elements; 0 broadcasts; for STRIDED
  int64_t lane;           // elements per key, for RANDOM_BITS
  int32_t of_rows;        // whether its elements are those of the rows
} blox_stream;

/// A slot that holds one value in all its elements; filled once per call of `blox_tile_run`.
typedef struct blox_tile_constant {
  int32_t slot;
  int32_t width;  // bytes per element: 1, 2, 4 or 8
  uint64_t bits;
} blox_tile_constant;

typedef enum blox_tile_kind {
  BLOX_TILE_ELEMENTS,  // fn over the elements
  BLOX_TILE_BY_ROW,    // fn over the elements of one row after the other, since an operand is the same row for all
  BLOX_TILE_ROWS,      // fn over the rows
  BLOX_TILE_REDUCE,    // dst[row] = reduction of the row's elements of a
  BLOX_TILE_REPEAT,    // all of the row's elements of dst = a[row]
  BLOX_TILE_FOLD,      // a's elements go into a fold, and nowhere else
  BLOX_TILE_NATIVE,    // machine code over the elements
} blox_tile_kind;

/// How what machine code reads or writes moves from row to row.
typedef enum blox_native_step {
  BLOX_STEP_ELEMENTS,  // with the elements
  BLOX_STEP_ROW,       // not at all: it is the same row for all
  BLOX_STEP_ROWS,      // by one: it has an element a row
} blox_native_step;

/// A slot that machine code reads or writes.
typedef struct blox_native_slot {
  int32_t slot;
  int32_t width;  // bytes per element
  int32_t step;
  int32_t is_written;
  int32_t is_streamed;  // written past the caches; its address is a multiple of 64
} blox_native_slot;

/// Computes `n` elements of some slots from others. What it writes is written after all that has the same index is read.
typedef void (*blox_native_fn)(char *const *slots, int64_t n);

typedef struct blox_tile_native {
  blox_native_fn fn;
  int32_t by_row;  // runs row after row
  int32_t slot_count;
  const blox_native_slot *slots;
} blox_tile_native;

/// dst[r] = reduction of src[r * length ..< (r + 1) * length], for r in 0 ..< rows. Sums of floats go
/// through a fixed tree (several lanes, blocks combined pairwise); empty rows give the identity.
typedef void (*blox_reduce_rows_fn)(void *dst, const void *src, int64_t rows, int64_t length);

typedef struct blox_tile_op {
  int32_t kind;
  blox_tile_fn fn;             // for ELEMENTS, BY_ROW and ROWS
  blox_reduce_rows_fn reduce;  // for REDUCE
  int32_t width;               // bytes per element, for REPEAT
  int32_t fold;                // for FOLD
  const blox_tile_native *native;
  int32_t dst, a, b, c;        // slots; -1 when unused
  int64_t steps[4];            // bytes from row to row of dst, a, b and c, for BY_ROW
} blox_tile_op;

/// target[c] = target[c] combined with src[r * stride + c] for r = 0, 1, ... rows - 1 one after the other, for c in
/// 0 ..< columns.
typedef void (*blox_accumulate_fn)(void *target, const void *src, int64_t rows, int64_t stride, int64_t columns);

/// A reduction over the leading dimensions of the space, seen as rows of `inner` elements: what blox_reduce_columns
/// gives for the rows of each piece, or blox_reduce_rows where `inner` is 1, with the same bits. See tile_fold.c.
typedef struct blox_tile_fold {
  blox_accumulate_fn accumulate;
  blox_reduce_rows_fn reduce;
  uint64_t identity;
  int64_t inner;
  int64_t piece;   // elements of a piece; a multiple of inner
  int32_t buffer;  // the result of piece p begins at element p * inner
  int32_t width;   // bytes per element
  int64_t levels;  // byte offset in scratch of blox_fold_bytes(), 64-byte aligned
} blox_tile_fold;

/// The scratch of a fold.
int64_t blox_fold_bytes(int64_t inner, int64_t piece, int32_t width);

/// A slot that is written straight into a result buffer, element j of the space to result[j].
typedef struct blox_tile_result {
  int32_t slot;
  int32_t buffer;  // -1: the block itself, where a program makes one
  int32_t width;  // bytes per element
  int32_t of_rows;
  int32_t streams;  // written past the caches from a slot in scratch
} blox_tile_result;

typedef struct blox_tile_program {
  blox_isa isa;
  int32_t stream_count, constant_count, op_count, result_count, slot_count, fold_count;
  const blox_stream *streams;
  const blox_tile_constant *constants;
  const blox_tile_op *ops;
  const blox_tile_result *results;
  const blox_tile_fold *folds;
  const int64_t *slot_offsets;  // byte offset of each slot in scratch (-1: never in scratch), 64-byte aligned
  int64_t tile;                 // elements per tile: whole rows
  int64_t row_length;           // 1 where there are no rows
} blox_tile_program;

/// Runs the tape over elements [start, end), which are whole rows and whole pieces of every fold, but for the end of
/// the space. `scratch` holds the slots and the folds' levels (64-byte aligned).
/// A result that is computed by no micro-op (a stream or a constant) is copied from its slot.
/// A result buffer may be the same memory as a CONTIGUOUS stream's buffer at the same element offset.
void blox_tile_run(const blox_tile_program *program, char *const *buffers, int64_t start, int64_t end, char *scratch);

/// A block of a space that is a matrix with rows of `stride` elements.
typedef struct blox_tile_block {
  int64_t start;  // the index of its first element in the space
  int64_t rows, columns;
  int64_t stride;
  char *product;  // what PRODUCT streams read or the program makes, with rows of `product_stride` elements
  int64_t product_stride;
  int64_t ahead;  // if not 0, what is read in place of the block so many elements on is asked of memory meanwhile
} blox_tile_block;

/// Runs the tape over a block. The program has no values of rows; ROW streams are as long as the rows of the space. Its
/// tile is at least as long as a row of the block.
void blox_tile_run_block(const blox_tile_program *program, char *const *buffers, const blox_tile_block *block,
                         char *scratch);

// ---- Reductions --------------------------------------------------------------------------------------

typedef enum blox_reduce {
  BLOX_REDUCE_SUM, BLOX_REDUCE_PROD, BLOX_REDUCE_MAX, BLOX_REDUCE_MIN, BLOX_REDUCE_AND, BLOX_REDUCE_OR,
  BLOX_REDUCE_XOR,
} blox_reduce;

/// dst[c] = reduction over r of src[r * stride + c], for c in 0 ..< columns, r in 0 ..< length. The result of
/// a column depends on `length` alone, not on `columns`.
typedef void (*blox_reduce_columns_fn)(void *dst, const void *src, int64_t length, int64_t stride, int64_t columns);
blox_reduce_rows_fn blox_reduce_rows(blox_isa isa, blox_reduce kind, blox_dtype dtype);
blox_reduce_columns_fn blox_reduce_columns(blox_isa isa, blox_reduce kind, blox_dtype dtype);
/// NULL for halves, whose sums are not halves.
blox_accumulate_fn blox_accumulate(blox_isa isa, blox_reduce kind, blox_dtype dtype);

/// Index (written as i32) of the first largest or smallest element along the middle dimension of
/// src[outer, length, inner]; the first NaN wins. NULL for dtypes without an order.
typedef void (*blox_arg_reduce_fn)(int32_t *dst, const void *src, int64_t outer, int64_t length, int64_t inner);
blox_arg_reduce_fn blox_arg_max(blox_isa isa, blox_dtype dtype);
blox_arg_reduce_fn blox_arg_min(blox_isa isa, blox_dtype dtype);

typedef enum blox_cumulative_kind {
  BLOX_CUMSUM, BLOX_CUMPROD, BLOX_CUMMAX, BLOX_CUMMIN, BLOX_CUMLOGSUMEXP,
} blox_cumulative_kind;

/// Element r of column c of dst, at r * step + c * column_step, combines elements 0 ... r of the column of src. Steps
/// are in elements; that from element to element may be negative. See cumulative.inc.h.
typedef void (*blox_cumulative_fn)(void *dst, const void *src, int64_t length, int64_t step, int64_t columns,
                                   int64_t column_step);
blox_cumulative_fn blox_cumulative(blox_isa isa, blox_cumulative_kind kind, blox_dtype dtype);

// ---- Order ---------------------------------------------------------------------------------------------

/// Lines along the middle dimension of [outer, length, inner], of several operands with one shape. Line j is column
/// j % inner of block j / inner.
typedef struct blox_order {
  int32_t operand_count, key_count;
  const int32_t *dtypes;             // blox_dtype of each operand
  const int32_t *sources, *targets;  // the buffers of operands and results
  int64_t length, inner;
  int64_t count;                     // elements of a result's line
  bool is_wide;                      // whether a key has more than 32 bits, or a line more elements than 32 can number
} blox_order;

/// Sorts lines [start, end) of all operands by the first `key_count` of them: ascending and stable, NaN last, zeros
/// equal. One operand's result may be the same memory.
void blox_sort(blox_isa isa, const blox_order *order, char *const *buffers, int64_t start, int64_t end, char *scratch);
/// The `count` largest elements of lines [start, end) of one operand, largest first, and their indices as i32. NaN
/// comes first, 0 before -0, equal elements in order.
void blox_top_k(blox_isa isa, const blox_order *order, char *const *buffers, int64_t start, int64_t end, char *scratch);
/// Scratch that a thread needs (64-byte aligned). Lengths below 2^48.
int64_t blox_sort_scratch_bytes(const blox_order *order);
int64_t blox_top_k_scratch_bytes(const blox_order *order);

// ---- Data movement --------------------------------------------------------------------------------------

/// dst[sum i_d * dst_strides[d]] = src[sum i_d * src_strides[d]] over `dims`; strides in elements, may be 0
/// in src and negative in either. Contiguous runs use memcpy, transposes are blocked. width: 1, 2, 4 or 8.
/// past_caches: whether a transpose writes around the caches, since dst is too large to be found there later.
void blox_copy_strided(char *dst, const char *src, int32_t width, int32_t rank, const int64_t *dims,
                       const int64_t *dst_strides, const int64_t *src_strides, bool past_caches);
/// Writes `count` elements of `width` bytes with the low bytes of `bits`.
void blox_fill(blox_isa isa, char *dst, int32_t width, uint64_t bits, int64_t count);

// ---- Gather and scatter ----------------------------------------------------------------------------------

/// Windows of an operand: one for each batch element, at the place that its index vector says. Strides in elements.
typedef struct blox_windows {
  int32_t width;        // bytes per element
  int32_t index_width;  // bytes per element of the index vectors, which lie one after the other
  bool index_signed;
  bool drops;           // whether windows outside are left out; otherwise they are moved inside
  int32_t batch_rank;
  const int64_t *batch_dims;
  const int64_t *batch_operand_strides;  // to the part of the operand of each batch element
  const int64_t *batch_result_strides;   // to its window in the result or the updates
  int32_t index_count;                   // elements of an index vector
  const int64_t *limits;                 // the last place inside, for each of them
  const int64_t *index_strides;          // in the operand, for each of them
  int32_t window_rank;
  const int64_t *window_dims;
  const int64_t *operand_strides;
  const int64_t *result_strides;
} blox_windows;

/// Copies windows [start, end) of src to dst; those that are left out are filled with the element at `fill`.
void blox_gather(const blox_windows *windows, char *dst, const char *src, const char *indices, const char *fill, int64_t start,
                 int64_t end);
/// Combines all windows of dst with those of the updates, one after the other; without `combine`, replaces them. Of
/// each window only [start, end) of the outermost dimension, where it has one.
void blox_scatter(const blox_windows *windows, char *dst, const char *updates, const char *indices, blox_tile_fn combine,
                  int64_t start, int64_t end);

// ---- Windows -----------------------------------------------------------------------------------------------

/// Windows along one dimension. Tap t of window o is at the place `o * stride + t * window_dilation - low`, element e
/// at `e * base_dilation`; taps elsewhere count for nothing.
typedef struct blox_pool_dimension {
  int64_t windows, elements;
  int64_t size, stride, base_dilation, window_dilation, low;
  int64_t window_step, element_step;  // in memory, in elements
  // Taps on elements come with a period of base_dilation / gcd(base_dilation, window_dilation); the divisor, and the
  // inverse of window_dilation / gcd modulo the period.
  int64_t divisor, period, inverse;
  // Windows so far apart have their taps on elements alike, and are so many elements apart.
  int64_t phases, advance;
} blox_pool_dimension;

/// Windows over [dimensions…, channels]; the last of at most 32 dimensions is the row.
typedef struct blox_pool {
  blox_isa isa;
  blox_dtype dtype;
  int32_t rank;
  int64_t channels;
  const blox_pool_dimension *dimensions;
} blox_pool;

/// Whether there are kernels for a kind and dtype.
bool blox_pool_folds(blox_isa isa, blox_reduce kind, blox_dtype dtype);
bool blox_pool_selects(blox_isa isa, blox_dtype dtype);

/// dst[window] = the elements under each window combined one after the other, from `identity` on. For the windows of
/// rows [start, end), where a row is all windows that differ in the last dimension only.
void blox_pool_reduce(const blox_pool *pool, blox_reduce kind, uint64_t identity, char *dst, const char *src,
                      int64_t start, int64_t end);
/// dst[window] = the tangent where x is extreme; 0 for windows without elements. Rows as above.
void blox_pool_gather(const blox_pool *pool, bool smallest, char *dst, const char *tangents, const char *x,
                      int64_t start, int64_t end);
/// dst[element] = the sum of source[window] over the windows of which x is the extreme element. For the elements in
/// [start, end), pairs of indices of the first two dimensions (of the first, for one).
void blox_pool_scatter(const blox_pool *pool, bool smallest, char *dst, const char *source, const char *x,
                       const int64_t start[2], const int64_t end[2]);

// ---- Random bits (threefry2x32, JAX's partitionable layout) ----------------------------------------------

/// Words [start, end) of the space (key, counter): element j uses key j / lane and counter j % lane.
/// keys: two u32 per key. width: 1, 2, 4 or 8 bytes per word. dst[0] is element `start`.
void blox_random_bits(blox_isa isa, const uint32_t *keys, int64_t lane, int32_t width, int64_t start, int64_t end, void *dst);
/// `count` new keys from each of `key_count` keys: dst[(k * count + j)] = hash(key k, counter j).
void blox_random_split(const uint32_t *keys, int64_t key_count, int64_t count, uint32_t *dst);
/// dst[i] = hash(keys[i], (0, data[i])).
void blox_random_fold_in(const uint32_t *keys, const uint32_t *data, int64_t count, uint32_t *dst);

// ---- Matrix multiplication ----------------------------------------------------------------------------------

/// A spatial dimension of a matrix of patches.
typedef struct blox_patch_dimension {
  int64_t positions, taps;  // of the window, and within it
  int64_t step, dilation;   // elements between positions, and between taps
  int64_t low;              // padding before the first element; negative crops
  int64_t size, stride;     // of the input; the latter in elements of memory
} blox_patch_dimension;

/// The matrix whose product with a kernel is a convolution: a row for each position of a window in each image, a
/// column for each tap in each feature map. See patches.inc.h for their orders.
typedef struct blox_patches {
  int64_t images, image_stride;
  int64_t features, feature_stride;
  int64_t rank;  // 1 ... 64
  const blox_patch_dimension *dims;
  int64_t positions, taps;  // products over the dimensions
  bool features_inner;      // feature_stride is 1; image_stride is 1 otherwise
} blox_patches;

/// What is done with the elements of a product: a tile program over C, block by block.
typedef struct blox_gemm_epilogue {
  const blox_tile_program *program;
  char *const *buffers;
  int64_t start;  // the index of C's first element in the program's space
  char *slots;    // the program's scratch
  void *block;    // room for a block of C
} blox_gemm_epilogue;

/// What a block of an operand has at most, and a row of it.
enum { BLOX_MADE_ELEMENTS = 8192, BLOX_MADE_COLUMNS = 1024 };

/// An operand of a product that a tile program makes of other tensors when it is packed, block by block.
typedef struct blox_gemm_maker {
  const blox_tile_program *program;  // over the operand as a dense tensor; its result is the block
  char *const *buffers;
  int64_t start;  // the index of the operand's first element in the program's space
  char *slots;    // the program's scratch
  void *block;    // room for a block
} blox_gemm_maker;

/// C[m, n] = A[m, k] * B[k, n]; strides in elements, any (transposes need no copy); columns of C are dense.
typedef struct blox_gemm_args {
  int64_t m, n, k;
  const void *a;
  int64_t a_row, a_column;
  const void *b;
  int64_t b_row, b_column;
  void *c;
  int64_t c_row;
  /// If not NULL, A is rows of the patches of the input at `a`, from `patch_row` on; the path is the packed one.
  const blox_patches *patches;
  int64_t patch_row;
  /// If not NULL, it is given each block of C when that is finished. Then `c` may be NULL: blocks are made in the
  /// epilogue's room, and `c_row` is that of the space.
  const blox_gemm_epilogue *epilogue;
  /// If not NULL, panels of all columns that B is part of, made by blox_gemm_pack: `b` is not read, and its first column
  /// is `packed_first` of them, a multiple of the granularity. For the packed path.
  const void *packed_b;
  int64_t packed_first, packed_columns;
  /// If not NULL, they make A and B: `a` and `b` are not read, and one of the operand's strides is 1. For the packed path,
  /// with a `c`, or with no more of k than it takes at once; and for the matrix of a product with a vector.
  const blox_gemm_maker *made_a, *made_b;
} blox_gemm_args;

/// How a product is computed. Chosen from the shape of the whole product, so that a slice of it that a
/// thread computes gives the same bits as the whole.
typedef enum blox_gemm_path { BLOX_GEMM_PACKED, BLOX_GEMM_SMALL, BLOX_GEMM_VECTOR } blox_gemm_path;

/// NULL-free for f32, f64 and every integer dtype; bool is not a number.
bool blox_gemm_supported(blox_dtype dtype);
blox_gemm_path blox_gemm_choose(blox_isa isa, blox_dtype dtype, const blox_gemm_args *whole);
/// How B gets into panels: copied by each call, made by it, or they are there (`packed_b`).
typedef enum blox_gemm_panels { BLOX_PANELS_COPIED, BLOX_PANELS_MADE, BLOX_PANELS_READY } blox_gemm_panels;

/// Scratch that one thread needs for any slice of the product (64-byte aligned).
int64_t blox_gemm_scratch_bytes(blox_isa isa, blox_dtype dtype, blox_gemm_path path, int64_t m, int64_t n, int64_t k,
                                blox_gemm_panels panels);
/// The same with patches on the left.
int64_t blox_patches_scratch_bytes(blox_isa isa, blox_dtype dtype, int64_t m, int64_t n, int64_t k);
/// The size of a right operand in panels, for products that share it; and its columns with those that fill the last panel.
int64_t blox_gemm_packed_bytes(blox_isa isa, blox_dtype dtype, int64_t k, int64_t n, int64_t *columns);
/// Packs a right operand of f32 or f64: a matrix, or what a maker makes.
void blox_gemm_pack(blox_isa isa, blox_dtype dtype, const void *b, const blox_gemm_maker *made_b, int64_t b_row,
                    int64_t b_column, int64_t k, int64_t n, void *panels);
/// The granularity at which rows and columns of C may be divided between threads without waste.
void blox_gemm_granularity(blox_isa isa, blox_dtype dtype, int64_t *rows, int64_t *columns);
/// result[row, channel] = the product of that row of patches of the input from `channel` on with that column of the
/// kernel, for rows first ..< end and all channels. Input, kernel and result have the channels innermost.
typedef void (*blox_channels_fn)(const blox_patches *patches, const void *input, const void *kernel, void *result,
                                 int64_t channels, int64_t first, int64_t end);
/// NULL for dtypes other than f32 and f64.
blox_channels_fn blox_channels(blox_isa isa, blox_dtype dtype);
/// Whether sums over blocks of k wait in C for the next block, so that it is finished only at the end.
bool blox_gemm_accumulates(blox_isa isa, blox_dtype dtype, blox_gemm_path path, int64_t k);
/// The most rows and columns of a block that an epilogue is given where C is NULL: for any slice of the product, the
/// room it needs and the longest row.
void blox_gemm_block(blox_isa isa, blox_dtype dtype, blox_gemm_path path, int64_t m, int64_t n, int64_t k,
                     int64_t *rows, int64_t *columns);
/// Computes the product on the calling thread. k == 0 writes zeros.
void blox_gemm(blox_isa isa, blox_dtype dtype, blox_gemm_path path, const blox_gemm_args *args, void *scratch);

// ---- Factorisations -------------------------------------------------------------------------------------------

/// Unblocked steps on matrices of one float type in rows, `stride` elements apart. See matrix_float.inc.h.
typedef struct blox_matrix_kernels {
  bool (*cholesky)(int64_t n, void *block, int64_t stride, void *column);
  void (*solve_left)(bool lower, bool unit, int64_t n, int64_t m, const void *block, int64_t stride, void *sides,
                     int64_t sides_stride);
  void (*solve_right)(bool lower, bool unit, int64_t n, int64_t m, const void *block, int64_t stride, void *sides,
                      int64_t sides_stride);
  void (*subtract)(int64_t rows, int64_t columns, void *target, int64_t stride, const void *source,
                   int64_t source_stride);
  void (*reflect)(int64_t m, int64_t n, void *panel, int64_t stride, void *factors, void *sums);
  void (*reflector_product)(int64_t n, const void *squares, const void *factors, void *product);
  void (*eliminate)(int64_t m, int64_t n, void *panel, int64_t stride, int32_t *pivots);
  /// `work` has room for 2 n² + 5 n doubles.
  void (*eigh)(int64_t n, const void *matrix, void *values, void *vectors, double *work);
} blox_matrix_kernels;

/// NULL for dtypes other than f32 and f64.
const blox_matrix_kernels *blox_matrix(blox_isa isa, blox_dtype dtype);

// ---- The machine's limits -------------------------------------------------------------------------------------

/// Multiplies and adds f32 in registers, some dozens of operations per round, on the calling thread. Returns how many
/// operations that were.
int64_t blox_limit_fma(blox_isa isa, int64_t rounds);
/// dst = a + 3 b, for a count that is a multiple of 16: what memory gives and takes.
void blox_limit_triad(blox_isa isa, float *dst, const float *a, const float *b, int64_t count);

// ---- Waiting --------------------------------------------------------------------------------------------------

/// Tells the processor that this thread waits for another one to write.
static inline void blox_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

// ---- Locks ----------------------------------------------------------------------------------------------------

/// A lock was taken, or is about to be given back, by this thread: for the thread sanitizer. Does
/// nothing without it. See synchronization.c.
void blox_lock_acquired(const void *lock);
void blox_lock_released(const void *lock);

#endif
