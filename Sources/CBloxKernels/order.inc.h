// Sorting of lines, and their largest elements, by keys: unsigned integers in the order of the elements.
//
// A key of up to 32 bits travels with its element's place in 64 bits ("narrow"), others in 128 ("wide"). All methods
// are stable, so that equal keys keep their order:
// - Few items: the rank of each is the number of items before it, counted with vectors.
// - Many: one byte after the other from the lowest (Knuth, The Art of Computer Programming 3, 5.2.5). Bytes that are
//   the same in all keys are skipped, and so is everything where the items are in order.

enum { ORDER_RANKED = BLOX_ORDER_RANKED, ORDER_BLOCK = BLOX_ORDER_BLOCK };

// ---- Keys of elements --------------------------------------------------------------------------------------

// keys[i] = key of src[i * step]; `TO_KEY` reads u.
#define ORDER_KEYS(name, suffix, U, K, TO_KEY)                                                       \
  static void name##_##suffix(void *keys, const void *src, int64_t step, int64_t n) {                \
    K *restrict to = keys;                                                                           \
    const U *restrict from = src;                                                                    \
    if (step == 1) {                                                                                 \
      for (int64_t i = 0; i < n; i++) {                                                              \
        U u = from[i];                                                                               \
        to[i] = (U)(TO_KEY);                                                                         \
      }                                                                                              \
    } else {                                                                                         \
      for (int64_t i = 0; i < n; i++) {                                                              \
        U u = from[i * step];                                                                        \
        to[i] = (U)(TO_KEY);                                                                         \
      }                                                                                              \
    }                                                                                                \
  }

// dst[i * step] = the element of keys[i]; for floats where no other element has its key.
#define ORDER_ELEMENTS(suffix, U, K, FROM_KEY)                                                       \
  static void sort_elements_##suffix(void *dst, int64_t step, const void *keys, int64_t n) {         \
    U *restrict to = dst;                                                                            \
    const K *restrict from = keys;                                                                   \
    for (int64_t i = 0; i < n; i++) {                                                                \
      U u = (U)from[i];                                                                              \
      to[i * step] = (U)(FROM_KEY);                                                                  \
    }                                                                                                \
  }

// Whole numbers: the sign bit is turned round. Largest first: all bits are.
#define ORDER_INTEGER(suffix, U, K, SIGN)                                                            \
  ORDER_KEYS(sort_keys, suffix, U, K, u ^ SIGN)                                                      \
  ORDER_KEYS(top_keys, suffix, U, K, ~(u ^ SIGN))                                                    \
  ORDER_ELEMENTS(suffix, U, K, u ^ SIGN)

