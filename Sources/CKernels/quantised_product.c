#include "quantised_product.h"

#include <string.h>

#include "product_end.h"

enum { MR = VLM_PANEL_ROWS, NR = VLM_PANEL_COLUMNS };

#define UNROLLED _Pragma("clang loop unroll(full)")

// Integer sums of `rows` rows of a packed panel: tile[r * 32 + c] = sum of a * b over quads of depth.
static void tile_plain(const uint8_t *a, const int8_t *b, size_t rows, size_t quads, int32_t *restrict tile) {
    for (size_t r = 0; r < rows; r++) {
        int32_t sums[NR] = {0};
        for (size_t q = 0; q < quads; q++) {
            const uint8_t *x = a + (q * MR + r) * 4;
            const int8_t *w = b + q * NR * 4;
            for (size_t c = 0; c < NR; c++) {
                sums[c] += x[0] * w[c * 4] + x[1] * w[c * 4 + 1] + x[2] * w[c * 4 + 2] + x[3] * w[c * 4 + 3];
            }
        }
        memcpy(tile + r * NR, sums, sizeof sums);
    }
}

// The sums in the units of x and w, plus the outliers' part.
VLM_INLINE void scale_tile(const int32_t *restrict tile, const float *row_scales, const int32_t *zeros,
                           const float *column_scales, const int32_t *column_sums, const float *row_side,
                           const float *column_side, size_t outliers, size_t rows, int is_fused,
                           float *restrict result) {
    vlm_wide scales[2];
    vlm_wide_int sums[2];
    memcpy(scales, column_scales, sizeof scales);
    memcpy(sums, column_sums, sizeof sums);
    for (size_t r = 0; r < rows; r++) {
        UNROLLED for (int half = 0; half < 2; half++) {
            size_t place = r * NR + (size_t)half * VLM_LANES;
            vlm_wide_int whole = *(const vlm_wide_int *)(tile + place) - zeros[r] * sums[half];
            vlm_wide values = __builtin_convertvector(whole, vlm_wide) * (row_scales[r] * scales[half]);
            for (size_t o = 0; o < outliers; o++) {
                vlm_wide w = *(const vlm_wide *)(column_side + o * NR + (size_t)half * VLM_LANES);
                vlm_wide x = {0};
                x += row_side[o * MR + r];
                values = is_fused ? __builtin_elementwise_fma(x, w, values) : values + x * w;
            }
            *(vlm_wide *)(result + place) = values;
        }
    }
}

// Fetches one of `count` parts of the `size` bytes of the next panel: weights that do not fit in the caches come from memory while the
// tiles of this panel are computed.
VLM_INLINE void expect_panel(const int8_t *next, size_t size, size_t part, size_t count) {
    for (size_t place = size * part / count / 64 * 64; place < size * (part + 1) / count; place += 64)
        __builtin_prefetch(next + place, 0, 2);
}

#define QUANTISED_LOOP(tile_function, is_fused)                                                                    \
    int32_t sums[MR * NR] = {0};                                                                                   \
    float tile[MR * NR] = {0};                                                                                     \
    size_t quads = (weight->depth + 3) / 4, outliers = weight->outlier_count;                                      \
    for (size_t column = 0; column < weight->columns; column += NR) {                                              \
        size_t width = weight->columns - column < NR ? weight->columns - column : NR;                              \
        for (size_t row = 0; row < x->rows; row += MR) {                                                           \
            size_t height = x->rows - row < MR ? x->rows - row : MR;                                               \
            vlm_expect_tile(row, height, column, end);                                                             \
            if (column + NR < weight->columns)                                                                     \
                expect_panel(weight->packed + (column + NR) * quads * 4, NR * quads * 4, row / MR,                 \
                             (x->rows + MR - 1) / MR);                                                             \
            tile_function(x->packed + row * quads * 4, weight->packed + column * quads * 4, height, quads, sums);  \
            scale_tile(sums, x->scales + row, x->zeros + row, weight->scales + column, weight->sums + column,      \
                       x->side + row * outliers, weight->side + column * outliers, outliers, height, is_fused,     \
                       tile);                                                                                      \
            vlm_end_tile(tile, row, height, column, width, end);                                                   \
        }                                                                                                          \
    }

