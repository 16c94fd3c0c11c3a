// Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), one counter
// per vector lane, in JAX's partitionable layout: the counter's high and low words are the two inputs.

INLINE void threefry(const uint32_t key[2], vu32 x0, vu32 x1, vu32 *a, vu32 *b) {
  const uint32_t ks[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  x0 += ks[0];
  x1 += ks[1];
#define ROUND(r) x0 += x1, x1 = (x1 << r) | (x1 >> (32 - r)), x1 ^= x0
#define EVEN_GROUP ROUND(13), ROUND(15), ROUND(26), ROUND(6)
#define ODD_GROUP ROUND(17), ROUND(29), ROUND(16), ROUND(24)
  EVEN_GROUP, x0 += ks[1], x1 += ks[2] + 1u;
  ODD_GROUP, x0 += ks[2], x1 += ks[0] + 2u;
  EVEN_GROUP, x0 += ks[0], x1 += ks[1] + 3u;
  ODD_GROUP, x0 += ks[1], x1 += ks[2] + 4u;
  EVEN_GROUP, x0 += ks[2], x1 += ks[0] + 5u;
#undef ROUND
#undef EVEN_GROUP
#undef ODD_GROUP
  *a = x0;
  *b = x1;
}

// One vector of counters from `counter`; the carry into the high word may fall between two lanes.
INLINE void threefry_counters(const uint32_t key[2], uint64_t counter, vu32 *a, vu32 *b) {
  vu32 index;
  for (uint32_t i = 0; i < LANES_F32; i++) index[i] = i;
  vu32 low = index + (uint32_t)counter;
  vu32 high = (vu32)(uint32_t)(counter >> 32) - (vu32)(low < (uint32_t)counter);
  threefry(key, high, low, a, b);
}

#define RANDOM_BITS(bits, T, WORDS)                                                                           \
  static void random_bits_##bits(const uint32_t key[2], uint64_t counter, int64_t n, T *dst) {                \
    enum { UNROLL = 2, STEP = UNROLL * LANES_F32 };                                                           \
    int64_t i = 0;                                                                                            \
    for (; i + STEP <= n; i += STEP) {                                                                        \
      for (int u = 0; u < UNROLL; u++) {                                                                      \
        vu32 a, b;                                                                                            \
        threefry_counters(key, counter + (uint64_t)(i + u * LANES_F32), &a, &b);                              \
        __typeof__(WORDS) words = WORDS;                                                                      \
        memcpy(dst + i + u * LANES_F32, &words, sizeof words);                                                \
      }                                                                                                       \
    }                                                                                                         \
    for (; i < n; i += LANES_F32) {                                                                           \
      vu32 a, b;                                                                                              \
      threefry_counters(key, counter + (uint64_t)i, &a, &b);                                                  \
      __typeof__(WORDS) words = WORDS;                                                                        \
      int64_t rest = n - i < LANES_F32 ? n - i : LANES_F32;                                                   \
      memcpy(dst + i, &words, (size_t)rest * sizeof(T));                                                      \
    }                                                                                                         \
  }

RANDOM_BITS(8, uint8_t, __builtin_convertvector(a ^ b, vu8q))
RANDOM_BITS(16, uint16_t, __builtin_convertvector(a ^ b, vu16h))
RANDOM_BITS(32, uint32_t, a ^ b)
RANDOM_BITS(64, uint64_t, (__builtin_convertvector(a, vu64x2) << 32) | __builtin_convertvector(b, vu64x2))

static void random_bits(const uint32_t *keys, int64_t lane, int32_t width, int64_t start, int64_t end, void *dst) {
  if (start >= end) return;
  int64_t key = start / lane, counter = start % lane;
  for (int64_t at = start; at < end; key++, counter = 0) {
    int64_t n = lane - counter < end - at ? lane - counter : end - at;
    const uint32_t *k = keys + 2 * key;
    switch (width) {
      case 1: random_bits_8(k, (uint64_t)counter, n, (uint8_t *)dst + (at - start)); break;
      case 2: random_bits_16(k, (uint64_t)counter, n, (uint16_t *)dst + (at - start)); break;
      case 4: random_bits_32(k, (uint64_t)counter, n, (uint32_t *)dst + (at - start)); break;
      default: random_bits_64(k, (uint64_t)counter, n, (uint64_t *)dst + (at - start)); break;
    }
    at += n;
  }
}
