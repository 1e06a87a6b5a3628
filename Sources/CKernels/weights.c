#include "weights.h"

#include <stdint.h>
#include <string.h>

#include "dispatch.h"
#include "half_precision.h"
#include "transformer.h"

size_t vlm_weight_size(int element) { return element == VLM_WEIGHT_F32 ? sizeof(float) : sizeof(uint16_t); }

vlm_weights vlm_weights_from(vlm_weights weights, size_t start) {
    return (vlm_weights){(const char *)weights.base + start * vlm_weight_size(weights.element), weights.element};
}

void vlm_widen_weights(vlm_weights weights, float *out, size_t count) {
    switch (weights.element) {
    case VLM_WEIGHT_F16: vlm_f16_to_f32(weights.base, out, count); break;
    case VLM_WEIGHT_BF16: vlm_bf16_to_f32(weights.base, out, count); break;
    default: memcpy(out, weights.base, count * sizeof(float));
    }
}

// Infinity and NaN have all bits of the exponent.
VLM_DISPATCH
static int all_finite(const uint16_t *halves, size_t count, uint16_t exponent) {
    uint16_t bad = 0;
    for (size_t i = 0; i < count; i++) bad |= (halves[i] & exponent) == exponent;
    return !bad;
}

int vlm_all_weights_finite(vlm_weights weights, size_t count) {
    switch (weights.element) {
    case VLM_WEIGHT_F16: return all_finite(weights.base, count, 0x7C00);
    case VLM_WEIGHT_BF16: return all_finite(weights.base, count, 0x7F80);
    default: return vlm_all_finite(weights.base, count);
    }
}
