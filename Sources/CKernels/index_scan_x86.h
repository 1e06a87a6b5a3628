#ifndef VLMPIPE_INDEX_SCAN_X86_H
#define VLMPIPE_INDEX_SCAN_X86_H

// The scans of index_scan.c with AVX2, and with AVX-512 with VNNI and VPOPCNTDQ.

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,popcnt")))

AVX2 static inline int32_t sum_of_lanes_avx2(__m256i lanes) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1)));
}

// A nibble times a signed byte, summed in pairs, is at most 2 * 15 * 128: eight such sums fit 16 bits.
AVX2 static inline int32_t nibble_dot_avx2(const int8_t *query, const uint8_t *row, size_t dimension) {
    const __m256i mask = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    size_t half = dimension / 2;
    __m256i total = _mm256_setzero_si256();
    for (size_t start = 0; start < half; start += 128) {
        size_t end = half - start < 128 ? half : start + 128;
        __m256i words = _mm256_setzero_si256();
        for (size_t j = start; j < end; j += 32) {
            __m256i bytes = _mm256_loadu_si256((const __m256i *)(row + j));
            __m256i low = _mm256_and_si256(bytes, mask);
            __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask);
            __m256i first = _mm256_loadu_si256((const __m256i *)(query + j));
            __m256i second = _mm256_loadu_si256((const __m256i *)(query + half + j));
            words = _mm256_add_epi16(words, _mm256_maddubs_epi16(low, first));
            words = _mm256_add_epi16(words, _mm256_maddubs_epi16(high, second));
        }
        total = _mm256_add_epi32(total, _mm256_madd_epi16(words, ones));
    }
    return sum_of_lanes_avx2(total);
}

AVX2 static void nibble_dots_avx2(const int8_t *queries, size_t query_count, const uint8_t *rows, size_t row_count,
                                  size_t dimension, int32_t *dots, size_t stride) {
    for (size_t q = 0; q < query_count; q++) {
        for (size_t r = 0; r < row_count; r++) {
            dots[q * stride + r] = nibble_dot_avx2(queries + q * dimension, rows + r * (dimension / 2), dimension);
        }
    }
}

