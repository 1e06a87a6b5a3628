#include "convolution.h"

#include <string.h>

#include "dispatch.h"

// Whole periods of three channels per iteration let the compiler keep scale and shift in registers.
#define NORMALISE_RUN(source, destination, pixel_count)                                   \
    for (size_t i = 0; i < (pixel_count); i++) {                                          \
        (destination)[3 * i + 0] = (float)(source)[3 * i + 0] * scale[0] + shift[0];      \
        (destination)[3 * i + 1] = (float)(source)[3 * i + 1] * scale[1] + shift[1];      \
        (destination)[3 * i + 2] = (float)(source)[3 * i + 2] * scale[2] + shift[2];      \
    }

VLM_DISPATCH
void vlm_patches_from_bytes(const uint8_t *restrict pixels, float *restrict out, size_t batch, size_t size,
                            size_t patch, const float scale[3], const float shift[3]) {
#pragma clang fp contract(fast)
    size_t grid = size / patch;
    for (size_t b = 0; b < batch; b++) {
        const uint8_t *image = pixels + b * size * size * 3;
        for (size_t gy = 0; gy < grid; gy++) {
            for (size_t gx = 0; gx < grid; gx++) {
                for (size_t y = 0; y < patch; y++) {
                    const uint8_t *source = image + ((gy * patch + y) * size + gx * patch) * 3;
                    NORMALISE_RUN(source, out, patch)
                    out += patch * 3;
                }
            }
        }
    }
}

VLM_DISPATCH
void vlm_normalise_bytes(const uint8_t *restrict pixels, float *restrict out, size_t pixel_count, const float scale[3],
                         const float shift[3]) {
#pragma clang fp contract(fast)
    NORMALISE_RUN(pixels, out, pixel_count)
}

size_t vlm_convolution_extent(size_t extent, size_t kernel, size_t stride, size_t padding) {
    return extent + 2 * padding < kernel ? 0 : (extent + 2 * padding - kernel) / stride + 1;
}

// The kernel rows and columns [begin, end) of an output place that lie inside the image along one axis.
static inline void inside(ptrdiff_t start, size_t extent, size_t kernel, size_t *begin, size_t *end) {
    ptrdiff_t last = (ptrdiff_t)extent - start;
    *begin = start < 0 ? (size_t)-start : 0;
    *end = last < 0 ? 0 : (size_t)last;
    if (*begin > kernel) *begin = kernel;
    if (*end > kernel) *end = kernel;
    if (*end < *begin) *end = *begin;
}

void vlm_image_rows_to_columns(const float *restrict x, float *restrict out, size_t first_row, size_t row_count,
                               size_t height, size_t width, size_t channels, size_t kernel, size_t stride,
                               size_t padding) {
    size_t rows = vlm_convolution_extent(height, kernel, stride, padding);
    size_t columns = vlm_convolution_extent(width, kernel, stride, padding);
    for (size_t row = first_row; row < first_row + row_count; row++) {
        const float *image = x + row / rows * height * width * channels;
        ptrdiff_t y0 = (ptrdiff_t)(row % rows * stride) - (ptrdiff_t)padding;
        for (size_t ox = 0; ox < columns; ox++) {
            ptrdiff_t x0 = (ptrdiff_t)(ox * stride) - (ptrdiff_t)padding;
            size_t first, last;
            inside(x0, width, kernel, &first, &last);
            for (size_t ky = 0; ky < kernel; ky++, out += kernel * channels) {
                ptrdiff_t y = y0 + (ptrdiff_t)ky;
                if (y < 0 || y >= (ptrdiff_t)height || first == last) {
                    memset(out, 0, kernel * channels * sizeof(float));
                    continue;
                }
                const float *source = image + ((size_t)y * width + (size_t)(x0 + (ptrdiff_t)first)) * channels;
                if (first > 0) memset(out, 0, first * channels * sizeof(float));
                memcpy(out + first * channels, source, (last - first) * channels * sizeof(float));
                if (last < kernel) memset(out + last * channels, 0, (kernel - last) * channels * sizeof(float));
            }
        }
    }
}

void vlm_image_to_columns(const float *x, float *out, size_t batch, size_t height, size_t width, size_t channels,
                          size_t kernel, size_t stride, size_t padding) {
    size_t rows = vlm_convolution_extent(height, kernel, stride, padding);
    vlm_image_rows_to_columns(x, out, 0, batch * rows, height, width, channels, kernel, stride, padding);
}

VLM_DISPATCH
void vlm_columns_to_image(const float *restrict columns_in, float *restrict x, size_t batch, size_t height,
                          size_t width, size_t channels, size_t kernel, size_t stride, size_t padding) {
    size_t rows = vlm_convolution_extent(height, kernel, stride, padding);
    size_t columns = vlm_convolution_extent(width, kernel, stride, padding);
    for (size_t b = 0; b < batch; b++) {
        float *image = x + b * height * width * channels;
        for (size_t oy = 0; oy < rows; oy++) {
            ptrdiff_t y0 = (ptrdiff_t)(oy * stride) - (ptrdiff_t)padding;
            for (size_t ox = 0; ox < columns; ox++) {
                ptrdiff_t x0 = (ptrdiff_t)(ox * stride) - (ptrdiff_t)padding;
                size_t first, last;
                inside(x0, width, kernel, &first, &last);
                for (size_t ky = 0; ky < kernel; ky++, columns_in += kernel * channels) {
                    ptrdiff_t y = y0 + (ptrdiff_t)ky;
                    if (y < 0 || y >= (ptrdiff_t)height || first == last) continue;
                    float *target = image + ((size_t)y * width + (size_t)(x0 + (ptrdiff_t)first)) * channels;
                    const float *source = columns_in + first * channels;
                    for (size_t i = 0; i < (last - first) * channels; i++) target[i] += source[i];
                }
            }
        }
    }
}
