#include "vector_scan.h"

#include "dispatch.h"
#include "half_precision.h"

#include <math.h>
#include <string.h>

// Sixteen lanes on every CPU: one AVX-512 register, two AVX ones, four SSE or NEON ones. So additions have one order.
typedef float lanes16 __attribute__((vector_size(64), aligned(4)));
typedef uint16_t halves16 __attribute__((vector_size(32), aligned(2)));
typedef uint32_t words16 __attribute__((vector_size(64), aligned(4)));

#define INLINE static inline __attribute__((always_inline))

INLINE float pairwise_sum(const float *lanes) {
    float eight[8], four[4];
    for (int i = 0; i < 8; i++) eight[i] = lanes[i] + lanes[i + 8];
    for (int i = 0; i < 4; i++) four[i] = eight[i] + eight[i + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

float vlm_dot_f16_plain(const float *query, const uint16_t *row, size_t dimension, int fused) {
    float lanes[16] = {0};
    for (size_t d = 0; d < dimension; d++) {
        float element;
        vlm_f16_to_f32_plain(row + d, &element, 1);
        lanes[d % 16] = fused ? fmaf(query[d], element, lanes[d % 16]) : lanes[d % 16] + query[d] * element;
    }
    return pairwise_sum(lanes);
}

// One tile of TILE_QUERIES x TILE_ROWS pairs: every element is loaded once per tile and the sums stay in registers.
// WIDEN(pointer, result) loads 16 halves as floats. The tail of a dimension that is no multiple of 16 is padded with 0.
#define DEFINE_TILE(NAME, ATTRIBUTE, TILE_QUERIES, TILE_ROWS, WIDEN)                                                   \
    ATTRIBUTE static void NAME(const float *queries, const uint16_t *rows, size_t dimension, float *scores,            \
                               size_t score_stride) {                                                                  \
        _Pragma("clang fp contract(fast)")                                                                             \
        lanes16 sums[TILE_QUERIES][TILE_ROWS];                                                                         \
        for (int q = 0; q < TILE_QUERIES; q++) {                                                                       \
            for (int r = 0; r < TILE_ROWS; r++) sums[q][r] = (lanes16){0};                                             \
        }                                                                                                              \
        size_t d = 0;                                                                                                  \
        for (; d + 16 <= dimension; d += 16) {                                                                         \
            lanes16 elements[TILE_ROWS];                                                                               \
            for (int r = 0; r < TILE_ROWS; r++) WIDEN(rows + r * dimension + d, elements[r]);                          \
            for (int q = 0; q < TILE_QUERIES; q++) {                                                                   \
                lanes16 query = *(const lanes16 *)(queries + q * dimension + d);                                       \
                for (int r = 0; r < TILE_ROWS; r++) sums[q][r] += query * elements[r];                                 \
            }                                                                                                          \
        }                                                                                                              \
        if (d < dimension) {                                                                                           \
            lanes16 elements[TILE_ROWS];                                                                               \
            for (int r = 0; r < TILE_ROWS; r++) {                                                                      \
                uint16_t padded[16] = {0};                                                                             \
                memcpy(padded, rows + r * dimension + d, (dimension - d) * 2);                                         \
                WIDEN(padded, elements[r]);                                                                            \
            }                                                                                                          \
            for (int q = 0; q < TILE_QUERIES; q++) {                                                                   \
                float padded[16] = {0};                                                                                \
                memcpy(padded, queries + q * dimension + d, (dimension - d) * 4);                                      \
                lanes16 query = *(const lanes16 *)padded;                                                              \
                for (int r = 0; r < TILE_ROWS; r++) sums[q][r] += query * elements[r];                                 \
            }                                                                                                          \
        }                                                                                                              \
        for (int q = 0; q < TILE_QUERIES; q++) {                                                                       \
            for (int r = 0; r < TILE_ROWS; r++) {                                                                      \
                float lanes[16];                                                                                       \
                memcpy(lanes, &sums[q][r], sizeof lanes);                                                              \
                scores[q * score_stride + r] = pairwise_sum(lanes);                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }

// Covers the whole matrix with tiles, then with smaller ones at both edges.
#define DEFINE_SCAN(NAME, TILE, ROW_TILE, QUERY_TILE, SINGLE, TILE_QUERIES, TILE_ROWS)                                 \
    static void NAME(const float *queries, size_t query_count, const uint16_t *rows,                                   \
                     size_t row_count, size_t dimension,                                                               \
                     float *scores, size_t score_stride) {                                                             \
        size_t r = 0;                                                                                                  \
        for (; r + TILE_ROWS <= row_count; r += TILE_ROWS) {                                                           \
            const uint16_t *tile = rows + r * dimension;                                                               \
            size_t q = 0;                                                                                              \
            for (; q + TILE_QUERIES <= query_count; q += TILE_QUERIES) {                                               \
                TILE(queries + q * dimension, tile, dimension, scores + q * score_stride + r, score_stride);           \
            }                                                                                                          \
            for (; q < query_count; q++) {                                                                             \
                ROW_TILE(queries + q * dimension, tile, dimension, scores + q * score_stride + r, score_stride);       \
            }                                                                                                          \
        }                                                                                                              \
        for (; r < row_count; r++) {                                                                                   \
            const uint16_t *tile = rows + r * dimension;                                                               \
            size_t q = 0;                                                                                              \
            for (; q + TILE_QUERIES <= query_count; q += TILE_QUERIES) {                                               \
                QUERY_TILE(queries + q * dimension, tile, dimension, scores + q * score_stride + r, score_stride);     \
            }                                                                                                          \
            for (; q < query_count; q++) {                                                                             \
                SINGLE(queries + q * dimension, tile, dimension, scores + q * score_stride + r, score_stride);         \
            }                                                                                                          \
        }                                                                                                              \
    }

#if defined(__aarch64__)
typedef _Float16 native16 __attribute__((vector_size(32), aligned(2)));
#define WIDEN_PORTABLE(pointer, result) (result) = __builtin_convertvector(*(const native16 *)(pointer), lanes16)
#else
// Finite values only: the exponent is moved by a multiplication with 2^112, which is exact for subnormals too.
#define WIDEN_PORTABLE(pointer, result)                                                                                \
    do {                                                                                                               \
        words16 words = __builtin_convertvector(*(const halves16 *)(pointer), words16);                                \
        lanes16 magnitude = (lanes16)((words & 0x7FFFu) << 13) * 0x1p112f;                                             \
        (result) = (lanes16)((words16)magnitude | ((words & 0x8000u) << 16));                                          \
    } while (0)
#endif

#define NO_ATTRIBUTE
DEFINE_TILE(tile_portable, NO_ATTRIBUTE, 1, 2, WIDEN_PORTABLE)
DEFINE_TILE(single_portable, NO_ATTRIBUTE, 1, 1, WIDEN_PORTABLE)
DEFINE_SCAN(scan_portable, tile_portable, tile_portable, single_portable, single_portable, 1, 2)

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define WIDEN_AVX2(pointer, result)                                                                                    \
    do {                                                                                                               \
        __m256 parts[2] = {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(pointer))),                               \
                           _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(pointer) + 1))};                          \
        memcpy(&(result), parts, 64);                                                                                  \
    } while (0)
