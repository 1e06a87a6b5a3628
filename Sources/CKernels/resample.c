#include "resample.h"

#include <string.h>

#include "dispatch.h"

// Vectors of fixed length; each clone lowers them to the registers it has.
typedef int32_t int32x16 __attribute__((vector_size(64)));
typedef int32_t int32x8 __attribute__((vector_size(32)));
typedef int32_t int32x4 __attribute__((vector_size(16)));
typedef uint8_t uint8x16 __attribute__((vector_size(16)));
typedef uint8_t uint8x4 __attribute__((vector_size(4)));

#define ROUNDING (1 << (VLM_RESAMPLE_FRACTION_BITS - 1))

static inline uint8_t finish(int32_t sum) {
    int32_t value = sum >> VLM_RESAMPLE_FRACTION_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

void vlm_resample_columns_u8_plain(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                                   size_t row_count, size_t target_width, const int32_t *starts,
                                   const int32_t *coefficients, size_t tap_count, size_t channel_count) {
    for (size_t y = 0; y < row_count; y++) {
        for (size_t i = 0; i < target_width; i++) {
            const uint8_t *first = source + y * source_stride + channel_count * (size_t)starts[i];
            for (size_t channel = 0; channel < channel_count; channel++) {
                int32_t sum = ROUNDING;
                for (size_t tap = 0; tap < tap_count; tap++) {
                    sum += first[channel_count * tap + channel] * coefficients[i * tap_count + tap];
                }
                target[y * target_stride + channel_count * i + channel] = finish(sum);
            }
        }
    }
}

void vlm_resample_rows_u8_plain(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                                size_t row_byte_count, size_t target_height, const int32_t *starts,
                                const int32_t *coefficients, size_t tap_count) {
    for (size_t i = 0; i < target_height; i++) {
        const uint8_t *first = source + (size_t)starts[i] * source_stride;
        for (size_t x = 0; x < row_byte_count; x++) {
            int32_t sum = ROUNDING;
            for (size_t tap = 0; tap < tap_count; tap++) {
                sum += first[tap * source_stride + x] * coefficients[i * tap_count + tap];
            }
            target[i * target_stride + x] = finish(sum);
        }
    }
}

// The weights of four taps, each repeated for the channels of its pixel.
static inline __attribute__((always_inline)) void spread(const int32_t *taps, int32x16 *weights, const int channels) {
    int32_t a = taps[0], b = taps[1], c = taps[2], d = taps[3];
    *weights = channels == 3 ? (int32x16){a, a, a, b, b, b, c, c, c, d, d, d, 0, 0, 0, 0}
                             : (int32x16){a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d};
}

// Adds four pixels, and nothing beyond them, times their weights. By address, since a vector argument of a function
// without the clone's registers has another calling convention.
static inline __attribute__((always_inline)) void accumulate(int32x16 *sum, const uint8_t *pixels,
                                                             const int32x16 *weights, const int channels) {
    uint8x16 bytes = {0};
    memcpy(&bytes, pixels, 4 * (size_t)channels);
    *sum += __builtin_convertvector(bytes, int32x16) * *weights;
}

// Lanes are the channels of pixel 0, of pixel 1, and so on; with three channels the last four lanes are unused.
static inline __attribute__((always_inline)) void store_pixel(const int32x16 *sums, uint8_t *target,
                                                              const int channels) {
    int32x4 value;
    if (channels == 3) {
        int32x8 pairs = __builtin_shufflevector(*sums, *sums, 0, 1, 2, 3, 4, 5, 12, 13) +
                        __builtin_shufflevector(*sums, *sums, 6, 7, 8, 9, 10, 11, 12, 13);
        value = __builtin_shufflevector(pairs, pairs, 0, 1, 2, 6) + __builtin_shufflevector(pairs, pairs, 3, 4, 5, 7);
    } else {
        int32x8 pairs = __builtin_shufflevector(*sums, *sums, 0, 1, 2, 3, 4, 5, 6, 7) +
                        __builtin_shufflevector(*sums, *sums, 8, 9, 10, 11, 12, 13, 14, 15);
        value = __builtin_shufflevector(pairs, pairs, 0, 1, 2, 3) + __builtin_shufflevector(pairs, pairs, 4, 5, 6, 7);
    }
    value = (value + ROUNDING) >> VLM_RESAMPLE_FRACTION_BITS;
    value = __builtin_elementwise_min(__builtin_elementwise_max(value, (int32x4){0}), (int32x4){255, 255, 255, 255});
    uint8x4 bytes = __builtin_convertvector(value, uint8x4);
    memcpy(target, &bytes, (size_t)channels);
}

// A vector holds four neighbouring pixels; four rows share each load of the coefficients.
static inline __attribute__((always_inline)) void resample_columns(
    const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride, size_t row_count,
    size_t target_width, const int32_t *starts, const int32_t *coefficients, size_t tap_count, const int channels) {
    if (tap_count % 4 != 0) {
        vlm_resample_columns_u8_plain(source, source_stride, target, target_stride, row_count, target_width, starts,
                                      coefficients, tap_count, (size_t)channels);
        return;
    }
    for (size_t y = 0; y < row_count; y += 4) {
        // A last group of fewer rows computes its last row again.
        size_t last = row_count - 1;
        size_t y1 = y + 1 < last ? y + 1 : last, y2 = y + 2 < last ? y + 2 : last, y3 = y + 3 < last ? y + 3 : last;
        const uint8_t *row0 = source + y * source_stride, *row1 = source + y1 * source_stride;
        const uint8_t *row2 = source + y2 * source_stride, *row3 = source + y3 * source_stride;
        for (size_t i = 0; i < target_width; i++) {
            size_t offset = (size_t)channels * (size_t)starts[i];
            const int32_t *taps = coefficients + i * tap_count;
            int32x16 sum0 = {0}, sum1 = {0}, sum2 = {0}, sum3 = {0};
            for (size_t tap = 0; tap < tap_count; tap += 4, offset += 4 * (size_t)channels) {
                int32x16 weights;
                spread(taps + tap, &weights, channels);
                accumulate(&sum0, row0 + offset, &weights, channels);
                accumulate(&sum1, row1 + offset, &weights, channels);
                accumulate(&sum2, row2 + offset, &weights, channels);
                accumulate(&sum3, row3 + offset, &weights, channels);
            }
            size_t at = (size_t)channels * i;
            store_pixel(&sum0, target + y * target_stride + at, channels);
            store_pixel(&sum1, target + y1 * target_stride + at, channels);
            store_pixel(&sum2, target + y2 * target_stride + at, channels);
            store_pixel(&sum3, target + y3 * target_stride + at, channels);
        }
    }
}

VLM_DISPATCH
void vlm_resample_columns_rgb8(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                               size_t row_count, size_t target_width, const int32_t *starts,
                               const int32_t *coefficients, size_t tap_count) {
    resample_columns(source, source_stride, target, target_stride, row_count, target_width, starts, coefficients,
                     tap_count, 3);
}

VLM_DISPATCH
void vlm_resample_columns_rgba8(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                                size_t row_count, size_t target_width, const int32_t *starts,
                                const int32_t *coefficients, size_t tap_count) {
    resample_columns(source, source_stride, target, target_stride, row_count, target_width, starts, coefficients,
                     tap_count, 4);
}

VLM_DISPATCH
void vlm_resample_rows_u8(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                          size_t row_byte_count, size_t target_height, const int32_t *starts,
                          const int32_t *coefficients, size_t tap_count) {
    enum { LANES = 16, BLOCK = 4 * LANES };
    for (size_t i = 0; i < target_height; i++) {
        const uint8_t *first = source + (size_t)starts[i] * source_stride;
        const int32_t *taps = coefficients + i * tap_count;
        uint8_t *row = target + i * target_stride;
        size_t x = 0;
        for (; x + BLOCK <= row_byte_count; x += BLOCK) {
            int32x16 sums[4];
            for (int part = 0; part < 4; part++) sums[part] = (int32x16){0} + ROUNDING;
            for (size_t tap = 0; tap < tap_count; tap++) {
                for (int part = 0; part < 4; part++) {
                    uint8x16 bytes;
                    memcpy(&bytes, first + tap * source_stride + x + part * LANES, LANES);
                    sums[part] += __builtin_convertvector(bytes, int32x16) * taps[tap];
                }
            }
            for (int part = 0; part < 4; part++) {
                int32x16 value = sums[part] >> VLM_RESAMPLE_FRACTION_BITS;
                value = __builtin_elementwise_min(__builtin_elementwise_max(value, (int32x16){0}), (int32x16){0} + 255);
                uint8x16 bytes = __builtin_convertvector(value, uint8x16);
                memcpy(row + x + part * LANES, &bytes, LANES);
            }
        }
        if (x < row_byte_count) {
            vlm_resample_rows_u8_plain(first + x, source_stride, row + x, target_stride, row_byte_count - x, 1,
                                       (const int32_t[]){0}, taps, tap_count);
        }
    }
}

static inline double load_u16(const uint8_t *source) {
    uint16_t value;
    memcpy(&value, source, sizeof value);
    return value;
}

static inline void store_u16(double sum, uint8_t *target) {
    double rounded = sum + 0.5;
    uint16_t value = rounded < 1 ? 0 : rounded >= 65535 ? 65535 : (uint16_t)rounded;
    memcpy(target, &value, sizeof value);
}

void vlm_resample_columns_u16(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                              size_t row_count, size_t target_width, const int32_t *starts, const double *weights,
                              size_t tap_count) {
    for (size_t y = 0; y < row_count; y++) {
        for (size_t i = 0; i < target_width; i++) {
            const uint8_t *first = source + y * source_stride + 2 * (size_t)starts[i];
            double sum = 0;
            for (size_t tap = 0; tap < tap_count; tap++) {
                sum += load_u16(first + 2 * tap) * weights[i * tap_count + tap];
            }
            store_u16(sum, target + y * target_stride + 2 * i);
        }
    }
}

void vlm_resample_rows_u16(const uint8_t *source, size_t source_stride, uint8_t *target, size_t target_stride,
                           size_t column_count, size_t target_height, const int32_t *starts, const double *weights,
                           size_t tap_count) {
    for (size_t i = 0; i < target_height; i++) {
        const uint8_t *first = source + (size_t)starts[i] * source_stride;
        for (size_t x = 0; x < column_count; x++) {
            double sum = 0;
            for (size_t tap = 0; tap < tap_count; tap++) {
                sum += load_u16(first + tap * source_stride + 2 * x) * weights[i * tap_count + tap];
            }
            store_u16(sum, target + i * target_stride + 2 * x);
        }
    }
}
