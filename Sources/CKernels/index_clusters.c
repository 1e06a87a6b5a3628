#include "index_clusters.h"

#include "dispatch.h"

VLM_DISPATCH void vlm_nearest_clusters(const int32_t *restrict dots, size_t stride, size_t cluster_count,
                                       const float *restrict steps, const float *restrict offsets,
                                       const float *restrict penalties, const float *restrict scales, size_t row_count,
                                       uint32_t first, uint32_t *restrict nearest, float *restrict best) {
    for (size_t c = 0; c < cluster_count; c++) {
        const int32_t *row = dots + c * stride;
        float step = steps[c], offset = offsets[c], penalty = penalties[c];
        uint32_t number = first + (uint32_t)c;
        for (size_t r = 0; r < row_count; r++) {
            float score = scales[r] * ((float)row[r] * step - offset) - penalty;
            int is_better = score > best[r];
            best[r] = is_better ? score : best[r];
            nearest[r] = is_better ? number : nearest[r];
        }
    }
}

VLM_DISPATCH void vlm_add_code(const uint8_t *restrict high, const uint8_t *restrict low, size_t dimension, float scale,
                               float *restrict sums) {
    size_t half = dimension / 2;
    if (low) {
        for (size_t j = 0; j < half; j++) {
            int first = (high[j] & 15) << 4 | (low[j] & 15);
            int second = (high[j] & 0xF0) | low[j] >> 4;
            sums[j] += scale * ((float)first - 127.5f);
            sums[half + j] += scale * ((float)second - 127.5f);
        }
        return;
    }
    for (size_t j = 0; j < half; j++) {
        sums[j] += scale * ((float)(high[j] & 15) - 7.5f);
        sums[half + j] += scale * ((float)(high[j] >> 4) - 7.5f);
    }
}
