// Derivation of keys: scalar, because keys are few.

#include "CBloxKernels.h"

// Threefry-2x32 with 20 rounds; random.inc.h has the vector form.
static void threefry_once(const uint32_t key[2], uint32_t x0, uint32_t x1, uint32_t result[2]) {
  static const uint8_t rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t ks[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  x0 += ks[0];
  x1 += ks[1];
  for (uint32_t group = 0; group < 5; group++) {
    for (int i = 0; i < 4; i++) {
      int r = rotations[group & 1][i];
      x0 += x1;
      x1 = (x1 << r) | (x1 >> (32 - r));
      x1 ^= x0;
    }
    x0 += ks[(group + 1) % 3];
    x1 += ks[(group + 2) % 3] + group + 1;
  }
  result[0] = x0;
  result[1] = x1;
}

void blox_random_split(const uint32_t *keys, int64_t key_count, int64_t count, uint32_t *dst) {
  for (int64_t k = 0; k < key_count; k++) {
    for (int64_t j = 0; j < count; j++) {
      threefry_once(keys + 2 * k, (uint32_t)((uint64_t)j >> 32), (uint32_t)j, dst + 2 * (k * count + j));
    }
  }
}

void blox_random_fold_in(const uint32_t *keys, const uint32_t *data, int64_t count, uint32_t *dst) {
  for (int64_t i = 0; i < count; i++) threefry_once(keys + 2 * i, 0, data[i], dst + 2 * i);
}
