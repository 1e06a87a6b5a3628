// Four rows of 32-bit units side by side in a matrix of columns; private to this target.
#ifndef VLMPIPE_PANEL_PACK_H
#define VLMPIPE_PANEL_PACK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "elementary.h"
#include "panel_product.h"

typedef uint32_t vlm_quad __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint32_t vlm_unit __attribute__((may_alias));

// target[p * target_stride + r] = source[r * stride + p] for four rows of `depth` units.
VLM_INLINE void vlm_pack_four_rows(const vlm_unit *source, size_t stride, size_t depth, vlm_unit *target,
                                   size_t target_stride) {
    const vlm_unit *x0 = source, *x1 = x0 + stride, *x2 = x1 + stride, *x3 = x2 + stride;
    size_t p = 0;
    for (; p + 4 <= depth; p += 4) {
        vlm_quad a = *(const vlm_quad *)(x0 + p), b = *(const vlm_quad *)(x1 + p);
        vlm_quad e = *(const vlm_quad *)(x2 + p), f = *(const vlm_quad *)(x3 + p);
        vlm_quad ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        vlm_quad ef0 = __builtin_shufflevector(e, f, 0, 4, 1, 5), ef1 = __builtin_shufflevector(e, f, 2, 6, 3, 7);
        *(vlm_quad *)(target + (p + 0) * target_stride) = __builtin_shufflevector(ab0, ef0, 0, 1, 4, 5);
        *(vlm_quad *)(target + (p + 1) * target_stride) = __builtin_shufflevector(ab0, ef0, 2, 3, 6, 7);
        *(vlm_quad *)(target + (p + 2) * target_stride) = __builtin_shufflevector(ab1, ef1, 0, 1, 4, 5);
        *(vlm_quad *)(target + (p + 3) * target_stride) = __builtin_shufflevector(ab1, ef1, 2, 3, 6, 7);
    }
    for (; p < depth; p++) {
        target[p * target_stride + 0] = x0[p];
        target[p * target_stride + 1] = x1[p];
        target[p * target_stride + 2] = x2[p];
        target[p * target_stride + 3] = x3[p];
    }
}

#endif