static void product_plain(const vlm_quantised_rows *x, const vlm_quantised_weight *weight,
                          const vlm_product_end *end) {
    QUANTISED_LOOP(tile_plain, 0)
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VNNI __attribute__((target("arch=x86-64-v4,avx512vnni")))
#define AVX2 __attribute__((target("arch=x86-64-v3")))
// Inlined into the loops over tiles, sums would leave their registers for constants of the end.
#define VLM_SEPARATE __attribute__((noinline)) static

// `mr` rows are a constant where this is inlined.
VNNI VLM_INLINE void tile_rows_vnni(int mr, const uint8_t *a, const int8_t *b, size_t quads, int32_t *tile) {
    __m512i sums[MR][2];
    UNROLLED for (int r = 0; r < mr; r++) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
    for (size_t q = 0; q < quads; q++, a += MR * 4, b += NR * 4) {
        __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 64);
        UNROLLED for (int r = 0; r < mr; r++) {
            int32_t four;
            memcpy(&four, a + 4 * r, 4);
            __m512i x = _mm512_set1_epi32(four);
            sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], x, b0);
            sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], x, b1);
        }
    }
    UNROLLED for (int r = 0; r < mr; r++) {
        _mm512_storeu_si512(tile + r * NR, sums[r][0]);
        _mm512_storeu_si512(tile + r * NR + 16, sums[r][1]);
    }
}

VNNI VLM_SEPARATE void tile_vnni(const uint8_t *a, const int8_t *b, size_t rows, size_t quads, int32_t *tile) {
    if (rows > 8) tile_rows_vnni(12, a, b, quads, tile);
    else if (rows > 4) tile_rows_vnni(8, a, b, quads, tile);
    else tile_rows_vnni(4, a, b, quads, tile);
}

VNNI static void product_vnni(const vlm_quantised_rows *x, const vlm_quantised_weight *weight,
                              const vlm_product_end *end) {
    QUANTISED_LOOP(tile_vnni, 1)
}

// Four rows times eight columns in 16-bit products: the 8-bit instruction of AVX2 saturates, this one does not.
AVX2 VLM_INLINE void tile_four_avx2(const uint8_t *a, const int8_t *b, size_t quads, int32_t *tile) {
    __m256i sums[4][2];
    UNROLLED for (int r = 0; r < 4; r++) sums[r][0] = sums[r][1] = _mm256_setzero_si256();
    for (size_t q = 0; q < quads; q++, a += MR * 4, b += NR * 4) {
        __m256i b0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)b));
        __m256i b1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(b + 16)));
        UNROLLED for (int r = 0; r < 4; r++) {
            int32_t four;
            memcpy(&four, a + 4 * r, 4);
            __m256i x = _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
            sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(x, b0));
            sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(x, b1));
        }
    }
    // Each column's sum is in two neighbouring halves.
    UNROLLED for (int r = 0; r < 4; r++) {
        __m256i pairs = _mm256_hadd_epi32(sums[r][0], sums[r][1]);
        _mm256_storeu_si256((__m256i *)(tile + r * NR), _mm256_permute4x64_epi64(pairs, 0xd8));
    }
}

AVX2 VLM_SEPARATE void tile_avx2(const uint8_t *a, const int8_t *b, size_t rows, size_t quads, int32_t *tile) {
    for (size_t r = 0; r < rows; r += 4) {
        for (size_t c = 0; c < NR; c += 8) tile_four_avx2(a + r * 4, b + c * 4, quads, tile + r * NR + c);
    }
}

AVX2 static void product_avx2(const vlm_quantised_rows *x, const vlm_quantised_weight *weight,
                              const vlm_product_end *end) {
    QUANTISED_LOOP(tile_avx2, 1)
}
#endif

void vlm_quantised_product(const vlm_quantised_rows *rows, const vlm_quantised_weight *weight, vlm_product_end end,
                           int level) {
    if (end.activation == VLM_ACTIVATION_GELU) end.activation = VLM_ACTIVATION_GELU_COARSE;
#if defined(__x86_64__)
    if (level >= VLM_LEVEL_VNNI) {
        product_vnni(rows, weight, &end);
        return;
    }
    if (level >= VLM_LEVEL_AVX2) {
        product_avx2(rows, weight, &end);
        return;
    }
#endif
    product_plain(rows, weight, &end);
}
