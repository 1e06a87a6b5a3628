#include "quantised_product.h"

#include <math.h>
#include <string.h>

#include "dispatch.h"
#include "panel_pack.h"

enum { MR = VLM_PANEL_ROWS, NR = VLM_PANEL_COLUMNS };

static size_t padded(size_t depth) { return (depth + 3) / 4 * 4; }

static size_t unit_count(size_t depth, int has_words) { return has_words ? (depth + 1) / 2 : (depth + 3) / 4; }

size_t vlm_quantised_weight_size(size_t columns, size_t depth, int has_words) {
    return (columns + NR - 1) / NR * NR * unit_count(depth, has_words);
}

// Bytes that are taken as words fill whole units of bytes first.
size_t vlm_quantised_row_size(size_t rows, size_t depth) { return (rows + MR - 1) / MR * MR * (padded(depth) / 2); }

// A row of floats and twelve of bytes and of words each; or a panel of weights in words.
size_t vlm_quantised_scratch_count(size_t depth) { return NR * (padded(depth) / 2); }

int32_t vlm_word_limit(size_t depth) {
    float limit = floorf(sqrtf(2147483008.0f / (float)depth));
    return limit > 32767.0f ? 32767 : (int32_t)limit;
}

// The nearest whole number, ties to even, for |x| < 2^22.
VLM_INLINE int32_t nearest(float x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23
    return vlm_bits_from_float(x + magic) - vlm_bits_from_float(magic);
}

