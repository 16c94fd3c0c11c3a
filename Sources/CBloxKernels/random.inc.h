// Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), one counter
// per vector lane, in JAX's partitionable layout: the counter's high and low words are the two inputs.

// Each round waits for the one before: RANDOM_WIDTH vectors are interleaved, instruction by instruction.
enum { RANDOM_WIDTH = 4 };

#define EACH for (int u = 0; u < RANDOM_WIDTH; u++)
INLINE void threefry(const uint32_t key[2], vu32 x0[RANDOM_WIDTH], vu32 x1[RANDOM_WIDTH]) {
  const uint32_t ks[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  EACH x0[u] += ks[0], x1[u] += ks[1];
#define ROUND(r)                                     \
  EACH x0[u] += x1[u];                               \
  EACH x1[u] = (x1[u] << r) | (x1[u] >> (32 - r));   \
  EACH x1[u] ^= x0[u];
#define EVEN_GROUP ROUND(13) ROUND(15) ROUND(26) ROUND(6)
#define ODD_GROUP ROUND(17) ROUND(29) ROUND(16) ROUND(24)
#define INJECT(a, b) EACH x0[u] += (a), x1[u] += (b);
  EVEN_GROUP INJECT(ks[1], ks[2] + 1u)
  ODD_GROUP INJECT(ks[2], ks[0] + 2u)
  EVEN_GROUP INJECT(ks[0], ks[1] + 3u)
  ODD_GROUP INJECT(ks[1], ks[2] + 4u)
  EVEN_GROUP INJECT(ks[2], ks[0] + 5u)
#undef ROUND
#undef EVEN_GROUP
#undef ODD_GROUP
#undef INJECT
}

// The hashes of the counters from `counter`; the carry into the high word may fall between two lanes.
INLINE void threefry_counters(const uint32_t key[2], uint64_t counter, vu32 a[RANDOM_WIDTH], vu32 b[RANDOM_WIDTH]) {
  vu32 index;
  for (uint32_t i = 0; i < LANES_F32; i++) index[i] = i;
  EACH {
    uint64_t first = counter + (uint64_t)u * LANES_F32;
    b[u] = index + (uint32_t)first;
    a[u] = (vu32)(uint32_t)(first >> 32) - (vu32)(b[u] < (uint32_t)first);
  }
  threefry(key, a, b);
}

#define RANDOM_BITS(bits, T, WORDS)                                                                           \
  static void random_bits_##bits(const uint32_t key[2], uint64_t counter, int64_t n, T *dst) {                \
    enum { STEP = RANDOM_WIDTH * LANES_F32 };                                                                 \
    for (int64_t i = 0; i < n; i += STEP) {                                                                   \
      vu32 a[RANDOM_WIDTH], b[RANDOM_WIDTH];                                                                  \
      threefry_counters(key, counter + (uint64_t)i, a, b);                                                    \
      __typeof__(WORDS(a[0], b[0])) words[RANDOM_WIDTH];                                                      \
      EACH words[u] = WORDS(a[u], b[u]);                                                                      \
      if (i + STEP <= n) {                                                                                    \
        memcpy(dst + i, words, STEP * sizeof(T));                                                             \
      } else {                                                                                                \
        memcpy(dst + i, words, (size_t)(n - i) * sizeof(T));                                                  \
      }                                                                                                       \
    }                                                                                                         \
  }

#define WORDS_8(a, b) __builtin_convertvector((a) ^ (b), vu8q)
#define WORDS_16(a, b) __builtin_convertvector((a) ^ (b), vu16h)
#define WORDS_32(a, b) ((a) ^ (b))
#define WORDS_64(a, b) ((__builtin_convertvector(a, vu64x2) << 32) | __builtin_convertvector(b, vu64x2))
RANDOM_BITS(8, uint8_t, WORDS_8)
RANDOM_BITS(16, uint16_t, WORDS_16)
RANDOM_BITS(32, uint32_t, WORDS_32)
RANDOM_BITS(64, uint64_t, WORDS_64)
#undef EACH

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