// Floats in order of their bits: negative ones turned round, the sign bit of the others set. For sorting, zeros and
// what counts as zero (magnitudes below LEAST) are one key, and NaNs are another, the last one. Largest first, only
// NaNs are one: the first.
#define ORDER_FLOAT(suffix, U, K, SIGN, LEAST, INFINITE)                                             \
  INLINE U total_##suffix(U u) { return u & SIGN ? (U)~u : (U)(u | SIGN); }                          \
  INLINE U sort_key_##suffix(U u) {                                                                  \
    U magnitude = u & (U)~SIGN, key = total_##suffix(u);                                             \
    key = magnitude < LEAST ? (U)SIGN : key;                                                         \
    return magnitude > INFINITE ? (U)~(U)0 : key;                                                    \
  }                                                                                                  \
  INLINE U top_key_##suffix(U u) { return (u & (U)~SIGN) > INFINITE ? (U)0 : (U)~total_##suffix(u); } \
  ORDER_KEYS(sort_keys, suffix, U, K, sort_key_##suffix(u))                                          \
  ORDER_KEYS(top_keys, suffix, U, K, top_key_##suffix(u))                                            \
  ORDER_ELEMENTS(suffix, U, K, u & SIGN ? u ^ SIGN : ~u)                                             \
  /* Writes what counts as zero to the start of dst, NaNs to its end in reverse; dst has n elements. */ \
  static void equals_##suffix(void *dst, const void *src, int64_t step, int64_t n) {                 \
    U *to = dst;                                                                                     \
    const U *from = src;                                                                             \
    int64_t zeros = 0, nans = 0;                                                                     \
    for (int64_t i = 0; i < n; i++) {                                                                \
      U u = from[i * step], magnitude = u & (U)~SIGN;                                                \
      to[zeros] = u;                                                                                 \
      zeros += magnitude < LEAST;                                                                    \
      to[n - 1 - nans] = u;                                                                          \
      nans += magnitude > INFINITE;                                                                  \
    }                                                                                                \
  }                                                                                                  \
  /* Puts these elements in the places of their keys. The first and last key say whether there are any. */ \
  static void restore_##suffix(void *dst, int64_t step, const void *sorted, int64_t n, const void *src, \
                               int64_t src_step, void *room) {                                       \
    const K *keys = sorted;                                                                          \
    U *to = dst;                                                                                     \
    const U *equals = room;                                                                          \
    int64_t low = 0, high = n;                                                                       \
    while (low < high) {                                                                             \
      int64_t middle = low + (high - low) / 2;                                                       \
      if (keys[middle] < (K)SIGN) low = middle + 1; else high = middle;                              \
    }                                                                                                \
    bool has_zeros = low < n && keys[low] == (K)SIGN, has_nans = n > 0 && keys[n - 1] == (K)(U)~(U)0; \
    if (!has_zeros && !has_nans) return;                                                             \
    equals_##suffix(room, src, src_step, n);                                                         \
    for (int64_t i = low; i < n && keys[i] == (K)SIGN; i++) to[i * step] = equals[i - low];          \
    int64_t first = n;                                                                               \
    while (first > 0 && keys[first - 1] == (K)(U)~(U)0) first--;                                     \
    for (int64_t i = first; i < n; i++) to[i * step] = equals[n - 1 - (i - first)];                  \
  }

ORDER_INTEGER(u8, uint8_t, uint32_t, 0)
ORDER_INTEGER(u16, uint16_t, uint32_t, 0)
ORDER_INTEGER(u32, uint32_t, uint32_t, 0)
ORDER_INTEGER(u64, uint64_t, uint64_t, 0)
ORDER_INTEGER(i8, uint8_t, uint32_t, 0x80u)
ORDER_INTEGER(i16, uint16_t, uint32_t, 0x8000u)
ORDER_INTEGER(i32, uint32_t, uint32_t, 0x80000000u)
ORDER_INTEGER(i64, uint64_t, uint64_t, 0x8000000000000000ull)
// Subnormals of f16 are numbers; the others count as zero, as comparisons have it.
ORDER_FLOAT(bf16, uint16_t, uint32_t, 0x8000u, 0x0080u, 0x7F80u)
ORDER_FLOAT(f16, uint16_t, uint32_t, 0x8000u, 0x0001u, 0x7C00u)
ORDER_FLOAT(f32, uint32_t, uint32_t, 0x80000000u, 0x00800000u, 0x7F800000u)
ORDER_FLOAT(f64, uint64_t, uint64_t, 0x8000000000000000ull, 0x0010000000000000ull, 0x7FF0000000000000ull)

typedef struct order_dtype {
  void (*sort_keys)(void *keys, const void *src, int64_t step, int64_t n);
  void (*top_keys)(void *keys, const void *src, int64_t step, int64_t n);
  void (*elements)(void *dst, int64_t step, const void *keys, int64_t n);
  /// NULL where every element has a key of its own.
  void (*restore)(void *dst, int64_t step, const void *keys, int64_t n, const void *src, int64_t src_step, void *room);
} order_dtype;

#define ORDER_OF_INTEGER(suffix) {sort_keys_##suffix, top_keys_##suffix, sort_elements_##suffix, NULL}
#define ORDER_OF_FLOAT(suffix) {sort_keys_##suffix, top_keys_##suffix, sort_elements_##suffix, restore_##suffix}
static const order_dtype order_dtypes[DTYPE_COUNT] = {
  [BLOX_BOOL] = ORDER_OF_INTEGER(u8), [BLOX_I8] = ORDER_OF_INTEGER(i8), [BLOX_I16] = ORDER_OF_INTEGER(i16),
  [BLOX_I32] = ORDER_OF_INTEGER(i32), [BLOX_I64] = ORDER_OF_INTEGER(i64), [BLOX_U8] = ORDER_OF_INTEGER(u8),
  [BLOX_U16] = ORDER_OF_INTEGER(u16), [BLOX_U32] = ORDER_OF_INTEGER(u32), [BLOX_U64] = ORDER_OF_INTEGER(u64),
  [BLOX_BF16] = ORDER_OF_FLOAT(bf16), [BLOX_F16] = ORDER_OF_FLOAT(f16), [BLOX_F32] = ORDER_OF_FLOAT(f32),
  [BLOX_F64] = ORDER_OF_FLOAT(f64),
};

