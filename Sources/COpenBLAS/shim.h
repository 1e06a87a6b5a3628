// OpenBLAS through its CBLAS interface (Debian: libopenblas-dev).
#include <cblas.h>

// In OpenBLAS with threads of its own, but in none of its headers; builds without such threads lack it.
extern int blas_thread_shutdown_(void) __attribute__((weak));

// Every product runs on the thread that asks for it. The threads that OpenBLAS started when it was loaded, which wait for
// work in a loop that takes a core for some 100 ms, are ended.
static inline void vlm_blas_use_calling_thread(void) {
    openblas_set_num_threads(1);
    if (blas_thread_shutdown_) blas_thread_shutdown_();
}
