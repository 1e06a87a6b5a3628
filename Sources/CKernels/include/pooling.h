// Pooling of images of height, width, channels, and the rectifier that convolutions end with.
#ifndef VLMPIPE_POOLING_H
#define VLMPIPE_POOLING_H

#include <stddef.h>

// out[b, oy, ox, channel] = mean of the size x size places from (oy * size, ox * size) on; places beyond the last whole
// square are not read.
void vlm_average_pool(const float *x, float *out, size_t batch, size_t height, size_t width, size_t channels,
                      size_t size);

// out = max(0, x + bias + residual), NaN kept; bias [cols] or residual [rows, cols] may be NULL (then 0). out may be x or
// residual.
void vlm_rectify(const float *x, const float *bias, const float *residual, float *out, size_t rows, size_t cols);

#endif