// ---- Sorting of items --------------------------------------------------------------------------------------

typedef struct order_wide {
  uint64_t key, place;
} order_wide;

INLINE uint64_t narrow_item(uint32_t key, int64_t place) { return (uint64_t)key << 32 | (uint64_t)place; }
INLINE uint32_t narrow_key(uint64_t item) { return (uint32_t)(item >> 32); }
INLINE int64_t narrow_place(uint64_t item) { return (int64_t)(item & 0xFFFFFFFFu); }
INLINE order_wide wide_item(uint64_t key, int64_t place) { return (order_wide){key, (uint64_t)place}; }
INLINE uint64_t wide_key(order_wide item) { return item.key; }
INLINE int64_t wide_place(order_wide item) { return (int64_t)item.place; }

// Sorts n items of T by key with the help of as many others; returns where they are.
#define ORDER_RADIX(name, T, K, KEY, COUNT)                                                          \
  static T *name(T *from, T *to, int64_t n) {                                                        \
    enum { BYTES = sizeof(K) };                                                                      \
    COUNT counts[BYTES][256];                                                                        \
    memset(counts, 0, sizeof counts);                                                                \
    K previous = 0, disorder = 0;                                                                    \
    for (int64_t i = 0; i < n; i++) {                                                                \
      K key = KEY(from[i]);                                                                          \
      disorder |= key < previous;                                                                    \
      previous = key;                                                                                \
      for (int b = 0; b < BYTES; b++) counts[b][key >> 8 * b & 255]++;                               \
    }                                                                                                \
    if (!disorder) return from;                                                                      \
    for (int b = 0; b < BYTES; b++) {                                                                \
      if ((int64_t)counts[b][previous >> 8 * b & 255] == n) continue;                                \
      COUNT start = 0;                                                                               \
      for (int digit = 0; digit < 256; digit++) {                                                    \
        COUNT count = counts[b][digit];                                                              \
        counts[b][digit] = start;                                                                    \
        start += count;                                                                              \
      }                                                                                              \
      for (int64_t i = 0; i < n; i++) {                                                              \
        T item = from[i];                                                                            \
        to[counts[b][KEY(item) >> 8 * b & 255]++] = item;                                            \
      }                                                                                              \
      T *sorted = to;                                                                                \
      to = from;                                                                                     \
      from = sorted;                                                                                 \
    }                                                                                                \
    return from;                                                                                     \
  }

#define ITSELF(x) (x)
ORDER_RADIX(radix_keys_narrow, uint32_t, uint32_t, ITSELF, uint32_t)
ORDER_RADIX(radix_keys_wide, uint64_t, uint64_t, ITSELF, uint64_t)
ORDER_RADIX(radix_narrow, uint64_t, uint32_t, narrow_key, uint32_t)
ORDER_RADIX(radix_wide, order_wide, uint64_t, wide_key, uint64_t)

