#include "quantised_product.h"

#include <math.h>
#include <string.h>

#include "dispatch.h"
#include "panel_pack.h"

enum { MR = VLM_PANEL_ROWS, NR = VLM_PANEL_COLUMNS };

static size_t padded(size_t depth) { return (depth + 3) / 4 * 4; }

size_t vlm_quantised_weight_size(size_t columns, size_t depth) { return (columns + NR - 1) / NR * NR * padded(depth); }

size_t vlm_quantised_row_size(size_t rows, size_t depth) { return (rows + MR - 1) / MR * MR * padded(depth); }

size_t vlm_quantise_scratch_count(size_t depth) { return depth + MR * padded(depth) / sizeof(float); }

// The nearest whole number, ties to even, for |x| < 2^22.
VLM_INLINE int32_t nearest(float x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23
    return vlm_bits_from_float(x + magic) - vlm_bits_from_float(magic);
}

// Whether `place` is the next outlier; moves on if so.
static int is_outlier(const vlm_quantised_weight *weight, size_t *next, size_t place) {
    if (*next >= weight->outlier_count || (size_t)weight->outliers[*next] != place) return 0;
    (*next)++;
    return 1;
}

void vlm_quantise_weight(const float *weight, const vlm_quantised_weight *target) {
    size_t columns = target->columns, depth = target->depth;
    memset(target->packed, 0, vlm_quantised_weight_size(columns, depth));
    for (size_t c = 0; c < (columns + NR - 1) / NR * NR; c++) {
        target->scales[c] = 0;
        target->sums[c] = 0;
        int8_t *packed = target->packed + c / NR * NR * padded(depth) + c % NR * 4;
        float *side = target->side + c / NR * NR * target->outlier_count + c % NR;
        if (c >= columns) {
            for (size_t o = 0; o < target->outlier_count; o++) side[o * NR] = 0;
            continue;
        }
        const float *w = weight + c * depth;
        float largest = 0;
        size_t next = 0;
        for (size_t p = 0; p < depth; p++) {
            if (is_outlier(target, &next, p)) continue;
            largest = fabsf(w[p]) > largest ? fabsf(w[p]) : largest;
        }
        float scale = largest / 127.0f;
        if (!(scale > 1e-30f)) scale = 0;
        float inverse = scale > 0 ? 1.0f / scale : 0;
        target->scales[c] = scale;
        next = 0;
        for (size_t p = 0; p < depth; p++) {
            if (is_outlier(target, &next, p)) continue;
            int32_t value = nearest(w[p] * inverse);
            value = value > 127 ? 127 : value < -127 ? -127 : value;
            packed[p / 4 * 4 * NR + p % 4] = (int8_t)value;
            target->sums[c] += value;
        }
        for (size_t o = 0; o < target->outlier_count; o++) side[o * NR] = w[target->outliers[o]];
    }
}

// One row without outliers to `depth` bytes; the row's scale and zero.
VLM_DISPATCH
static void quantise_row(const float *restrict x, size_t depth, uint8_t *restrict bytes, float *scale, int32_t *zero) {
    float lows[16] = {0}, highs[16] = {0};
    int32_t bad = 0;
    size_t p = 0;
    for (; p + 16 <= depth; p += 16) {
        for (int lane = 0; lane < 16; lane++) {
            float value = x[p + lane];
            lows[lane] = value < lows[lane] ? value : lows[lane];
            highs[lane] = value > highs[lane] ? value : highs[lane];
            bad |= (vlm_bits_from_float(value) & 0x7f800000) == 0x7f800000;
        }
    }
    for (int lane = 0; p < depth; p++, lane++) {
        lows[lane] = x[p] < lows[lane] ? x[p] : lows[lane];
        highs[lane] = x[p] > highs[lane] ? x[p] : highs[lane];
        bad |= (vlm_bits_from_float(x[p]) & 0x7f800000) == 0x7f800000;
    }
    float low = 0, high = 0;
    for (int lane = 0; lane < 16; lane++) {
        low = lows[lane] < low ? lows[lane] : low;
        high = highs[lane] > high ? highs[lane] : high;
    }
    float step = (high - low) / 255.0f;
    if (!(step > 1e-30f)) step = 0;
    float inverse = step > 0 ? 1.0f / step : 0;
    int32_t origin = nearest(-low * inverse);
    *scale = bad ? NAN : step;
    *zero = origin;
    for (p = 0; p < depth; p++) {
        int32_t value = nearest(x[p] * inverse) + origin;
        value = value > 255 ? 255 : value;
        bytes[p] = (uint8_t)(value < 0 ? 0 : value);
    }
}

void vlm_quantise_rows(const float *x, const vlm_quantised_weight *weight, const vlm_quantised_rows *target,
                       float *scratch) {
    size_t depth = weight->depth, width = padded(depth), outliers = weight->outlier_count;
    float *row = scratch;
    uint8_t *bytes = (uint8_t *)(scratch + depth);
    memset(bytes, 0, MR * width);
    for (size_t first = 0; first < target->rows; first += MR) {
        for (size_t r = 0; r < MR; r++) {
            float *scale = target->scales + first + r;
            int32_t *zero = target->zeros + first + r;
            float *side = target->side + first * outliers + r;
            if (first + r >= target->rows) {
                memset(bytes + r * width, 0, width);
                *scale = 0;
                *zero = 0;
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
            quantise_row(source, depth, bytes + r * width, scale, zero);
        }
        vlm_unit *panel = (vlm_unit *)(target->packed + first * width);
        for (size_t r = 0; r < MR; r += 4) {
            vlm_pack_four_rows((const vlm_unit *)(bytes + r * width), width / 4, width / 4, panel + r, MR);
        }
    }
}

void vlm_pack_patches(const uint8_t *pixels, size_t size, size_t patch, const vlm_quantised_rows *target, float *scratch) {
    size_t grid = size / patch, run = patch * 3, width = padded(run * patch);
    uint8_t *bytes = (uint8_t *)scratch;
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
        vlm_unit *panel = (vlm_unit *)(target->packed + first * width);
        for (size_t r = 0; r < MR; r += 4) {
            vlm_pack_four_rows((const vlm_unit *)(bytes + r * width), width / 4, width / 4, panel + r, MR);
        }
    }
}
