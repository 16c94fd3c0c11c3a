// What the thread sanitizer must be told: Swift's Mutex is a word and a system call inside the standard library, which
// is not instrumented, so that the sanitizer sees neither its lock nor its unlock. Without the sanitizer both functions
// do nothing.

#include "CBloxKernels.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BLOX_IS_SANITIZED 1
#endif
#endif

#ifdef BLOX_IS_SANITIZED
void __tsan_acquire(void *address);
void __tsan_release(void *address);

void blox_lock_acquired(const void *lock) { __tsan_acquire((void *)lock); }
void blox_lock_released(const void *lock) { __tsan_release((void *)lock); }
#else
void blox_lock_acquired(const void *lock) { (void)lock; }
void blox_lock_released(const void *lock) { (void)lock; }
#endif