// to[rank of item i] = item i. Of vectors of items, those before count equal keys and those behind do not; only
// within a vector places are compared.
#define ORDER_RANKS(W, T, K, I, VK, VI, LANES)                                                       \
  INLINE T *ranked_##W(T *from, T *to, int64_t n) {                                                  \
    K keys[ORDER_RANKED + LANES];                                                                    \
    I ranks[ORDER_RANKED + LANES], numbers[LANES];                                                   \
    for (int64_t i = 0; i < n; i++) keys[i] = W##_key(from[i]);                                      \
    for (int64_t i = n; i < n + LANES; i++) keys[i] = 0;                                             \
    for (int i = 0; i < LANES; i++) numbers[i] = i;                                                  \
    VI number;                                                                                       \
    memcpy(&number, numbers, sizeof number);                                                         \
    for (int64_t v = 0; v < n; v += LANES) {                                                         \
      VK key;                                                                                        \
      memcpy(&key, keys + v, sizeof key);                                                            \
      VI rank = (VI)0;                                                                               \
      int64_t end = n - v < LANES ? n : v + LANES;                                                   \
      for (int64_t j = 0; j < v; j++) rank -= (VI)((VK)keys[j] <= key);                              \
      for (int64_t j = v; j < end; j++) {                                                            \
        VK other = (VK)keys[j];                                                                      \
        rank -= (VI)(other < key) | ((VI)(other == key) & ((VI)(I)(j - v) < number));                \
      }                                                                                              \
      for (int64_t j = end; j < n; j++) rank -= (VI)((VK)keys[j] < key);                             \
      memcpy(ranks + v, &rank, sizeof rank);                                                         \
    }                                                                                                \
    for (int64_t i = 0; i < n; i++) to[ranks[i]] = from[i];                                          \
    return to;                                                                                       \
  }                                                                                                  \
  static T *sorted_##W(T *from, T *to, int64_t n) {                                                  \
    return n <= ORDER_RANKED ? ranked_##W(from, to, n) : radix_##W(from, to, n);                     \
  }

ORDER_RANKS(narrow, uint64_t, uint32_t, int32_t, vu32, vi32, LANES_F32)
ORDER_RANKS(wide, order_wide, uint64_t, int64_t, vu64, vi64, LANES_F64)

// ---- Lines -------------------------------------------------------------------------------------------------

// dst[i * step] = src[place of item i].
#define ORDER_PERMUTE(W, T, U)                                                                       \
  do {                                                                                               \
    U *to = (U *)dst;                                                                                \
    const U *from = (const U *)src;                                                                  \
    for (int64_t i = 0; i < n; i++) to[i * step] = from[W##_place(items[i]) * src_step];             \
  } while (0)
#define ORDER_PERMUTED(W, T)                                                                         \
  static void permute_##W(char *dst, const char *src, int64_t src_step, int32_t width, int64_t step, const T *items, \
                          int64_t n) {                                                               \
    if (width == 1) ORDER_PERMUTE(W, T, uint8_t);                                                    \
    else if (width == 2) ORDER_PERMUTE(W, T, uint16_t);                                              \
    else if (width == 4) ORDER_PERMUTE(W, T, uint32_t);                                              \
    else ORDER_PERMUTE(W, T, uint64_t);                                                              \
  }
ORDER_PERMUTED(narrow, uint64_t)
ORDER_PERMUTED(wide, order_wide)

// The scratch of a line of n elements, in pieces of whole cache lines: keys, items, as many again, copies of elements.
typedef struct order_room {
  char *keys, *items, *others, *copies;
} order_room;
static order_room order_rooms(char *scratch, int64_t n, int64_t key_width, int64_t item_width) {
  order_room room = {.keys = scratch};
  room.items = room.keys + (n * key_width + 63) / 64 * 64;
  room.others = room.items + (n * item_width + 63) / 64 * 64;
  room.copies = room.others + (n * item_width + 63) / 64 * 64;
  return room;
}

// Keys of 32 bits become keys of 64.
static void widened_keys(const order_dtype *order, int32_t dtype, bool largest, uint64_t *keys, const char *src,
                         int64_t step, int64_t n) {
  void (*read)(void *, const void *, int64_t, int64_t) = largest ? order->top_keys : order->sort_keys;
  if (blox_dtype_width(dtype) == 8) {
    read(keys, src, step, n);
    return;
  }
  uint32_t *narrow = (uint32_t *)keys;
  read(narrow, src, step, n);
  for (int64_t i = n - 1; i >= 0; i--) {
    uint32_t key;
    memcpy(&key, narrow + i, sizeof key);
    memcpy(keys + i, &(uint64_t){key}, sizeof(uint64_t));
  }
}
static void narrow_keys(const order_dtype *order, int32_t dtype, bool largest, uint32_t *keys, const char *src,
                        int64_t step, int64_t n) {
  (void)dtype;
  (largest ? order->top_keys : order->sort_keys)(keys, src, step, n);
}
#define wide_keys widened_keys

