#include "index_codes.h"

#include "dispatch.h"
#include "wide.h"

#include <string.h>

// One butterfly of `length` consecutive pairs: (a, b) -> (a + b, a - b).
static inline void butterfly(float *restrict a, float *restrict b, size_t length) {
    for (size_t i = 0; i < length; i++) {
        float left = a[i];
        float right = b[i];
        a[i] = left + right;
        b[i] = left - right;
    }
}

// The orthonormal Hadamard transform of `power` elements, which is its own inverse.
static inline __attribute__((always_inline)) void hadamard(float *part, size_t power) {
    for (size_t i = 0; i < power; i += 16) {
        float *x = part + i;
        for (int j = 0; j < 16; j += 2) butterfly(x + j, x + j + 1, 1);
        for (int j = 0; j < 16; j += 4) butterfly(x + j, x + j + 2, 2);
        for (int j = 0; j < 16; j += 8) butterfly(x + j, x + j + 4, 4);
        butterfly(x, x + 8, 8);
    }
    for (size_t length = 16; length < power; length *= 2) {
        for (size_t i = 0; i < power; i += 2 * length) butterfly(part + i, part + i + length, length);
    }
    // 1 / sqrt(power) by exact halvings and at most one rounded factor.
    float scale = 1;
    for (size_t p = power; p > 1; p /= 4) scale *= p == 2 ? 0.70710678118654752440f : 0.5f;
    for (size_t i = 0; i < power; i++) part[i] *= scale;
}

// 45-degree rotations between the halves, their own inverse too.
static inline __attribute__((always_inline)) void mix_halves(float *vector, size_t dimension) {
    butterfly(vector, vector + dimension / 2, dimension / 2);
    for (size_t i = 0; i < dimension; i++) vector[i] *= 0.70710678118654752440f;
}

static inline size_t power_within(size_t dimension) {
    size_t power = 64;
    while (power * 2 <= dimension) power *= 2;
    return power;
}

VLM_DISPATCH void vlm_rotate(float *vector, size_t dimension, const float *signs) {
    size_t power = power_within(dimension);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < dimension; i++) vector[i] *= signs[round * dimension + i];
        hadamard(round % 2 == 0 ? vector : vector + (dimension - power), power);
        if (power < dimension) mix_halves(vector, dimension);
    }
}

VLM_DISPATCH void vlm_rotate_back(float *vector, size_t dimension, const float *signs) {
    size_t power = power_within(dimension);
    for (int round = 3; round >= 0; round--) {
        if (power < dimension) mix_halves(vector, dimension);
        hadamard(round % 2 == 0 ? vector : vector + (dimension - power), power);
        for (size_t i = 0; i < dimension; i++) vector[i] *= signs[round * dimension + i];
    }
}

// Sums of numbers of all elements times their directions.
typedef struct {
    vlm_wide parts[VLM_DIRECTIONS / VLM_LANES];
} along;

static inline __attribute__((always_inline)) void add_along(along *sums, const float *directions, float value) {
    for (int part = 0; part < VLM_DIRECTIONS / VLM_LANES; part++) {
        sums->parts[part] += value * *(const vlm_wide *)(directions + part * VLM_LANES);
    }
}

static inline __attribute__((always_inline)) float lane_sum(const vlm_wide *lanes) {
    typedef float eight __attribute__((vector_size(32)));
    typedef float four __attribute__((vector_size(16)));
    vlm_wide x = *lanes;
    eight a = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7)
            + __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    four b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

static inline __attribute__((always_inline)) float product_along(const along *sums, const float *directions) {
    vlm_wide product = {0};
    for (int part = 0; part < VLM_DIRECTIONS / VLM_LANES; part++) {
        product += sums->parts[part] * *(const vlm_wide *)(directions + part * VLM_LANES);
    }
    return lane_sum(&product);
}

static inline double product_of(const along *a, const along *b) {
    double sum = 0;
    for (int part = 0; part < VLM_DIRECTIONS / VLM_LANES; part++) {
        for (int i = 0; i < VLM_LANES; i++) sum += (double)a->parts[part][i] * (double)b->parts[part][i];
    }
    return sum;
}

// Moves the readings of elements whose error is above `tolerance` steps by one step wherever that shortens
// |error|^2 + |directions^T error|^2. A step is one of the upper halves of codes, or one of the lower within the same upper.
static inline __attribute__((always_inline)) void move_readings(
    const vlm_directions *directions, size_t dimension, float tolerance, int is_upper, float *restrict errors,
    uint32_t *restrict places, uint8_t *restrict codes, along *restrict sums) {
    size_t count = 0;
    for (size_t i = 0; i < dimension; i++) {
        places[count] = (uint32_t)i;
        count += __builtin_fabsf(errors[i]) > tolerance;
    }
    for (size_t n = 0; n < count; n++) {
        size_t i = places[n];
        float error = errors[i];
        float step = error >= 0 ? 1.0f : -1.0f;
        const float *row = directions->elements + i * VLM_DIRECTIONS;
        float change = 1 - 2 * __builtin_fabsf(error) + directions->norms[i] - 2 * step * product_along(sums, row);
        int last = error >= 0 ? 15 : 0;
        int digit = is_upper ? codes[i] >> 4 : codes[i] & 15;
        if (!(change < 0) || digit == last) continue;
        int moved = digit + (int)step;
        // Signs are chosen before.
        if (is_upper && (digit ^ moved) & 8) continue;
        // The nearest code with this upper half.
        codes[i] = (uint8_t)(is_upper ? moved << 4 | (15 - last) : (codes[i] & 0xF0) | moved);
        errors[i] = error - step;
        add_along(sums, row, -step);
    }
}

