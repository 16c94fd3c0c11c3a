// The heap's functions, which an executable that has its own gives to all libraries: these count and pass on.
#define _GNU_SOURCE
#include "CAllocationCounter.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define HAS_HEAP_OF_ITS_OWN 1
#endif
#endif

#if defined(__GLIBC__) && !defined(HAS_HEAP_OF_ITS_OWN)

static _Thread_local int64_t count;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t items, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  count++;
  return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
  count++;
  return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
  count++;
  return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
  count++;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block == NULL ? ENOMEM : 0;
}

bool blox_allocations_are_counted(void) { return true; }
int64_t blox_allocation_count(void) { return count; }

#else

bool blox_allocations_are_counted(void) { return false; }
int64_t blox_allocation_count(void) { return 0; }

#endif
