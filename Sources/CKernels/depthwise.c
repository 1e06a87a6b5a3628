#include "depthwise.h"

#include <string.h>

#include "dispatch.h"

// A tile is PLACES neighbours of an output row times LANES channels. Each input place of a kernel row is loaded once and
// serves all outputs that see it, so that the loop is bound by multiplications rather than loads.
enum { KERNEL = VLM_DEPTHWISE_KERNEL, PADDING = KERNEL / 2, PLACES = 8, LANES = 16 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef float unaligned_lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

// What is read outside the image.
static const float zeros[LANES];

// The kernel rows [first, last) that lie inside the image at output row y.
#define KERNEL_ROWS(y, height)                                                     \
    size_t first = (y) < PADDING ? PADDING - (y) : 0;                              \
    size_t last = (height) + PADDING - (y) < KERNEL ? (height) + PADDING - (y) : KERNEL;

// LANES channels of one output row; all pointers at the first of these channels.
static inline __attribute__((always_inline)) void row_of_lanes(const float *restrict image, const float *restrict weight,
                                                               const float *restrict bias, float *restrict out,
                                                               size_t y, size_t height, size_t width, size_t channels) {
#pragma clang fp contract(fast)
    KERNEL_ROWS(y, height)
    for (size_t x0 = 0; x0 < width; x0 += PLACES) {
        lanes sums[PLACES];
        for (size_t p = 0; p < PLACES; p++) sums[p] = *(const unaligned_lanes *)bias;
        for (size_t ky = first; ky < last; ky++) {
            const float *row = image + (y + ky - PADDING) * width * channels;
            lanes w[KERNEL];
            for (size_t kx = 0; kx < KERNEL; kx++) {
                w[kx] = *(const unaligned_lanes *)(weight + (ky * KERNEL + kx) * channels);
            }
#pragma clang loop unroll(full)
            for (size_t i = 0; i < PLACES + KERNEL - 1; i++) {
                // Left of the image the difference wraps round to a huge number, which is outside as well.
                size_t x = x0 + i - PADDING;
                lanes value = *(const unaligned_lanes *)(x < width ? row + x * channels : zeros);
#pragma clang loop unroll(full)
                for (size_t p = 0; p < PLACES; p++) {
                    if (p <= i && i - p < KERNEL) sums[p] += value * w[i - p];
                }
            }
        }
        size_t count = width - x0 < PLACES ? width - x0 : PLACES;
        if (count == PLACES) {
#pragma clang loop unroll(full)
            for (size_t p = 0; p < PLACES; p++) *(unaligned_lanes *)(out + (x0 + p) * channels) = sums[p];
        } else {
            for (size_t p = 0; p < count; p++) memcpy(out + (x0 + p) * channels, &sums[p], sizeof(lanes));
        }
    }
}

// The same for the channels that fill no lanes.
static inline __attribute__((always_inline)) void row_of_channel(const float *restrict image,
                                                                 const float *restrict weight, float bias,
                                                                 float *restrict out, size_t y, size_t height,
                                                                 size_t width, size_t channels) {
#pragma clang fp contract(fast)
    KERNEL_ROWS(y, height)
    for (size_t x0 = 0; x0 < width; x0++) {
        float sum = bias;
        for (size_t ky = first; ky < last; ky++) {
            const float *row = image + (y + ky - PADDING) * width * channels;
            for (size_t kx = 0; kx < KERNEL; kx++) {
                size_t x = x0 + kx - PADDING;
                if (x < width) sum += row[x * channels] * weight[(ky * KERNEL + kx) * channels];
            }
        }
        out[x0 * channels] = sum;
    }
}

VLM_DISPATCH
void vlm_depthwise_convolution(const float *x, const float *weight, const float *bias, float *out, size_t batch,
                               size_t height, size_t width, size_t channels) {
    for (size_t b = 0; b < batch; b++) {
        const float *image = x + b * height * width * channels;
        for (size_t y = 0; y < height; y++, out += width * channels) {
            size_t c = 0;
            for (; c + LANES <= channels; c += LANES) {
                row_of_lanes(image + c, weight + c, bias + c, out + c, y, height, width, channels);
            }
            for (; c < channels; c++) {
                row_of_channel(image + c, weight + c, bias[c], out + c, y, height, width, channels);
            }
        }
    }
}
