// Resampling along one axis: 8-bit channels in Pillow's fixed point (22 fraction bits, 32-bit sums), 16-bit grey in
// doubles; rounded and clamped.
#ifndef VLMPIPE_RESAMPLE_H
#define VLMPIPE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

// Fraction bits of a coefficient: 32 less 8 for the pixel and 2 for overshoot and sign.
#define VLM_RESAMPLE_FRACTION_BITS 22

// Every function reads, for output i, source elements starts[i] … starts[i] + tap_count - 1 weighted by
// coefficients[i * tap_count …]; the caller guarantees 0 <= starts[i] and starts[i] + tap_count <= number of source
// elements along the axis. Strides are in bytes. Source and target do not overlap.

// Target pixel (y, i) from source row y, for y in 0 ..< row_count. Fastest if tap_count is a multiple of 4.
void vlm_resample_columns_rgb8(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                               size_t row_count, size_t target_width, const int32_t *starts,
                               const int32_t *coefficients, size_t tap_count);
// The same of four channels.
void vlm_resample_columns_rgba8(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                                size_t row_count, size_t target_width, const int32_t *starts,
                                const int32_t *coefficients, size_t tap_count);

// Target row i from source rows, each of row_byte_count bytes.
void vlm_resample_rows_u8(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                          size_t row_byte_count, size_t target_height, const int32_t *starts,
                          const int32_t *coefficients, size_t tap_count);

// The same, one element after another: what those above are tested against.
void vlm_resample_columns_u8_plain(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                                   size_t row_count, size_t target_width, const int32_t *starts,
                                   const int32_t *coefficients, size_t tap_count, size_t channel_count);
void vlm_resample_rows_u8_plain(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                                size_t row_byte_count, size_t target_height, const int32_t *starts,
                                const int32_t *coefficients, size_t tap_count);

// 16-bit grey in the byte order of the machine, sums in tap order: a rare kind of picture, so there is one loop only.
// The buffers need no alignment.
void vlm_resample_columns_u16(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                              size_t row_count, size_t target_width, const int32_t *starts, const double *weights,
                              size_t tap_count);
void vlm_resample_rows_u16(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                           size_t column_count, size_t target_height, const int32_t *starts, const double *weights,
                           size_t tap_count);

#endif