// The weights of one column without outliers as bytes, or as words, up to `limit`; the column's scale, and the sum of the numbers.
// `values` has room for `depth` of them.
VLM_DISPATCH
static float quantise_column(const float *restrict row, size_t depth, int32_t limit, int has_words,
                             int32_t *restrict values, void *restrict numbers, int32_t *sum) {
    int32_t largest = 0, total = 0;
    for (size_t p = 0; p < depth; p++) {
        // Of floats without a sign the bits are in the order of the values.
        int32_t bits = vlm_bits_from_float(row[p]) & 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    float scale = vlm_float_from_bits(largest) / (float)limit;
    if (!(scale > 1e-30f)) scale = 0;
    float inverse = scale > 0 ? 1.0f / scale : 0;
    for (size_t p = 0; p < depth; p++) {
        int32_t value = nearest(row[p] * inverse);
        value = value > limit ? limit : value;
        values[p] = value < -limit ? -limit : value;
        total += values[p];
    }
    int8_t *bytes = numbers;
    int16_t *words = numbers;
    if (has_words) {
        for (size_t p = 0; p < depth; p++) words[p] = (int16_t)values[p];
    } else {
        for (size_t p = 0; p < depth; p++) bytes[p] = (int8_t)values[p];
    }
    *sum = total;
    return scale;
}

void vlm_quantise_weight(vlm_weights weight, const vlm_quantised_weight *target, float *scratch) {
    size_t depth = target->depth, width = padded(depth), outliers = target->outlier_count;
    size_t units = unit_count(depth, target->has_words);
    int32_t limit = target->has_words ? vlm_word_limit(depth) : 127;
    float *row = scratch;
    int32_t *values = (int32_t *)(scratch + width);
    // Columns beyond the last, and what fills the last unit of a column, are zero.
    vlm_unit *numbers = (vlm_unit *)(scratch + 2 * width);
    memset(numbers, 0, 4 * units * sizeof(vlm_unit));
    for (size_t first = 0; first < (target->columns + NR - 1) / NR * NR; first += 4) {
        for (size_t c = first; c < first + 4; c++) {
            vlm_unit *column = numbers + (c - first) * units;
            float *side = target->side + c / NR * NR * outliers + c % NR;
            if (c >= target->columns) {
                target->scales[c] = 0;
                target->sums[c] = 0;
                for (size_t o = 0; o < outliers; o++) side[o * NR] = 0;
                memset(column, 0, units * sizeof(vlm_unit));
                continue;
            }
            vlm_widen_weights(vlm_weights_from(weight, c * depth), row, depth);
            for (size_t o = 0; o < outliers; o++) {
                side[o * NR] = row[target->outliers[o]];
                row[target->outliers[o]] = 0;
            }
            target->scales[c] =
                quantise_column(row, depth, limit, target->has_words, values, column, &target->sums[c]);
        }
        vlm_unit *packed = (vlm_unit *)target->packed + first / NR * NR * units + first % NR;
        vlm_pack_four_rows(numbers, units, units, packed, NR);
    }
}

// One row without outliers to `depth` bytes; the row's scale and zero.
VLM_DISPATCH
static void quantise_row(const float *restrict x, size_t depth, uint8_t *restrict bytes, float *scale, int32_t *zero) {
    // What is not finite times 0 is NaN, and so are sums with it.
    float lows[16] = {0}, highs[16] = {0}, zeros[16] = {0};
    size_t p = 0;
    for (; p + 16 <= depth; p += 16) {
        for (int lane = 0; lane < 16; lane++) {
            float value = x[p + lane];
            lows[lane] = value < lows[lane] ? value : lows[lane];
            highs[lane] = value > highs[lane] ? value : highs[lane];
            zeros[lane] += value * 0.0f;
        }
    }
    for (int lane = 0; p < depth; p++, lane++) {
        lows[lane] = x[p] < lows[lane] ? x[p] : lows[lane];
        highs[lane] = x[p] > highs[lane] ? x[p] : highs[lane];
        zeros[lane] += x[p] * 0.0f;
    }
    float low = 0, high = 0, sum = 0;
    for (int lane = 0; lane < 16; lane++) {
        sum += zeros[lane];
        low = lows[lane] < low ? lows[lane] : low;
        high = highs[lane] > high ? highs[lane] : high;
    }
    float step = (high - low) / 255.0f;
    if (!(step > 1e-30f)) step = 0;
    float inverse = step > 0 ? 1.0f / step : 0;
    int32_t origin = nearest(-low * inverse);
    *scale = sum == 0 ? step : NAN;
    *zero = origin;
    for (p = 0; p < depth; p++) {
        int32_t value = nearest(x[p] * inverse) + origin;
        value = value > 255 ? 255 : value;
        bytes[p] = (uint8_t)(value < 0 ? 0 : value);
    }
}

// The same to words of at most `limit`; returns the row's scale.
VLM_DISPATCH
static float quantise_row_in_words(const float *restrict x, size_t depth, int32_t limit, int16_t *restrict words) {
    int32_t largest = 0;
    for (size_t p = 0; p < depth; p++) {
        // Of floats without a sign the bits are in the order of the values, and what is not finite is largest.
        int32_t bits = vlm_bits_from_float(x[p]) & 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    float step = vlm_float_from_bits(largest) / (float)limit;
    if (!(step > 1e-30f)) step = 0;
    float inverse = step > 0 ? 1.0f / step : 0;
    for (size_t p = 0; p < depth; p++) {
        int32_t value = nearest(x[p] * inverse);
        value = value > limit ? limit : value;
        words[p] = (int16_t)(value < -limit ? -limit : value);
    }
    return largest >= 0x7f800000 ? NAN : step;
}

VLM_DISPATCH
static void widen(const uint8_t *restrict bytes, size_t count, int16_t *restrict words) {
    for (size_t p = 0; p < count; p++) words[p] = bytes[p];
}

// Rows of `width` units, side by side.
static void pack_units(const void *rows, size_t width, uint32_t *panel) {
    const vlm_unit *units = rows;
    for (size_t r = 0; r < MR; r += 4) vlm_pack_four_rows(units + r * width, width, width, (vlm_unit *)panel + r, MR);
}

// Twelve rows of `width` bytes, a multiple of 4, as bytes or as words; `words` has room for them.
static void pack_bytes(const uint8_t *bytes, size_t width, int16_t *words, uint32_t *packed, size_t first_row, int level) {
    if (level >= VLM_LEVEL_VNNI) {
        pack_units(bytes, width / 4, packed + first_row * (width / 4));
        return;
    }
    widen(bytes, MR * width, words);
    pack_units(words, width / 2, packed + first_row * (width / 2));
}

void vlm_quantise_rows(const float *x, const vlm_quantised_weight *weight, const vlm_quantised_rows *target,
                       float *scratch, int level) {
    size_t depth = weight->depth, width = padded(depth), outliers = weight->outlier_count;
    size_t word_width = unit_count(depth, 1) * 2;
    int32_t limit = vlm_word_limit(depth);
    float *row = scratch;
    uint8_t *bytes = (uint8_t *)(scratch + width);
    int16_t *words = (int16_t *)(bytes + MR * width);
    memset(bytes, 0, MR * width);
    memset(words, 0, MR * width * sizeof(int16_t));
    for (size_t first = 0; first < target->rows; first += MR) {
        for (size_t r = 0; r < MR; r++) {
            float *scale = target->scales + first + r;
            int32_t *zero = target->zeros + first + r;
            float *side = target->side + first * outliers + r;
            *zero = 0;
            if (first + r >= target->rows) {
                memset(bytes + r * width, 0, width);
                memset(words + r * word_width, 0, word_width * sizeof(int16_t));
                *scale = 0;
                for (size_t o = 0; o < outliers; o++) side[o * MR] = 0;
                continue;
            }
            const float *source = x + (first + r) * depth;
            if (outliers > 0) {
                memcpy(row, source, depth * sizeof(float));
                for (size_t o = 0; o < outliers; o++) {
                    side[o * MR] = row[weight->outliers[o]];
                    row[weight->outliers[o]] = 0;
                }
                source = row;
            }
            if (weight->has_words) *scale = quantise_row_in_words(source, depth, limit, words + r * word_width);
            else quantise_row(source, depth, bytes + r * width, scale, zero);
        }
        if (weight->has_words) pack_units(words, word_width / 2, target->packed + first * (word_width / 2));
        else pack_bytes(bytes, width, words, target->packed, first, level);
    }
}

void vlm_pack_patches(const uint8_t *pixels, size_t size, size_t patch, const vlm_quantised_rows *target,
                      float *scratch, int level) {
    size_t grid = size / patch, run = patch * 3, width = padded(run * patch);
    uint8_t *bytes = (uint8_t *)scratch;
    int16_t *words = (int16_t *)(bytes + MR * width);
    memset(bytes, 0, MR * width);
    for (size_t first = 0; first < target->rows; first += MR) {
        for (size_t r = 0; r < MR; r++) {
            target->scales[first + r] = first + r < target->rows ? 1 : 0;
            target->zeros[first + r] = VLM_PIXEL_ZERO;
            if (first + r >= target->rows) {
                memset(bytes + r * width, 0, width);
                continue;
            }
            size_t image = (first + r) / (grid * grid), place = (first + r) % (grid * grid);
            const uint8_t *source =
                pixels + ((image * size + place / grid * patch) * size + place % grid * patch) * 3;
            for (size_t y = 0; y < patch; y++) memcpy(bytes + r * width + y * run, source + y * size * 3, run);
        }
        pack_bytes(bytes, width, words, target->packed, first, level);
    }
}
