// Pixels to rows of numbers, and the rearrangements that turn convolutions into matrix products. Images are
// height, width, channels.
#ifndef VLMPIPE_CONVOLUTION_H
#define VLMPIPE_CONVOLUTION_H

#include <stddef.h>
#include <stdint.h>

// out[b, patch, (y, x, channel)] = pixel * scale[channel] + shift[channel] over the whole patches of square RGB images,
// patches in row order; pixels beyond the last whole patch are not read.
void vlm_patches_from_bytes(const uint8_t *pixels, float *out, size_t batch, size_t size, size_t patch,
                            const float scale[3], const float shift[3]);

// out[i] = pixels[i] * scale[i % 3] + shift[i % 3] for pixel_count RGB pixels.
void vlm_normalise_bytes(const uint8_t *pixels, float *out, size_t pixel_count, const float scale[3],
                         const float shift[3]);

// Output extent of a convolution; 0 when the kernel does not fit.
size_t vlm_convolution_extent(size_t extent, size_t kernel, size_t stride, size_t padding);

// out[b, oy, ox, (ky, kx, channel)] = x[b, oy * stride + ky - padding, ox * stride + kx - padding, channel], 0 outside.
void vlm_image_to_columns(const float *x, float *out, size_t batch, size_t height, size_t width, size_t channels,
                          size_t kernel, size_t stride, size_t padding);

// Some output rows of the above: row_count of them from first_row on, counted through the whole batch.
void vlm_image_rows_to_columns(const float *x, float *out, size_t first_row, size_t row_count, size_t height,
                               size_t width, size_t channels, size_t kernel, size_t stride, size_t padding);

// The transpose of vlm_image_to_columns: every element of columns is added to the place it was copied from.
void vlm_columns_to_image(const float *columns, float *x, size_t batch, size_t height, size_t width, size_t channels,
                          size_t kernel, size_t stride, size_t padding);

#endif
