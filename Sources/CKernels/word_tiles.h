// Register tiles of products of 16-bit integers, two of depth at a time; private to this target.
//
// out[r * out_stride + c] = the sum over pairs of a[pair * 12 + r] · b[pair * b_stride + c], each a pair of words in one unit, for the
// first `rows` of 12 and `columns`, a multiple of 16. Whoever calls keeps the sums within 32 bits.
#ifndef VLMPIPE_WORD_TILES_H
#define VLMPIPE_WORD_TILES_H

#include "panel_pack.h"
#include "wide.h"

#define WORD_TILES(name)                                                                                              \
    static void name(const vlm_unit *a, const vlm_unit *b, size_t b_stride, size_t rows, size_t columns, size_t pairs, \
                     int32_t *out, size_t out_stride)

__attribute__((noinline)) WORD_TILES(vlm_word_tiles_plain) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            int32_t sum = 0;
            for (size_t p = 0; p < pairs; p++) {
                vlm_unit x = a[p * VLM_PANEL_ROWS + r], y = b[p * b_stride + c];
                sum += (int16_t)x * (int16_t)y + (int16_t)(x >> 16) * (int16_t)(y >> 16);
            }
            out[r * out_stride + c] = sum;
        }
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VLM_VNNI __attribute__((target("arch=x86-64-v4,avx512vnni")))
#define VLM_AVX2 __attribute__((target("arch=x86-64-v3")))
#define VLM_UNROLLED _Pragma("clang loop unroll(full)")

// `mr` rows times `vectors` of 16 columns, both constant where this is inlined.
VLM_VNNI VLM_INLINE void vlm_word_tile_vnni(int mr, int vectors, const vlm_unit *a, const vlm_unit *b, size_t b_stride,
                                            size_t pairs, int32_t *out, size_t out_stride) {
    __m512i sums[VLM_PANEL_ROWS][2];
    VLM_UNROLLED for (int r = 0; r < mr; r++) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
    for (size_t p = 0; p < pairs; p++, a += VLM_PANEL_ROWS, b += b_stride) {
        __m512i y[2];
        VLM_UNROLLED for (int n = 0; n < vectors; n++) y[n] = _mm512_loadu_si512(b + n * VLM_LANES);
        VLM_UNROLLED for (int r = 0; r < mr; r++) {
            __m512i x = _mm512_set1_epi32((int32_t)a[r]);
            VLM_UNROLLED for (int n = 0; n < vectors; n++) sums[r][n] = _mm512_dpwssd_epi32(sums[r][n], x, y[n]);
        }
    }
    VLM_UNROLLED for (int r = 0; r < mr; r++) {
        VLM_UNROLLED for (int n = 0; n < vectors; n++)
            _mm512_storeu_si512(out + (size_t)r * out_stride + n * VLM_LANES, sums[r][n]);
    }
}

VLM_VNNI __attribute__((noinline)) WORD_TILES(vlm_word_tiles_vnni) {
    size_t c = 0;
    for (; c + 2 * VLM_LANES <= columns; c += 2 * VLM_LANES) {
        if (rows > 8) vlm_word_tile_vnni(12, 2, a, b + c, b_stride, pairs, out + c, out_stride);
        else if (rows > 4) vlm_word_tile_vnni(8, 2, a, b + c, b_stride, pairs, out + c, out_stride);
        else vlm_word_tile_vnni(4, 2, a, b + c, b_stride, pairs, out + c, out_stride);
    }
    if (c == columns) return;
    if (rows > 8) vlm_word_tile_vnni(12, 1, a, b + c, b_stride, pairs, out + c, out_stride);
    else if (rows > 4) vlm_word_tile_vnni(8, 1, a, b + c, b_stride, pairs, out + c, out_stride);
    else vlm_word_tile_vnni(4, 1, a, b + c, b_stride, pairs, out + c, out_stride);
}

// `mr` rows times 16 columns, constant where this is inlined.
VLM_AVX2 VLM_INLINE void vlm_word_tile_avx2(int mr, const vlm_unit *a, const vlm_unit *b, size_t b_stride, size_t pairs,
                                            int32_t *out, size_t out_stride) {
    __m256i sums[6][2];
    VLM_UNROLLED for (int r = 0; r < mr; r++) sums[r][0] = sums[r][1] = _mm256_setzero_si256();
    for (size_t p = 0; p < pairs; p++, a += VLM_PANEL_ROWS, b += b_stride) {
        __m256i y0 = _mm256_loadu_si256((const __m256i *)b), y1 = _mm256_loadu_si256((const __m256i *)(b + 8));
        VLM_UNROLLED for (int r = 0; r < mr; r++) {
            __m256i x = _mm256_set1_epi32((int32_t)a[r]);
            sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(x, y0));
            sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(x, y1));
        }
    }
    VLM_UNROLLED for (int r = 0; r < mr; r++) {
        _mm256_storeu_si256((__m256i *)(out + (size_t)r * out_stride), sums[r][0]);
        _mm256_storeu_si256((__m256i *)(out + (size_t)r * out_stride + 8), sums[r][1]);
    }
}

VLM_AVX2 __attribute__((noinline)) WORD_TILES(vlm_word_tiles_avx2) {
    for (size_t c = 0; c < columns; c += VLM_LANES) {
        size_t r = 0;
        for (; r + 3 < rows; r += 6)
            vlm_word_tile_avx2(6, a + r, b + c, b_stride, pairs, out + r * out_stride + c, out_stride);
        for (; r < rows; r += 3)
            vlm_word_tile_avx2(3, a + r, b + c, b_stride, pairs, out + r * out_stride + c, out_stride);
    }
}
#endif

#endif
