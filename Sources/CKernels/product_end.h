// The end of a product tile: bias, activation, residual; private to this target.
#ifndef VLMPIPE_PRODUCT_END_H
#define VLMPIPE_PRODUCT_END_H

#include "activation.h"
#include "panel_product.h"

#define END_LOOP(value)                                                                       \
    for (size_t r = 0; r < rows; r++) {                                                       \
        const float *t = tile + r * VLM_PANEL_COLUMNS;                                        \
        size_t start = (first_row + r) * end->out_stride + first_column;                      \
        float *o = end->out + start;                                                          \
        const float *added = end->residual ? end->residual + start : zeros;                   \
        _Pragma("clang loop vectorize(assume_safety)") for (size_t c = 0; c < columns; c++) { \
            float x = t[c] + bias[c], unused;                                                 \
            (void)unused;                                                                     \
            o[c] = (value) + added[c];                                                        \
        }                                                                                     \
    }

VLM_INLINE void vlm_end_columns(const float *restrict tile, size_t first_row, size_t rows, size_t first_column,
                                size_t columns, const vlm_product_end *end) {
    static const float zeros[VLM_PANEL_COLUMNS];
    const float *bias = end->bias ? end->bias + first_column : zeros;
    switch (end->activation) {
    case VLM_ACTIVATION_GELU: END_LOOP(vlm_gelu(x, &unused)) break;
    case VLM_ACTIVATION_QUICK_GELU: END_LOOP(vlm_quick_gelu(x, &unused)) break;
    case VLM_ACTIVATION_GELU_TANH: END_LOOP(vlm_gelu_tanh(x, &unused)) break;
    default: END_LOOP(x)
    }
}

#undef END_LOOP

// tile [rows, 32] holds sums; those of the first `columns` columns are finished and stored.
VLM_INLINE void vlm_end_tile(const float *restrict tile, size_t first_row, size_t rows, size_t first_column,
                             size_t columns, const vlm_product_end *end) {
    // A constant width leaves no remainder loop.
    if (columns == VLM_PANEL_COLUMNS) vlm_end_columns(tile, first_row, rows, first_column, VLM_PANEL_COLUMNS, end);
    else vlm_end_columns(tile, first_row, rows, first_column, columns, end);
}

#endif
