#include "index_codes.h"

#include "dispatch.h"

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

VLM_DISPATCH void vlm_encode_row(const float *restrict residual, size_t dimension, float scale,
                                 uint8_t *restrict signs, uint8_t *restrict high, uint8_t *restrict low,
                                 vlm_code_sums *restrict sums) {
    size_t half = dimension / 2;
    // Eight partial sums for each of six sums: the order is fixed by the code, not by the vector width.
    double squared[8] = {0}, absolute[8] = {0}, product8[8] = {0}, norm8[8] = {0}, product4[8] = {0}, norm4[8] = {0};
    for (size_t start = 0; start < dimension; start += 8) {
        uint8_t codes[8];
        for (int i = 0; i < 8; i++) {
            float r = residual[start + i];
            float size = __builtin_fabsf(r) * scale;
            int magnitude = size < 127.0f ? (int)size : 127;
            int code = r >= 0 ? 128 + magnitude : 127 - magnitude;
            codes[i] = (uint8_t)code;
            double value = r, v = code - 127.5, w = (code >> 4) - 7.5;
            squared[i] += value * value;
            absolute[i] += __builtin_fabs(value);
            product8[i] += value * v;
            norm8[i] += v * v;
            product4[i] += value * w;
            norm4[i] += w * w;
        }
        uint8_t bits = 0;
        for (int i = 0; i < 8; i++) bits |= (uint8_t)((codes[i] >> 7) << i);
        signs[start / 8] = bits;
        if (start < half) {
            for (int i = 0; i < 8; i++) {
                high[start + i] = codes[i] >> 4;
                low[start + i] = codes[i] & 15;
            }
        } else {
            for (int i = 0; i < 8; i++) {
                high[start - half + i] |= (uint8_t)(codes[i] & 0xF0);
                low[start - half + i] |= (uint8_t)(codes[i] << 4);
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