AVX2 static void sign_dots_popcnt(const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t dimension,
                                  int32_t *sums) {
    sign_dots_words(planes, rows, row_count, dimension, sums);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq")))

// How far ahead of a row of signs bytes are asked for: these are scanned as fast as memory gives them, and the hardware
// does not look past the end of a page.
#define SIGN_PREFETCH 4096

// The sums of the lanes of a, b, c, d, in this order.
AVX512 static inline __m128i sums_of_lanes(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// QUERIES queries times four rows; a half is a multiple of 32 bytes, so only its last step may be a half vector.
// How far ahead of a row of nibbles bytes are asked for, into the second cache: asked for into the first, they cost more
// than they bring where memory is in large pages (decision 026).
#define NIBBLE_PREFETCH 4096

#define DEFINE_NIBBLE_TILE(NAME, QUERIES)                                                                              \
    AVX512 static inline void NAME(const int8_t *queries, const uint8_t *rows, size_t dimension, int32_t *dots,        \
                                   size_t stride) {                                                                    \
        const __m512i mask = _mm512_set1_epi8(15);                                                                     \
        size_t half = dimension / 2;                                                                                   \
        __m512i sums[QUERIES][4];                                                                                      \
        for (int q = 0; q < QUERIES; q++) {                                                                            \
            for (int r = 0; r < 4; r++) sums[q][r] = _mm512_setzero_si512();                                           \
        }                                                                                                              \
        for (size_t j = 0; j < half; j += 64) {                                                                        \
            __mmask64 valid = half - j >= 64 ? ~(__mmask64)0 : (__mmask64)0xFFFFFFFFu;                                 \
            __m512i first[QUERIES], second[QUERIES];                                                                   \
            for (int q = 0; q < QUERIES; q++) {                                                                        \
                first[q] = _mm512_maskz_loadu_epi8(valid, queries + q * dimension + j);                                \
                second[q] = _mm512_maskz_loadu_epi8(valid, queries + q * dimension + half + j);                        \
            }                                                                                                          \
            for (int r = 0; r < 4; r++) {                                                                              \
                if (QUERIES == 1) _mm_prefetch((const char *)(rows + r * half + j + NIBBLE_PREFETCH), _MM_HINT_T1);    \
                __m512i bytes = _mm512_maskz_loadu_epi8(valid, rows + r * half + j);                                   \
                __m512i low = _mm512_and_si512(bytes, mask);                                                           \
                __m512i high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);                                    \
                for (int q = 0; q < QUERIES; q++) {                                                                    \
                    sums[q][r] = _mm512_dpbusd_epi32(sums[q][r], low, first[q]);                                       \
                    sums[q][r] = _mm512_dpbusd_epi32(sums[q][r], high, second[q]);                                     \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        for (int q = 0; q < QUERIES; q++) {                                                                            \
            _mm_storeu_si128((__m128i *)(dots + q * stride),                                                           \
                             sums_of_lanes(sums[q][0], sums[q][1], sums[q][2], sums[q][3]));                           \
        }                                                                                                              \
    }

DEFINE_NIBBLE_TILE(nibble_tile_1, 1)
DEFINE_NIBBLE_TILE(nibble_tile_4, 4)

AVX512 static void nibble_dots_avx512(const int8_t *queries, size_t query_count, const uint8_t *rows, size_t row_count,
                                      size_t dimension, int32_t *dots, size_t stride) {
    size_t half = dimension / 2;
    size_t r = 0;
    for (; r + 4 <= row_count; r += 4) {
        size_t q = 0;
        for (; q + 4 <= query_count; q += 4) {
            nibble_tile_4(queries + q * dimension, rows + r * half, dimension, dots + q * stride + r, stride);
        }
        for (; q < query_count; q++) {
            nibble_tile_1(queries + q * dimension, rows + r * half, dimension, dots + q * stride + r, stride);
        }
    }
    if (r < row_count) {
        nibble_dots_avx2(queries, query_count, rows + r * half, row_count - r, dimension, dots + r, stride);
    }
}

// Four dots at once: coarse and fine query with high and low codes.
AVX512 static int64_t code_dot_avx512(const int8_t *pair, const uint8_t *high, const uint8_t *low, size_t dimension) {
    const __m512i mask = _mm512_set1_epi8(15);
    size_t half = dimension / 2;
    __m512i sums[4];
    for (int i = 0; i < 4; i++) sums[i] = _mm512_setzero_si512();
    for (size_t j = 0; j < half; j += 64) {
        __mmask64 valid = half - j >= 64 ? ~(__mmask64)0 : (__mmask64)0xFFFFFFFFu;
        for (int side = 0; side < 2; side++) {
            const uint8_t *row = side == 0 ? high : low;
            if (!row) continue;
            __m512i bytes = _mm512_maskz_loadu_epi8(valid, row + j);
            __m512i first = _mm512_and_si512(bytes, mask);
            __m512i second = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
            for (int part = 0; part < 2; part++) {
                const int8_t *query = pair + part * dimension + j;
                __m512i *sum = &sums[side * 2 + part];
                *sum = _mm512_dpbusd_epi32(*sum, first, _mm512_maskz_loadu_epi8(valid, query));
                *sum = _mm512_dpbusd_epi32(*sum, second, _mm512_maskz_loadu_epi8(valid, query + half));
            }
        }
    }
    int32_t totals[4];
    _mm_storeu_si128((__m128i *)totals, sums_of_lanes(sums[0], sums[1], sums[2], sums[3]));
    return 16 * (256 * (int64_t)totals[0] + totals[1]) + 256 * (int64_t)totals[2] + totals[3];
}

// The weighted count of differing bits of 64 bytes of a row, in 16 lanes: plane b counts 2^b.
AVX512 static inline __m512i differing_bits(const __m512i planes[VLM_SIGN_PLANES], __m512i bits) {
    __m512i sum = _mm512_popcnt_epi32(_mm512_xor_si512(bits, planes[VLM_SIGN_PLANES - 1]));
    for (int b = VLM_SIGN_PLANES - 2; b >= 0; b--) {
        sum = _mm512_add_epi32(_mm512_add_epi32(sum, sum), _mm512_popcnt_epi32(_mm512_xor_si512(bits, planes[b])));
    }
    return sum;
}

// Rows of at most 64 bytes: the planes stay in registers.
AVX512 static size_t sign_dots_short(const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t width,
                                     __m128i most, int32_t *sums) {
    __mmask8 valid = (__mmask8)((1u << (width / 8)) - 1);
    __m512i plane[VLM_SIGN_PLANES];
    for (int b = 0; b < VLM_SIGN_PLANES; b++) plane[b] = _mm512_maskz_loadu_epi64(valid, planes + (size_t)b * width);
    size_t r = 0;
    for (; r + 4 <= row_count; r += 4) {
        const uint8_t *row = rows + r * width;
        __m512i counts[4];
        for (int i = 0; i < 4; i++) {
            _mm_prefetch((const char *)(row + (size_t)i * width + SIGN_PREFETCH), _MM_HINT_T0);
            counts[i] = differing_bits(plane, _mm512_maskz_loadu_epi64(valid, row + (size_t)i * width));
        }
        __m128i total = sums_of_lanes(counts[0], counts[1], counts[2], counts[3]);
        _mm_storeu_si128((__m128i *)(sums + r), _mm_sub_epi32(most, _mm_slli_epi32(total, 1)));
    }
    return r;
}

AVX512 static size_t sign_dots_long(const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t width,
                                    __m128i most, int32_t *sums) {
    size_t r = 0;
    for (; r + 4 <= row_count; r += 4) {
        const uint8_t *row = rows + r * width;
        __m512i counts[4];
        for (int i = 0; i < 4; i++) counts[i] = _mm512_setzero_si512();
        for (size_t j = 0; j < width; j += 64) {
            __mmask8 valid = width - j >= 64 ? 0xFF : (__mmask8)((1u << ((width - j) / 8)) - 1);
            __m512i plane[VLM_SIGN_PLANES];
            for (int b = 0; b < VLM_SIGN_PLANES; b++) {
                plane[b] = _mm512_maskz_loadu_epi64(valid, planes + (size_t)b * width + j);
            }
            for (int i = 0; i < 4; i++) {
                const uint8_t *bytes = row + (size_t)i * width + j;
                _mm_prefetch((const char *)(bytes + SIGN_PREFETCH), _MM_HINT_T0);
                counts[i] =
                    _mm512_add_epi32(counts[i], differing_bits(plane, _mm512_maskz_loadu_epi64(valid, bytes)));
            }
        }
        __m128i total = sums_of_lanes(counts[0], counts[1], counts[2], counts[3]);
        _mm_storeu_si128((__m128i *)(sums + r), _mm_sub_epi32(most, _mm_slli_epi32(total, 1)));
    }
    return r;
}

AVX512 static void sign_dots_avx512(const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t dimension,
                                    int32_t *sums) {
    size_t width = dimension / 8;
    __m128i most = _mm_set1_epi32(LARGEST_LEVEL * (int32_t)dimension);
    size_t r = width <= 64 ? sign_dots_short(planes, rows, row_count, width, most, sums)
                           : sign_dots_long(planes, rows, row_count, width, most, sums);
    if (r < row_count) sign_dots_popcnt(planes, rows + r * width, row_count - r, dimension, sums + r);
}

int vlm_scan_level(void) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni")
        && __builtin_cpu_supports("avx512vpopcntdq")) return VLM_SCAN_AVX512;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? VLM_SCAN_AVX2 : VLM_SCAN_PLAIN;
}

// In the same order of operations, none of them fused.
AVX512 static size_t bounded_positions_avx512(const int32_t *dots, const vlm_bound_columns *columns, size_t count,
                                              float base, float dot_scale, float dot_offset, float error_scale,
                                              float threshold, int32_t least_dot, uint32_t *positions,
                                              float *values) {
    const __m512 bases = _mm512_set1_ps(base), scales = _mm512_set1_ps(dot_scale);
    const __m512 offsets = _mm512_set1_ps(dot_offset), error_scales = _mm512_set1_ps(error_scale);
    const __m512 thresholds = _mm512_set1_ps(threshold);
    const __m512i least_dots = _mm512_set1_epi32(least_dot);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t found = 0;
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 valid = count - i >= 16 ? 0xFFFF : (__mmask16)((1u << (count - i)) - 1);
        __m512i row_dots = _mm512_maskz_loadu_epi32(valid, dots + i);
        if (!_mm512_mask_cmpge_epi32_mask(valid, row_dots, least_dots)) continue;
        __m512 factors = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(valid, columns->factors + 2 * i));
        __m512 errors = _mm512_setzero_ps();
        for (int column = 0; column < 2; column++) {
            if (!columns->errors[column]) continue;
            __m256i halves = _mm256_maskz_loadu_epi16(valid, columns->errors[column] + 2 * i);
            errors = _mm512_add_ps(errors, _mm512_cvtph_ps(halves));
        }
        __m512 sums = _mm512_cvtepi32_ps(row_dots);
        __m512 products = _mm512_mul_ps(factors, _mm512_sub_ps(_mm512_mul_ps(sums, scales), offsets));
        __m512 bounds = _mm512_add_ps(_mm512_add_ps(bases, products), _mm512_mul_ps(errors, error_scales));
        __mmask16 reached = _mm512_mask_cmp_ps_mask(valid, bounds, thresholds, _CMP_GE_OQ);
        if (!reached) continue;
        __m512i places = _mm512_add_epi32(_mm512_set1_epi32((int)i), lanes);
        _mm512_storeu_si512(positions + found, _mm512_maskz_compress_epi32(reached, places));
        _mm512_storeu_ps(values + found, _mm512_maskz_compress_ps(reached, bounds));
        found += (size_t)__builtin_popcount(reached);
    }
    return found;
}

#endif