DEFINE_TILE(tile_avx2, AVX2, 3, 2, WIDEN_AVX2)
DEFINE_TILE(rows_avx2, AVX2, 1, 4, WIDEN_AVX2)
DEFINE_TILE(half_rows_avx2, AVX2, 1, 2, WIDEN_AVX2)
DEFINE_TILE(queries_avx2, AVX2, 3, 1, WIDEN_AVX2)
DEFINE_TILE(single_avx2, AVX2, 1, 1, WIDEN_AVX2)
DEFINE_SCAN(scan_avx2, tile_avx2, half_rows_avx2, queries_avx2, single_avx2, 3, 2)
DEFINE_SCAN(scan_one_avx2, rows_avx2, rows_avx2, single_avx2, single_avx2, 1, 4)

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,fma")))
#define WIDEN_AVX512(pointer, result)                                                                                  \
    (result) = (lanes16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)(pointer)))
DEFINE_TILE(tile_avx512, AVX512, 4, 4, WIDEN_AVX512)
DEFINE_TILE(rows_avx512, AVX512, 1, 4, WIDEN_AVX512)
DEFINE_TILE(queries_avx512, AVX512, 4, 1, WIDEN_AVX512)
DEFINE_TILE(single_avx512, AVX512, 1, 1, WIDEN_AVX512)
DEFINE_SCAN(scan_avx512, tile_avx512, rows_avx512, queries_avx512, single_avx512, 4, 4)

