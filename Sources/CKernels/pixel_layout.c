#include "pixel_layout.h"

#include <string.h>

#include "dispatch.h"

// In tiles, so that a quarter turn of a large picture stays in the cache.
static inline __attribute__((always_inline)) void rearrange(const uint8_t *source, ptrdiff_t origin, ptrdiff_t row_step,
                                                            ptrdiff_t column_step, uint8_t *target, size_t width,
                                                            size_t height, const size_t pixel_byte_count) {
    enum { TILE = 32 };
    for (size_t top = 0; top < height; top += TILE) {
        size_t bottom = top + TILE < height ? top + TILE : height;
        for (size_t left = 0; left < width; left += TILE) {
            size_t right = left + TILE < width ? left + TILE : width;
            for (size_t y = top; y < bottom; y++) {
                const uint8_t *from = source + origin + (ptrdiff_t)y * row_step + (ptrdiff_t)left * column_step;
                uint8_t *to = target + pixel_byte_count * (width * y + left);
                for (size_t x = left; x < right; x++, from += column_step, to += pixel_byte_count) {
                    memcpy(to, from, pixel_byte_count);
                }
            }
        }
    }
}

void vlm_rearrange_pixels(const uint8_t *source, ptrdiff_t origin, ptrdiff_t row_step, ptrdiff_t column_step,
                          uint8_t *target, size_t width, size_t height, size_t pixel_byte_count) {
    if (column_step == (ptrdiff_t)pixel_byte_count) {
        size_t row_byte_count = pixel_byte_count * width;
        for (size_t y = 0; y < height; y++) {
            memcpy(target + row_byte_count * y, source + origin + (ptrdiff_t)y * row_step, row_byte_count);
        }
        return;
    }
    switch (pixel_byte_count) {
    case 1:
        rearrange(source, origin, row_step, column_step, target, width, height, 1);
        break;
    case 2:
        rearrange(source, origin, row_step, column_step, target, width, height, 2);
        break;
    case 3:
        rearrange(source, origin, row_step, column_step, target, width, height, 3);
        break;
    default:
        rearrange(source, origin, row_step, column_step, target, width, height, 4);
        break;
    }
}

// left * right / 255, rounded, for factors up to 255.
static inline unsigned multiply_by_255th(unsigned left, unsigned right) {
    unsigned product = left * right + 128;
    return ((product >> 8) + product) >> 8;
}

VLM_DISPATCH
void vlm_premultiply_rgba8(const uint8_t *source, uint8_t *target, size_t pixel_count) {
    for (size_t i = 0; i < pixel_count; i++) {
        unsigned alpha = source[4 * i + 3];
        for (size_t channel = 0; channel < 3; channel++) {
            target[4 * i + channel] = (uint8_t)multiply_by_255th(source[4 * i + channel], alpha);
        }
        target[4 * i + 3] = (uint8_t)alpha;
    }
}

void vlm_unpremultiplied_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count) {
    for (size_t i = 0; i < pixel_count; i++) {
        unsigned alpha = source[4 * i + 3];
        for (size_t channel = 0; channel < 3; channel++) {
            unsigned color = source[4 * i + channel];
            if (alpha != 0 && alpha != 255) {
                color = 255 * color / alpha;
                if (color > 255) color = 255;
            }
            target[3 * i + channel] = (uint8_t)color;
        }
    }
}

void vlm_rgba8_to_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count) {
    for (size_t i = 0; i < pixel_count; i++) memcpy(target + 3 * i, source + 4 * i, 3);
}

VLM_DISPATCH
void vlm_cmyk8_to_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count) {
    for (size_t i = 0; i < pixel_count; i++) {
        unsigned white = 255u - source[4 * i + 3];
        for (size_t channel = 0; channel < 3; channel++) {
            unsigned ink = multiply_by_255th(source[4 * i + channel], white);
            target[3 * i + channel] = (uint8_t)(ink < white ? white - ink : 0);
        }
    }
}

void vlm_grey16_to_rgb8(const uint8_t *source, uint8_t *target, size_t pixel_count) {
    for (size_t i = 0; i < pixel_count; i++) {
        uint16_t value;
        memcpy(&value, source + 2 * i, sizeof value);
        memset(target + 3 * i, value > 255 ? 255 : value, 3);
    }
}

void vlm_index8_to_rgb8(const uint8_t *source, const uint8_t *palette, uint8_t *target, size_t pixel_count) {
    for (size_t i = 0; i < pixel_count; i++) memcpy(target + 3 * i, palette + 3 * (size_t)source[i], 3);
}
