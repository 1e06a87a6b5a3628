// One IEEE binary16 value as binary32, exactly; private to this target.
#ifndef VLMPIPE_HALF_H
#define VLMPIPE_HALF_H

#include <stdint.h>

#include "elementary.h"

// A signalling NaN becomes quiet.
VLM_INLINE float vlm_widen_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 31u;
    uint32_t fraction = half & 1023u;
    if (exponent == 31) {
        uint32_t quiet = fraction ? 0x00400000u : 0;
        return vlm_float_from_bits((int32_t)(sign | 0x7F800000u | (fraction << 13) | quiet));
    }
    if (exponent == 0) {
        // Subnormal or zero: fraction times 2^-24, exact in binary32.
        return vlm_float_from_bits((int32_t)sign | vlm_bits_from_float((float)fraction * 0x1p-24f));
    }
    return vlm_float_from_bits((int32_t)(sign | ((exponent + 112u) << 23) | (fraction << 13)));
}

#endif
