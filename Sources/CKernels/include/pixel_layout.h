// Pixels moved and converted one by one: rearrangement, alpha, ink, palettes, 16-bit grey. All as Pillow computes them.
#ifndef VLMPIPE_PIXEL_LAYOUT_H
#define VLMPIPE_PIXEL_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

// Target pixel (y, x) from the pixel at source + origin + y * row_step + x * column_step, all in bytes: with steps of
// either sign this is every crop, flip, quarter turn and transposition. Pixels are 1 to 4 bytes; target rows are tight.
void vlm_rearrange_pixels(const uint8_t *source, ptrdiff_t origin, ptrdiff_t row_step, ptrdiff_t column_step,
                          uint8_t *target, size_t width, size_t height, size_t pixel_byte_count);

// 8-bit RGBA: each colour c becomes c * alpha / 255, rounded. Source and target may be the same.
void vlm_premultiply_rgba8(const uint8_t *source, uint8_t *target, size_t pixel_count);

// Premultiplied 8-bit RGBA to RGB without alpha: 255 * c / alpha, fraction dropped, at most 255; where alpha is 0 or
// 255 the colour stays.
void vlm_unpremultiplied_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count);

// 8-bit RGBA to RGB: alpha is dropped.
void vlm_rgba8_to_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count);

// 8-bit ink amounts (255 is full ink) to RGB: max(0, w - c * w / 255), w = 255 - black.
void vlm_cmyk8_to_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count);

// 16-bit grey in the byte order of the machine to RGB: values over 255 are cut to 255.
void vlm_grey16_to_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count);

// Numbers of colours to RGB; `palette` has 256 colours of three bytes.
void vlm_index8_to_rgb8(const uint8_t *source, const uint8_t *palette, uint8_t *target, size_t pixel_count);

#endif