#define ORDER_LINES(W, T, K)                                                                         \
  /* One operand, whose elements are made of their keys. */                                          \
  static void sort_alone_##W(const blox_order *order, char *dst, const char *src, char *scratch) {   \
    int64_t n = order->length, step = order->inner;                                                  \
    const order_dtype *dtype = &order_dtypes[order->dtypes[0]];                                      \
    order_room room = order_rooms(scratch, n, sizeof(K), sizeof(K));                                 \
    W##_keys(dtype, order->dtypes[0], false, (K *)room.keys, src, step, n);                          \
    K *sorted = radix_keys_##W((K *)room.keys, (K *)room.items, n);                                  \
    if (dtype->restore == NULL) {                                                                    \
      dtype->elements(dst, step, sorted, n);                                                         \
      return;                                                                                        \
    }                                                                                                \
    /* dst may be src, which is read once more. */                                                   \
    char *elements = sorted == (K *)room.keys ? room.items : room.keys;                              \
    if (dst != src) {                                                                                \
      dtype->elements(dst, step, sorted, n);                                                         \
      dtype->restore(dst, step, sorted, n, src, step, elements);                                     \
      return;                                                                                        \
    }                                                                                                \
    dtype->elements(elements, 1, sorted, n);                                                         \
    dtype->restore(elements, 1, sorted, n, src, step, room.others);                                  \
    copy_line(dst, step, elements, 1, blox_dtype_width(order->dtypes[0]), n);                        \
  }                                                                                                  \
                                                                                                     \
  static void sort_line_##W(const blox_order *order, char *const *buffers, int64_t offset, char *scratch) { \
    int64_t n = order->length, step = order->inner;                                                  \
    if (blox_sorts_alone(order)) {                                                                   \
      int64_t bytes = offset * blox_dtype_width(order->dtypes[0]);                                   \
      sort_alone_##W(order, buffers[order->targets[0]] + bytes, buffers[order->sources[0]] + bytes, scratch); \
      return;                                                                                        \
    }                                                                                                \
    order_room room = order_rooms(scratch, n, sizeof(K), sizeof(T));                                 \
    K *keys = (K *)room.keys;                                                                        \
    T *items = (T *)room.items, *others = (T *)room.others;                                          \
    for (int32_t k = order->key_count - 1; k >= 0; k--) {                                            \
      int32_t dtype = order->dtypes[k];                                                              \
      const char *src = buffers[order->sources[k]] + offset * blox_dtype_width(dtype);               \
      W##_keys(&order_dtypes[dtype], dtype, false, keys, src, step, n);                              \
      if (k == order->key_count - 1) {                                                               \
        for (int64_t i = 0; i < n; i++) items[i] = W##_item(keys[i], i);                             \
      } else {                                                                                       \
        for (int64_t i = 0; i < n; i++) items[i] = W##_item(keys[W##_place(items[i])], W##_place(items[i])); \
      }                                                                                              \
      T *sorted = sorted_##W(items, others, n);                                                      \
      others = sorted == items ? others : items;                                                     \
      items = sorted;                                                                                \
    }                                                                                                \
    for (int32_t k = 0; k < order->operand_count; k++) {                                             \
      int32_t width = blox_dtype_width(order->dtypes[k]);                                            \
      const char *src = buffers[order->sources[k]] + offset * width;                                 \
      char *dst = buffers[order->targets[k]] + offset * width;                                       \
      int64_t src_step = step;                                                                       \
      if (src == dst || step != 1) {                                                                 \
        copy_line(room.copies, 1, src, step, width, n);                                              \
        src = room.copies;                                                                           \
        src_step = 1;                                                                                \
      }                                                                                              \
      permute_##W(dst, src, src_step, width, step, items, n);                                        \
    }                                                                                                \
  }                                                                                                  \
                                                                                                     \
  /* The best `count` of the first `filled` candidates, in order. */                                 \
  INLINE void prune_##W(T **candidates, T **others, int64_t filled) {                                \
    T *sorted = sorted_##W(*candidates, *others, filled);                                            \
    *others = sorted == *candidates ? *others : *candidates;                                         \
    *candidates = sorted;                                                                            \
  }                                                                                                  \
                                                                                                     \
  /* Candidates are what is before the last of the best so far. There is room for a group of further ones. */ \
  static void top_line_##W(const blox_order *order, char *const *buffers, int64_t from, int64_t to, char *scratch) { \
    enum { GROUP = ORDER_RANKED };                                                                             \
    int64_t n = order->length, step = order->inner, count = order->count, room = blox_top_k_room(count, n); \
    int32_t dtype = order->dtypes[0], width = blox_dtype_width(dtype);                               \
    const char *src = buffers[order->sources[0]] + from * width;                                     \
    K *keys = (K *)scratch;                                                                          \
    T *candidates = (T *)(scratch + ORDER_BLOCK * sizeof(K)), *others = candidates + room;           \
    int64_t filled = 0;                                                                              \
    bool is_limited = false;                                                                         \
    K limit = 0;                                                                                     \
    for (int64_t start = 0; start < n; start += ORDER_BLOCK) {                                       \
      int64_t size = n - start < ORDER_BLOCK ? n - start : ORDER_BLOCK, i = 0;                       \
      W##_keys(&order_dtypes[dtype], dtype, true, keys, src + start * step * width, step, size);     \
      if (!is_limited) {                                                                             \
        for (; i < size && filled < room; i++) candidates[filled++] = W##_item(keys[i], start + i);  \
        if (filled == room && start + i < n) {                                                       \
          prune_##W(&candidates, &others, filled);                                                   \
          filled = count;                                                                            \
          limit = W##_key(candidates[count - 1]);                                                    \
          is_limited = true;                                                                         \
        }                                                                                            \
      }                                                                                              \
      while (i < size) {                                                                             \
        int64_t group = size - i < GROUP ? size - i : GROUP;                                         \
        K found = 0;                                                                                 \
        for (int64_t j = 0; j < group; j++) found |= keys[i + j] < limit;                            \
        if (found) {                                                                                 \
          for (int64_t j = 0; j < group; j++) {                                                      \
            candidates[filled] = W##_item(keys[i + j], start + i + j);                               \
            filled += keys[i + j] < limit;                                                           \
          }                                                                                          \
          if (filled > room - GROUP) {                                                               \
            prune_##W(&candidates, &others, filled);                                                 \
            filled = count;                                                                          \
            limit = W##_key(candidates[count - 1]);                                                  \
          }                                                                                          \
        }                                                                                            \
        i += group;                                                                                  \
      }                                                                                              \
    }                                                                                                \
    prune_##W(&candidates, &others, filled);                                                         \
    permute_##W(buffers[order->targets[0]] + to * width, src, step, width, step, candidates, count); \
    int32_t *indices = (int32_t *)buffers[order->targets[1]] + to;                                   \
    for (int64_t i = 0; i < count; i++) indices[i * step] = (int32_t)W##_place(candidates[i]);       \
  }

