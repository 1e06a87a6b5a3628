#ifndef VLMPIPE_MEMORY_H
#define VLMPIPE_MEMORY_H

#include <malloc.h>

// Gives freed memory of the heap back to the system, also where blocks in use lie above it. Takes milliseconds at most.
static inline void vlm_release_freed_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
