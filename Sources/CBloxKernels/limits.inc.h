// The most that this machine does, for profiles that say how far a step is from it.

enum { LIMIT_CHAINS = 12 };  // dependent chains: as many as hide the latency of two units, and fit 16 registers

// Multiplies and adds in registers; the number of operations.
static int64_t limit_fma(int64_t rounds) {
  // What is volatile cannot be computed beforehand or left out.
  volatile float given_factor = 0.999f, given_summand = 1e-3f, kept;
  vf32 factor = (vf32)given_factor, summand = (vf32)given_summand;
  vf32 chains[LIMIT_CHAINS];
  for (int i = 0; i < LIMIT_CHAINS; i++) chains[i] = (vf32)(float)i;
  for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < LIMIT_CHAINS; i++) chains[i] = fma_f32(chains[i], factor, summand);
  }
  vf32 sum = chains[0];
  for (int i = 1; i < LIMIT_CHAINS; i++) sum += chains[i];
  kept = __builtin_reduce_max((vi32)sum);
  (void)kept;
  return rounds * LIMIT_CHAINS * LANES_F32 * 2;
}

// McCalpin's triad, dst = a + 3 b.
static void limit_triad(float *dst, const float *a, const float *b, int64_t count) {
  for (int64_t i = 0; i + LANES_F32 <= count; i += LANES_F32) {
    store_f32(dst + i, fma_f32((vf32)3.0f, load_f32(b + i), load_f32(a + i)));
  }
}