// The codes of a row as they are nearest to it, element by element.
static inline __attribute__((always_inline)) void nearest_codes(
    const float *restrict residual, size_t dimension, float scale, uint8_t *restrict codes) {
    for (size_t i = 0; i < dimension; i++) {
        float size = __builtin_fabsf(residual[i]) * scale;
        int magnitude = size < 127.0f ? (int)size : 127;
        codes[i] = (uint8_t)(residual[i] >= 0 ? 128 + magnitude : 127 - magnitude);
    }
}

// Turns the signs of elements near 0, in the same way: the reading of an element is +1 or -1, a step their mean size.
static inline __attribute__((always_inline)) void turn_signs(
    const float *restrict residual, size_t dimension, float scale, const vlm_directions *directions,
    float *restrict errors, uint32_t *restrict places, uint8_t *restrict codes) {
    float reach = directions->sign_reach;
    if (!(reach > 0)) return;
    vlm_wide sizes = {0};
    for (size_t i = 0; i < dimension; i += VLM_LANES) {
        sizes += __builtin_elementwise_abs(*(const vlm_wide *)(residual + i));
    }
    float step = (float)dimension / (lane_sum(&sizes) * scale);
    along sums = {0};
    size_t count = 0;
    for (size_t i = 0; i < dimension; i++) {
        errors[i] = residual[i] * scale * step - (codes[i] >> 7 ? 1.0f : -1.0f);
        add_along(&sums, directions->elements + i * VLM_DIRECTIONS, errors[i]);
        places[count] = (uint32_t)i;
        count += __builtin_fabsf(residual[i]) * scale < reach;
    }
    for (size_t n = 0; n < count; n++) {
        size_t i = places[n];
        float turn = codes[i] >> 7 ? 2.0f : -2.0f;
        const float *row = directions->elements + i * VLM_DIRECTIONS;
        float change = 4 * __builtin_fabsf(residual[i]) * scale * step + 4 * directions->norms[i]
            + 2 * turn * product_along(&sums, row);
        if (!(change < 0)) continue;
        codes[i] = codes[i] >> 7 ? 127 : 128;
        add_along(&sums, row, turn);
    }
}

// Moves codes from the nearest ones to those whose scores are nearest: signs, then upper halves, then lower ones.
static inline __attribute__((always_inline)) void weigh_codes(
    const float *restrict residual, size_t dimension, float scale, const vlm_directions *directions, vlm_code_form form,
    float *restrict errors, uint32_t *restrict places, uint8_t *restrict codes) {
    turn_signs(residual, dimension, scale, directions, errors, places, codes);
    along sums = {0};
    for (size_t i = 0; i < dimension; i++) {
        errors[i] = residual[i] * scale * 0.0625f - ((float)(codes[i] >> 4) - 7.5f);
        add_along(&sums, directions->elements + i * VLM_DIRECTIONS, errors[i]);
    }
    if (form == VLM_UPPER_CODES) {
        move_readings(directions, dimension, 0.3f, 1, errors, places, codes, &sums);
        move_readings(directions, dimension, 0, 1, errors, places, codes, &sums);
        return;
    }
    move_readings(directions, dimension, 0.5f - directions->upper_reach * 0.025f, 1, errors, places, codes, &sums);
    move_readings(directions, dimension, 0.5f - directions->upper_reach * 0.0625f, 1, errors, places, codes, &sums);
    if (form == VLM_NEAREST_CODES) return;
    sums = (along){0};
    for (size_t i = 0; i < dimension; i++) {
        errors[i] = residual[i] * scale - ((float)codes[i] - 127.5f);
        add_along(&sums, directions->elements + i * VLM_DIRECTIONS, errors[i]);
    }
    move_readings(directions, dimension, 0.3f, 0, errors, places, codes, &sums);
    move_readings(directions, dimension, 0, 0, errors, places, codes, &sums);
}

