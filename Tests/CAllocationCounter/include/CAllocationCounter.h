// Counts what the calling thread asks the heap for.
#ifndef BLOX_ALLOCATION_COUNTER_H
#define BLOX_ALLOCATION_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/// Whether allocations are counted: with glibc, and without a sanitizer, which has a heap of its own.
bool blox_allocations_are_counted(void);
/// How many blocks this thread has asked for since it began.
int64_t blox_allocation_count(void);

#endif
