// Depthwise convolution over images of height, width, channels.
#ifndef VLMPIPE_DEPTHWISE_H
#define VLMPIPE_DEPTHWISE_H

#include <stddef.h>

enum { VLM_DEPTHWISE_KERNEL = 7 };

// out[b, y, x, c] = bias[c] + sum over ky, kx of weight[ky, kx, c] * x[b, y + ky - 3, x + kx - 3, c], 0 outside the
// image: a 7 x 7 kernel per channel, stride 1, as many places out as in. weight [7, 7, channels], bias [channels].
void vlm_depthwise_convolution(const float *x, const float *weight, const float *bias, float *out, size_t batch,
                               size_t height, size_t width, size_t channels);

#endif
