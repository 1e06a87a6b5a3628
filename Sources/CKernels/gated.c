#include "gated.h"

#include "dispatch.h"
#include "elementary.h"

VLM_DISPATCH
void vlm_silu_gate(const float *restrict x, const float *restrict bias, float *restrict out, size_t rows, size_t cols) {
#pragma clang fp contract(fast)
    const float *value_bias = bias + cols;
    for (size_t r = 0; r < rows; r++) {
        const float *gate = x + r * 2 * cols, *value = gate + cols;
        float *o = out + r * cols;
        for (size_t c = 0; c < cols; c++) {
            float g = gate[c] + bias[c];
            o[c] = g / (1.0f + vlm_exp(-g)) * (value[c] + value_bias[c]);
        }
    }
}