static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}

static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

void vlm_scan_f16(const float *queries, size_t query_count, const uint16_t *rows, size_t row_count, size_t dimension,
                  float *scores, size_t score_stride) {
    if (has_avx512()) {
        scan_avx512(queries, query_count, rows, row_count, dimension, scores, score_stride);
    } else if (has_avx2()) {
        if (query_count == 1) {
            scan_one_avx2(queries, query_count, rows, row_count, dimension, scores, score_stride);
        } else {
            scan_avx2(queries, query_count, rows, row_count, dimension, scores, score_stride);
        }
    } else {
        scan_portable(queries, query_count, rows, row_count, dimension, scores, score_stride);
    }
}

int vlm_scan_is_fused(void) { return has_avx512() || has_avx2(); }

#else

void vlm_scan_f16(const float *queries, size_t query_count, const uint16_t *rows, size_t row_count, size_t dimension,
                  float *scores, size_t score_stride) {
    scan_portable(queries, query_count, rows, row_count, dimension, scores, score_stride);
}

// Every AArch64 CPU has fused multiply-add, and contraction is on in the tile.
int vlm_scan_is_fused(void) {
#if defined(__aarch64__)
    return 1;
#else
    return 0;
#endif
}

#endif

VLM_DISPATCH float vlm_dot_lanes(const float *query, const float *row, size_t dimension) {
    _Pragma("clang fp contract(fast)")
    lanes16 sums = {0};
    size_t d = 0;
    for (; d + 16 <= dimension; d += 16) sums += *(const lanes16 *)(query + d) * *(const lanes16 *)(row + d);
    if (d < dimension) {
        float padded[2][16] = {{0}};
        memcpy(padded[0], query + d, (dimension - d) * 4);
        memcpy(padded[1], row + d, (dimension - d) * 4);
        sums += *(const lanes16 *)padded[0] * *(const lanes16 *)padded[1];
    }
    float lanes[16];
    memcpy(lanes, &sums, sizeof lanes);
    return pairwise_sum(lanes);
}

size_t vlm_positions_at_least(const float *scores, size_t count, float threshold, uint32_t *positions) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        positions[found] = (uint32_t)i;
        found += scores[i] >= threshold;
    }
    return found;
}

VLM_DISPATCH void vlm_squared_lengths(const float *restrict rows, size_t row_count, size_t dimension,
                                      double *restrict lengths) {
    for (size_t r = 0; r < row_count; r++) {
        const float *row = rows + r * dimension;
        // Eight named partial sums: the order is fixed by the code, not by the vector width.
        double sums[8] = {0};
        size_t d = 0;
        for (; d + 8 <= dimension; d += 8) {
            for (int i = 0; i < 8; i++) sums[i] += (double)row[d + i] * (double)row[d + i];
        }
        for (; d < dimension; d++) sums[0] += (double)row[d] * (double)row[d];
        lengths[r] = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
    }
}
