// Sixteen floats or integers that may start anywhere; where registers are narrower, the compiler splits them. Private to this
// target.
#ifndef VLMPIPE_WIDE_H
#define VLMPIPE_WIDE_H

#include <stdint.h>

enum { VLM_LANES = 16 };

typedef float vlm_wide __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t vlm_wide_int __attribute__((vector_size(64), aligned(4), may_alias));

#endif