#define ORDER_COPY(U)                                                                                \
  for (int64_t i = 0; i < n; i++) ((U *)dst)[i * dst_step] = ((const U *)src)[i * src_step]
static void copy_line(char *dst, int64_t dst_step, const char *src, int64_t src_step, int32_t width, int64_t n) {
  if (width == 1) ORDER_COPY(uint8_t);
  else if (width == 2) ORDER_COPY(uint16_t);
  else if (width == 4) ORDER_COPY(uint32_t);
  else ORDER_COPY(uint64_t);
}

ORDER_LINES(narrow, uint64_t, uint32_t)
ORDER_LINES(wide, order_wide, uint64_t)

static void sort_lines(const blox_order *order, char *const *buffers, int64_t start, int64_t end, char *scratch) {
  for (int64_t line = start; line < end; line++) {
    int64_t offset = line / order->inner * order->length * order->inner + line % order->inner;
    if (order->is_wide) sort_line_wide(order, buffers, offset, scratch);
    else sort_line_narrow(order, buffers, offset, scratch);
  }
}

static void top_lines(const blox_order *order, char *const *buffers, int64_t start, int64_t end, char *scratch) {
  for (int64_t line = start; line < end; line++) {
    int64_t block = line / order->inner * order->inner, column = line % order->inner;
    int64_t from = block * order->length + column, to = block * order->count + column;
    if (order->is_wide) top_line_wide(order, buffers, from, to, scratch);
    else top_line_narrow(order, buffers, from, to, scratch);
  }
}
