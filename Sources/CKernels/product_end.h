// The end of a product tile: bias, activation, residual; private to this target.
#ifndef VLMPIPE_PRODUCT_END_H
#define VLMPIPE_PRODUCT_END_H

#include "activation.h"
#include "panel_product.h"
#include "wide.h"

// Beside the public codes: what products in 8 bits make of VLM_ACTIVATION_GELU.
enum { VLM_ACTIVATION_GELU_COARSE = 100 };

// x = f(x) in each lane; `activation` is a constant where this is inlined.
VLM_INLINE void vlm_activate(vlm_wide *x, int activation) {
    float values[VLM_LANES], unused;
    if (activation == VLM_ACTIVATION_NONE) return;
    memcpy(values, x, sizeof values);
#pragma clang loop vectorize(assume_safety)
    for (int lane = 0; lane < VLM_LANES; lane++) {
        float value = values[lane];
        values[lane] = activation == VLM_ACTIVATION_GELU          ? vlm_gelu(value, &unused)
                       : activation == VLM_ACTIVATION_GELU_COARSE ? vlm_gelu_coarse(value)
                       : activation == VLM_ACTIVATION_QUICK_GELU  ? vlm_quick_gelu(value, &unused)
                                                                  : vlm_gelu_tanh(value, &unused);
    }
    memcpy(x, values, sizeof values);
}

// Whole rows of a tile: out = f(tile + bias) + added, each row `stride` (of added: `added_stride`) behind the one before.
VLM_INLINE void vlm_end_rows(const float *restrict tile, size_t rows, const float *bias, const float *added,
                             size_t added_stride, float *out, size_t stride, int activation) {
    vlm_wide low = *(const vlm_wide *)bias, high = *(const vlm_wide *)(bias + VLM_LANES);
    for (size_t r = 0; r < rows; r++) {
        const vlm_wide *sums = (const vlm_wide *)(tile + r * VLM_PANEL_COLUMNS);
        const float *a = added + r * added_stride;
        vlm_wide first = sums[0] + low, second = sums[1] + high;
        vlm_activate(&first, activation);
        vlm_activate(&second, activation);
        *(vlm_wide *)(out + r * stride) = first + *(const vlm_wide *)a;
        *(vlm_wide *)(out + r * stride + VLM_LANES) = second + *(const vlm_wide *)(a + VLM_LANES);
    }
}

VLM_INLINE void vlm_end_rows_activated(const float *restrict tile, size_t rows, const float *bias, const float *added,
                                       size_t added_stride, float *out, size_t stride, int activation) {
    switch (activation) {
    case VLM_ACTIVATION_GELU:
        vlm_end_rows(tile, rows, bias, added, added_stride, out, stride, VLM_ACTIVATION_GELU);
        break;
    case VLM_ACTIVATION_GELU_COARSE:
        vlm_end_rows(tile, rows, bias, added, added_stride, out, stride, VLM_ACTIVATION_GELU_COARSE);
        break;
    case VLM_ACTIVATION_QUICK_GELU:
        vlm_end_rows(tile, rows, bias, added, added_stride, out, stride, VLM_ACTIVATION_QUICK_GELU);
        break;
    case VLM_ACTIVATION_GELU_TANH:
        vlm_end_rows(tile, rows, bias, added, added_stride, out, stride, VLM_ACTIVATION_GELU_TANH);
        break;
    default: vlm_end_rows(tile, rows, bias, added, added_stride, out, stride, VLM_ACTIVATION_NONE);
    }
}

// Fetches the lines that a tile will be stored to into the second cache, to be called before its sums are computed.
VLM_INLINE void vlm_expect_tile(size_t first_row, size_t rows, size_t first_column, const vlm_product_end *end) {
    const float *place = end->out + first_row * end->out_stride + first_column;
    for (size_t r = 0; r < rows; r++, place += end->out_stride) {
        __builtin_prefetch(place, 1, 2);
        __builtin_prefetch(place + VLM_LANES, 1, 2);
    }
}

// tile [rows, 32] holds sums; those of the first `columns` columns are finished and stored.
VLM_INLINE void vlm_end_tile(const float *restrict tile, size_t first_row, size_t rows, size_t first_column,
                             size_t columns, const vlm_product_end *end) {
    enum { NR = VLM_PANEL_COLUMNS };
    static const float zeros[NR];
    size_t start = first_row * end->out_stride + first_column;
    if (columns == NR) {
        const float *bias = end->bias ? end->bias + first_column : zeros;
        const float *added = end->residual ? end->residual + start : zeros;
        vlm_end_rows_activated(tile, rows, bias, added, end->residual ? end->out_stride : 0, end->out + start,
                               end->out_stride, end->activation);
        return;
    }
    // The last columns of a product take the same way through a row of their own.
    float bias[NR] = {0}, row[NR] = {0};
    if (end->bias) memcpy(bias, end->bias + first_column, columns * sizeof(float));
    for (size_t r = 0; r < rows; r++, start += end->out_stride) {
        if (end->residual) memcpy(row, end->residual + start, columns * sizeof(float));
        vlm_end_rows_activated(tile + r * NR, 1, bias, end->residual ? row : zeros, 0, row, NR, end->activation);
        memcpy(end->out + start, row, columns * sizeof(float));
    }
}

#endif
