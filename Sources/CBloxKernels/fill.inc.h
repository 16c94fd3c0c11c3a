// Fills: the same element over and over, by whole vectors.

// Eight bytes that repeat an element of `width` bytes.
INLINE uint64_t repeated_bits(int32_t width, uint64_t bits) {
  switch (width) {
    case 1: return (bits & 0xFF) * 0x0101010101010101ull;
    case 2: return (bits & 0xFFFF) * 0x0001000100010001ull;
    case 4: return (bits & 0xFFFFFFFF) * 0x0000000100000001ull;
    default: return bits;
  }
}

static void fill_elements(char *dst, int32_t width, uint64_t bits, int64_t count) {
  uint64_t word = repeated_bits(width, bits);
  vu64 vector = (vu64)word;
  int64_t bytes = count * width, at = 0;
  for (; at + VECTOR_BYTES <= bytes; at += VECTOR_BYTES) memcpy(dst + at, &vector, VECTOR_BYTES);
  // Vectors and words hold whole elements, so every store starts with one.
  for (; at + 8 <= bytes; at += 8) memcpy(dst + at, &word, 8);
  for (; at < bytes; at += width) memcpy(dst + at, &word, (size_t)width);
}
