// Row-major weights as they are stored: Float32, or 16 bits that are widened, exactly, where they are used.
#ifndef VLMPIPE_WEIGHTS_H
#define VLMPIPE_WEIGHTS_H

#include <stddef.h>

enum { VLM_WEIGHT_F32 = 0, VLM_WEIGHT_F16 = 1, VLM_WEIGHT_BF16 = 2 };

// Aligned to the size of an element; the code says which.
typedef struct {
    const void *base;
    int element;
} vlm_weights;

// Bytes of a weight.
size_t vlm_weight_size(int element);

// The weights from `start` on.
vlm_weights vlm_weights_from(vlm_weights weights, size_t start);

// The first `count` weights as floats, as vlm_f16_to_f32 and vlm_bf16_to_f32 widen them.
void vlm_widen_weights(vlm_weights weights, float *out, size_t count);

// 1 when the first `count` weights are finite.
int vlm_all_weights_finite(vlm_weights weights, size_t count);

#endif