VLM_DISPATCH void vlm_encode_row(const float *restrict residual, size_t dimension, float scale,
                                 const vlm_directions *directions, vlm_code_form form, void *restrict scratch,
                                 uint8_t *restrict signs, uint8_t *restrict high, uint8_t *restrict low,
                                 vlm_code_sums *restrict sums) {
    size_t half = dimension / 2;
    float *errors = scratch;
    uint32_t *places = (uint32_t *)(errors + dimension);
    uint8_t *codes = (uint8_t *)(places + dimension);
    nearest_codes(residual, dimension, scale, codes);
    if (directions) weigh_codes(residual, dimension, scale, directions, form, errors, places, codes);
    // Eight partial sums for each of six sums: the order is fixed by the code, not by the vector width.
    double squared[8] = {0}, absolute[8] = {0}, product8[8] = {0}, norm8[8] = {0}, product4[8] = {0}, norm4[8] = {0};
    for (size_t start = 0; start < dimension; start += 8) {
        const uint8_t *code = codes + start;
        for (int i = 0; i < 8; i++) {
            double value = residual[start + i], v = code[i] - 127.5, w = (code[i] >> 4) - 7.5;
            squared[i] += value * value;
            absolute[i] += code[i] >> 7 ? value : -value;
            product8[i] += value * v;
            norm8[i] += v * v;
            product4[i] += value * w;
            norm4[i] += w * w;
        }
        uint8_t bits = 0;
        for (int i = 0; i < 8; i++) bits |= (uint8_t)((code[i] >> 7) << i);
        signs[start / 8] = bits;
        if (start < half) {
            for (int i = 0; i < 8; i++) {
                high[start + i] = code[i] >> 4;
                low[start + i] = code[i] & 15;
            }
        } else {
            for (int i = 0; i < 8; i++) {
                high[start - half + i] |= (uint8_t)(code[i] & 0xF0);
                low[start - half + i] |= (uint8_t)(code[i] << 4);
            }
        }
    }
#define TOTAL(s) (((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])))
    sums->squared = TOTAL(squared);
    sums->absolute = TOTAL(absolute);
    sums->product8 = TOTAL(product8);
    sums->norm8 = TOTAL(norm8);
    sums->product4 = TOTAL(product4);
    sums->norm4 = TOTAL(norm4);
#undef TOTAL
    sums->along8 = sums->along_norm8 = sums->along4 = sums->along_norm4 = 0;
    if (!directions) return;
    along values = {0}, whole = {0}, upper = {0};
    for (size_t i = 0; i < dimension; i++) {
        const float *row = directions->elements + i * VLM_DIRECTIONS;
        add_along(&values, row, residual[i]);
        add_along(&whole, row, (float)codes[i] - 127.5f);
        add_along(&upper, row, (float)(codes[i] >> 4) - 7.5f);
    }
    if (form == VLM_WEIGHED_CODES) {
        sums->along8 = product_of(&values, &whole);
        sums->along_norm8 = product_of(&whole, &whole);
    }
    sums->along4 = product_of(&values, &upper);
    sums->along_norm4 = product_of(&upper, &upper);
}

VLM_DISPATCH void vlm_code_norms(const uint8_t *restrict high, const uint8_t *restrict low, size_t dimension,
                                 double *restrict norm8, double *restrict norm4) {
    // Sums of u, u^2, (u >> 4) and (u >> 4)^2 fit 32 bits up to 65,536 elements.
    uint32_t sum8 = 0, square8 = 0, sum4 = 0, square4 = 0;
    for (size_t j = 0; j < dimension / 2; j++) {
        uint32_t upper[2] = {high[j] & 15u, high[j] >> 4};
        uint32_t bits = low ? low[j] : 0;
        uint32_t codes[2] = {upper[0] << 4 | (bits & 15u), upper[1] << 4 | bits >> 4};
        for (int i = 0; i < 2; i++) {
            sum8 += codes[i];
            square8 += codes[i] * codes[i];
            sum4 += upper[i];
            square4 += upper[i] * upper[i];
        }
    }
    // All terms are multiples of a quarter below 2^33: nothing is rounded.
    *norm8 = low ? (double)square8 - 255.0 * sum8 + 127.5 * 127.5 * (double)dimension : 0;
    *norm4 = (double)square4 - 15.0 * sum4 + 7.5 * 7.5 * (double)dimension;
}

VLM_DISPATCH void vlm_moment_product(const float *restrict rows, size_t row_count, size_t dimension,
                                     const float *restrict basis, float *restrict product) {
    enum { PARTS = VLM_BASIS / VLM_LANES };
    for (size_t row = 0; row < row_count; row++) {
        const float *values = rows + row * dimension;
        vlm_wide sums[PARTS] = {0};
        for (size_t i = 0; i < dimension; i++) {
            for (int part = 0; part < PARTS; part++) {
                sums[part] += values[i] * *(const vlm_wide *)(basis + i * VLM_BASIS + part * VLM_LANES);
            }
        }
        for (size_t i = 0; i < dimension; i++) {
            for (int part = 0; part < PARTS; part++) {
                *(vlm_wide *)(product + i * VLM_BASIS + part * VLM_LANES) += values[i] * sums[part];
            }
        }
    }
}
