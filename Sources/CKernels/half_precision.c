#include "half_precision.h"

#include "dispatch.h"
#include "half.h"

#include <string.h>

static inline uint16_t narrow(float value) {
    uint32_t bits = (uint32_t)vlm_bits_from_float(value);
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) {
        return (uint16_t)(sign | 0x7E00u | ((magnitude >> 13) & 0x1FFu));
    }
    if (magnitude >= 0x477FF000u) {
        // 65,520 and more rounds to infinity.
        return (uint16_t)(sign | 0x7C00u);
    }
    if (magnitude < 0x38800000u) {
        // Below 2^-14: adding one half (0x3F000000, unit 2^-24 in its last place) rounds to the subnormal grid.
        float rounded = vlm_float_from_bits((int32_t)magnitude) + 0.5f;
        return (uint16_t)(sign | ((uint32_t)vlm_bits_from_float(rounded) - 0x3F000000u));
    }
    uint32_t odd = (magnitude >> 13) & 1u;
    return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xFFFu + odd) >> 13));
}

void vlm_f16_to_f32_plain(const uint16_t *source, float *destination, size_t count) {
    for (size_t i = 0; i < count; i++) destination[i] = vlm_widen_half(source[i]);
}

void vlm_f32_to_f16_plain(const float *source, uint16_t *destination, size_t count) {
    for (size_t i = 0; i < count; i++) destination[i] = narrow(source[i]);
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx,f16c"))) static void widen_f16c(const uint16_t *source, float *destination, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(destination + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(source + i))));
    }
    for (; i < count; i++) destination[i] = vlm_widen_half(source[i]);
}

__attribute__((target("avx,f16c"))) static void narrow_f16c(const float *source, uint16_t *destination, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(source + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm_storeu_si128((__m128i *)(destination + i), halves);
    }
    for (; i < count; i++) destination[i] = narrow(source[i]);
}

void vlm_f16_to_f32(const uint16_t *source, float *destination, size_t count) {
    if (__builtin_cpu_supports("f16c")) {
        widen_f16c(source, destination, count);
    } else {
        vlm_f16_to_f32_plain(source, destination, count);
    }
}

void vlm_f32_to_f16(const float *source, uint16_t *destination, size_t count) {
    if (__builtin_cpu_supports("f16c")) {
        narrow_f16c(source, destination, count);
    } else {
        vlm_f32_to_f16_plain(source, destination, count);
    }
}

#else

void vlm_f16_to_f32(const uint16_t *source, float *destination, size_t count) {
    vlm_f16_to_f32_plain(source, destination, count);
}

void vlm_f32_to_f16(const float *source, uint16_t *destination, size_t count) {
    vlm_f32_to_f16_plain(source, destination, count);
}

#endif

VLM_DISPATCH void vlm_bf16_to_f32(const uint16_t *restrict source, float *restrict destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)source[i] << 16;
        memcpy(destination + i, &bits, 4);
    }
}

VLM_DISPATCH void vlm_f32_to_bf16(const float *restrict source, uint16_t *restrict destination, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, source + i, 4);
        uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
        uint32_t quiet = (bits >> 16) | 0x40u;
        destination[i] = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
    }
}

VLM_DISPATCH void vlm_byte_split_16(const uint16_t *restrict source, uint8_t *restrict destination, size_t count) {
    uint8_t *restrict high = destination + count;
    for (size_t i = 0; i < count; i++) {
        destination[i] = (uint8_t)source[i];
        high[i] = (uint8_t)(source[i] >> 8);
    }
}

VLM_DISPATCH void vlm_byte_join_16(const uint8_t *restrict source, uint16_t *restrict destination, size_t count) {
    const uint8_t *restrict high = source + count;
    for (size_t i = 0; i < count; i++) destination[i] = (uint16_t)(source[i] | ((uint32_t)high[i] << 8));
}
