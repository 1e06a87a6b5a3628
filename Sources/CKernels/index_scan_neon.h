#ifndef VLMPIPE_INDEX_SCAN_NEON_H
#define VLMPIPE_INDEX_SCAN_NEON_H

// The scans of index_scan.c with NEON, and with the dot products of ARMv8.2.

#include <arm_neon.h>
#include <sys/auxv.h>

#define VLM_SCAN_HAS_NEON 1

// A nibble times a signed byte is at most 15 * 128: eight such products fit 16 bits.
static inline int32_t nibble_dot_neon(const int8_t *query, const uint8_t *row, size_t dimension) {
    const uint8x16_t mask = vdupq_n_u8(15);
    size_t half = dimension / 2;
    int32x4_t total = vdupq_n_s32(0);
    for (size_t start = 0; start < half; start += 32) {
        int16x8_t sums = vdupq_n_s16(0);
        for (size_t j = start; j < start + 32; j += 16) {
            uint8x16_t bytes = vld1q_u8(row + j);
            int8x16_t low = vreinterpretq_s8_u8(vandq_u8(bytes, mask));
            int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
            int8x16_t first = vld1q_s8(query + j), second = vld1q_s8(query + half + j);
            sums = vmlal_s8(sums, vget_low_s8(low), vget_low_s8(first));
            sums = vmlal_high_s8(sums, low, first);
            sums = vmlal_s8(sums, vget_low_s8(high), vget_low_s8(second));
            sums = vmlal_high_s8(sums, high, second);
        }
        total = vpadalq_s16(total, sums);
    }
    return vaddvq_s32(total);
}

static void nibble_dots_neon(const int8_t *queries, size_t query_count, const uint8_t *rows, size_t row_count,
                             size_t dimension, int32_t *dots, size_t stride) {
    for (size_t r = 0; r < row_count; r++) {
        for (size_t q = 0; q < query_count; q++) {
            dots[q * stride + r] = nibble_dot_neon(queries + q * dimension, rows + r * (dimension / 2), dimension);
        }
    }
}

// One query with `ROWS` rows.
#define DEFINE_NIBBLE_DOTS(NAME, ROWS)                                                                                 \
    __attribute__((target("dotprod"))) static inline void NAME(const int8_t *query, const uint8_t *rows,               \
                                                               size_t dimension, int32_t *dots) {                      \
        const uint8x16_t mask = vdupq_n_u8(15);                                                                        \
        size_t half = dimension / 2;                                                                                   \
        int32x4_t sums[ROWS];                                                                                          \
        for (int r = 0; r < ROWS; r++) sums[r] = vdupq_n_s32(0);                                                       \
        for (size_t j = 0; j < half; j += 16) {                                                                        \
            int8x16_t first = vld1q_s8(query + j), second = vld1q_s8(query + half + j);                                \
            for (int r = 0; r < ROWS; r++) {                                                                           \
                uint8x16_t bytes = vld1q_u8(rows + (size_t)r * half + j);                                              \
                sums[r] = vdotq_s32(sums[r], vreinterpretq_s8_u8(vandq_u8(bytes, mask)), first);                       \
                sums[r] = vdotq_s32(sums[r], vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4)), second);                       \
            }                                                                                                          \
        }                                                                                                              \
        for (int r = 0; r < ROWS; r++) dots[r] = vaddvq_s32(sums[r]);                                                  \
    }

DEFINE_NIBBLE_DOTS(nibble_dots_1, 1)
DEFINE_NIBBLE_DOTS(nibble_dots_4, 4)

__attribute__((target("dotprod"))) static void nibble_dots_dot(const int8_t *queries, size_t query_count,
                                                               const uint8_t *rows, size_t row_count,
                                                               size_t dimension, int32_t *dots, size_t stride) {
    size_t half = dimension / 2;
    size_t r = 0;
    for (; r + 4 <= row_count; r += 4) {
        for (size_t q = 0; q < query_count; q++) {
            nibble_dots_4(queries + q * dimension, rows + r * half, dimension, dots + q * stride + r);
        }
    }
    for (; r < row_count; r++) {
        for (size_t q = 0; q < query_count; q++) {
            nibble_dots_1(queries + q * dimension, rows + r * half, dimension, dots + q * stride + r);
        }
    }
}

// The weighted count of differing bits in each byte, at most 8 * 7: plane b counts 2^b.
static inline uint8x16_t differing_bits(const uint8x16_t planes[VLM_SIGN_PLANES], uint8x16_t bits) {
    uint8x16_t sum = vcntq_u8(veorq_u8(bits, planes[VLM_SIGN_PLANES - 1]));
    for (int b = VLM_SIGN_PLANES - 2; b >= 0; b--) sum = vaddq_u8(vaddq_u8(sum, sum), vcntq_u8(veorq_u8(bits, planes[b])));
    return sum;
}

static void sign_dots_neon(const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t dimension,
                           int32_t *sums) {
    size_t width = dimension / 8, whole = width / 16 * 16;
    for (size_t r = 0; r < row_count; r++) {
        const uint8_t *row = rows + r * width;
        uint32x4_t total = vdupq_n_u32(0);
        uint8x16_t plane[VLM_SIGN_PLANES];
        for (size_t j = 0; j < whole; j += 16) {
            for (int b = 0; b < VLM_SIGN_PLANES; b++) plane[b] = vld1q_u8(planes + (size_t)b * width + j);
            total = vpadalq_u16(total, vpaddlq_u8(differing_bits(plane, vld1q_u8(row + j))));
        }
        if (whole < width) {
            // Eight bytes are left; the zeros beside them do not differ.
            for (int b = 0; b < VLM_SIGN_PLANES; b++) {
                plane[b] = vcombine_u8(vld1_u8(planes + (size_t)b * width + whole), vdup_n_u8(0));
            }
            uint8x16_t last = vcombine_u8(vld1_u8(row + whole), vdup_n_u8(0));
            total = vpadalq_u16(total, vpaddlq_u8(differing_bits(plane, last)));
        }
        sums[r] = LARGEST_LEVEL * (int32_t)dimension - 2 * (int32_t)vaddvq_u32(total);
    }
}

int vlm_scan_level(void) {
    // Bit 20 of the auxiliary vector's AT_HWCAP: dot products (HWCAP_ASIMDDP of the Linux kernel's ABI).
    return getauxval(AT_HWCAP) >> 20 & 1 ? VLM_SCAN_DOT : VLM_SCAN_NEON;
}

#endif
