// Exponential and normal distribution as branch-free inline code that vectorises; private to this target.
#ifndef VLMPIPE_ELEMENTARY_H
#define VLMPIPE_ELEMENTARY_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VLM_INLINE static inline __attribute__((always_inline))

VLM_INLINE float vlm_float_from_bits(int32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

VLM_INLINE int32_t vlm_bits_from_float(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// exp(high + low) for |low| much smaller than 1, relative error below 3e-7.
// high + low >= 88.02 saturates at e^88.02 (2^127 is the largest scale this form can build); below -87.33, where
// results would be subnormal, the result is exactly 0; NaN stays NaN.
// Method: n = round(x / ln 2), r = x - n ln 2 in two parts (Cody and Waite), the minimax polynomial of Cephes expf,
// times 2^n.
VLM_INLINE float vlm_exp_sum(float high, float low) {
#pragma clang fp contract(fast) reassociate(off)
    const float round_magic = 12582912.0f;  // 1.5 * 2^23: adding it leaves the integer in the low mantissa bits
    float x = high > 88.02f ? 88.02f : high;
    int is_zero = x < -87.33f;
    x = is_zero ? 0.0f : x;
    float shifted = x * 1.44269504088896341f + round_magic;
    float n = shifted - round_magic;
    int32_t exponent = vlm_bits_from_float(shifted) - vlm_bits_from_float(round_magic);
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    r = r + low;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    float result = p * vlm_float_from_bits((exponent + 127) << 23);
    return is_zero ? 0.0f : result;
}

VLM_INLINE float vlm_exp(float x) { return vlm_exp_sum(x, 0.0f); }

// 2^x for x <= 0, relative error below 2e-7; below -126 it stays 2^-126, NaN becomes some number.
// Method: n = round(x), 2^(x - n) by a polynomial fitted on -0.5...0.5 to 9.2e-8 relative, n added to its exponent.
VLM_INLINE float vlm_exp2_nonpositive(float x) {
#pragma clang fp contract(fast) reassociate(off)
    const float round_magic = 12582912.0f;  // 1.5 * 2^23
    x = -126.0f > x ? -126.0f : x;
    float shifted = x + round_magic;
    float r = x - (shifted - round_magic);
    float p = 1.326472707e-3f;
    p = p * r + 9.671512649e-3f;
    p = p * r + 5.550733744e-2f;
    p = p * r + 2.402224209e-1f;
    p = p * r + 6.931469776e-1f;
    p = p * r + 1.0f;
    return vlm_float_from_bits((int32_t)((uint32_t)vlm_bits_from_float(p) + ((uint32_t)vlm_bits_from_float(shifted) << 23)));
}

// The standard normal distribution function at x, and exp(-x^2/2) for its density, both to about 6e-7 relative (also
// in the left tail, down to x = -13.2 where the true value leaves the normal floats and 0 is returned).
// Phi(-a) = exp(-a^2/2) g(a) for a >= 0; g is a polynomial in t = 1/(1 + 0.3 a), fitted on 0...14 to 5.8e-8 relative.
// a^2 is split into an exact square and a small rest, since the rounding of a^2 alone would cost 1e-6 in the tail.
VLM_INLINE float vlm_normal_cdf(float x, float *gaussian) {
#pragma clang fp contract(fast) reassociate(off)
    float a = fabsf(x);
    a = a > 14.0f ? 14.0f : a;
    float a_high = vlm_float_from_bits(vlm_bits_from_float(a) & (int32_t)0xfffff000);
    float rest = -0.5f * ((a - a_high) * (a + a_high));
    float e = vlm_exp_sum(-0.5f * (a_high * a_high), rest);
    float t = 1.0f / (1.0f + 0.3f * a);
    float g = 3.837828955e-02f;
    g = g * t + -1.691661115e-01f;
    g = g * t + 2.286600809e-01f;
    g = g * t + -7.650647738e-02f;
    g = g * t + 1.425355244e-01f;
    g = g * t + 9.468352296e-02f;
    g = g * t + 1.219203422e-01f;
    g = g * t + 1.194876889e-01f;
    g = g * t + 7.168875984e-06f;
    float tail = e * g;
    *gaussian = e;
    return x < 0.0f ? tail : 1.0f - tail;
}

// The largest of count values, -inf for none. Sixteen lanes, since a plain maximum loop does not vectorise (NaN rules).
VLM_INLINE float vlm_maximum(const float *x, size_t count) {
    float lanes[16], result = -INFINITY;
    for (int lane = 0; lane < 16; lane++) lanes[lane] = -INFINITY;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (int lane = 0; lane < 16; lane++) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
    for (int lane = 0; i < count; i++, lane++) lanes[lane] = x[i] > lanes[lane] ? x[i] : lanes[lane];
    for (int lane = 0; lane < 16; lane++) result = lanes[lane] > result ? lanes[lane] : result;
    return result;
}

#endif
