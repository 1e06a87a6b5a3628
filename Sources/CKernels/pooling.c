#include "pooling.h"

#include <string.h>

#include "dispatch.h"

VLM_DISPATCH
void vlm_average_pool(const float *restrict x, float *restrict out, size_t batch, size_t height, size_t width,
                      size_t channels, size_t size) {
    float factor = 1.0f / (float)(size * size);
    for (size_t b = 0; b < batch; b++) {
        const float *image = x + b * height * width * channels;
        for (size_t oy = 0; oy < height / size; oy++) {
            for (size_t ox = 0; ox < width / size; ox++, out += channels) {
                const float *corner = image + (oy * size * width + ox * size) * channels;
                if (size == 2) {
                    const float *below = corner + width * channels;
                    for (size_t c = 0; c < channels; c++) {
                        out[c] = ((corner[c] + corner[channels + c]) + (below[c] + below[channels + c])) * factor;
                    }
                    continue;
                }
                memset(out, 0, channels * sizeof(float));
                for (size_t place = 0; place < size * size; place++) {
                    const float *source = corner + (place / size * width + place % size) * channels;
                    for (size_t c = 0; c < channels; c++) out[c] += source[c];
                }
                for (size_t c = 0; c < channels; c++) out[c] *= factor;
            }
        }
    }
}

#define RECTIFY(sum)                                                  \
    _Pragma("clang loop vectorize(assume_safety)")                    \
    for (size_t c = 0; c < cols; c++) {                               \
        float value = (sum);                                          \
        o[c] = value < 0 ? 0 : value;                                 \
    }

VLM_DISPATCH
void vlm_rectify(const float *x, const float *bias, const float *residual, float *out, size_t rows, size_t cols) {
    for (size_t r = 0; r < rows; r++) {
        const float *s = x + r * cols, *d = residual ? residual + r * cols : NULL;
        float *o = out + r * cols;
        if (bias && d) {
            RECTIFY(s[c] + bias[c] + d[c])
        } else if (bias) {
            RECTIFY(s[c] + bias[c])
        } else if (d) {
            RECTIFY(s[c] + d[c])
        } else {
            RECTIFY(s[c])
        }
    }
}
