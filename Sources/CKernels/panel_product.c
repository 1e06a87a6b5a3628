#include "panel_product.h"

#include <string.h>

#include "cpu_features.h"
#include "dispatch.h"
#include "panel_pack.h"
#include "product_end.h"

enum { MR = VLM_PANEL_ROWS, NR = VLM_PANEL_COLUMNS };

typedef float octet __attribute__((vector_size(32), aligned(4)));

int vlm_product_level(void) {
    uint32_t bits = vlm_cpu_features();
    if (!(bits & VLM_CPU_AVX2)) return VLM_LEVEL_PLAIN;
    if (!(bits & VLM_CPU_AVX512)) return VLM_LEVEL_AVX2;
    return bits & VLM_CPU_AVX512_VNNI ? VLM_LEVEL_VNNI : VLM_LEVEL_AVX512;
}

size_t vlm_packed_row_count(size_t rows, size_t depth) { return (rows + MR - 1) / MR * MR * depth; }

VLM_DISPATCH
void vlm_pack_rows(const float *x, size_t stride, size_t rows, size_t depth, float *packed) {
    for (size_t first = 0; first < rows; first += MR) {
        for (size_t r = 0; r < MR; r += 4) {
            if (first + r + 4 <= rows) {
                vlm_pack_four_rows((const vlm_unit *)(x + (first + r) * stride), stride, depth, (vlm_unit *)(packed + r),
                                   MR);
                continue;
            }
            for (size_t lane = r; lane < r + 4; lane++) {
                int is_there = first + lane < rows;
                const float *source = x + (is_there ? first + lane : 0) * stride;
                for (size_t p = 0; p < depth; p++) packed[p * MR + lane] = is_there ? source[p] : 0;
            }
        }
        packed += MR * depth;
    }
}

// panel[p * NR + c] = weight[c * depth + p]; columns from `columns` on are zero.
VLM_DISPATCH
static void pack_panel(const float *weight, size_t columns, size_t depth, float *panel) {
    size_t c = 0;
    for (; c + 8 <= columns; c += 8) {
        const float *w = weight + c * depth;
        size_t p = 0;
        for (; p + 8 <= depth; p += 8) {
            octet x[8], y[8];
            for (int i = 0; i < 8; i++) x[i] = *(const octet *)(w + (size_t)i * depth + p);
            for (int i = 0; i < 8; i += 2) {
                y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
                y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
            }
            for (int i = 0; i < 8; i += 4) {
                x[i] = __builtin_shufflevector(y[i], y[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
                x[i + 1] = __builtin_shufflevector(y[i], y[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
                x[i + 2] = __builtin_shufflevector(y[i + 1], y[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
                x[i + 3] = __builtin_shufflevector(y[i + 1], y[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
            }
            float *target = panel + p * NR + c;
            for (int i = 0; i < 4; i++) {
                *(octet *)(target + (size_t)i * NR) =
                    __builtin_shufflevector(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
                *(octet *)(target + (size_t)(i + 4) * NR) =
                    __builtin_shufflevector(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
            }
        }
        for (; p < depth; p++) {
            for (size_t i = 0; i < 8; i++) panel[p * NR + c + i] = w[i * depth + p];
        }
    }
    for (; c < NR; c++) {
        for (size_t p = 0; p < depth; p++) panel[p * NR + c] = c < columns ? weight[c * depth + p] : 0;
    }
}

// The sums of `rows` rows of a packed panel, by runs of depth: tile (=, from the second run on +=). The `depth` times 32
// floats at `next`, if there are any, are wanted soon: with few rows, waiting for weights would take as long as the sums.
static void tile_plain(const float *restrict a, const float *restrict b, size_t rows, size_t depth,
                       float *restrict tile, const float *next) {
    (void)next;
    for (size_t start = 0; start < depth; start += VLM_PANEL_DEPTH_RUN) {
        size_t end = depth - start < VLM_PANEL_DEPTH_RUN ? depth : start + VLM_PANEL_DEPTH_RUN;
        for (size_t r = 0; r < rows; r++) {
            float sums[NR] = {0};
            for (size_t p = start; p < end; p++) {
                float x = a[p * MR + r];
                for (size_t c = 0; c < NR; c++) sums[c] += x * b[p * NR + c];
            }
            for (size_t c = 0; c < NR; c++) tile[r * NR + c] = start ? tile[r * NR + c] + sums[c] : sums[c];
        }
    }
}

#define PANEL_LOOP(tile_function)                                                                             \
    for (size_t column = 0; column < columns; column += NR) {                                                 \
        size_t width = columns - column < NR ? columns - column : NR;                                         \
        pack_panel(weight + column * depth, width, depth, panel);                                             \
        for (size_t row = 0; row < rows; row += MR) {                                                         \
            size_t height = rows - row < MR ? rows - row : MR;                                                \
            const float *next = row == 0 && column + 2 * NR <= columns ? weight + (column + NR) * depth : NULL; \
            tile_function(packed + row * depth, panel, height, depth, tile, next);                            \
            vlm_end_tile(tile, row, height, column, width, end);                                              \
        }                                                                                                     \
    }

static void product_plain(const float *packed, size_t rows, const float *weight, size_t columns, size_t depth,
                          const vlm_product_end *end, float *panel) {
    float tile[MR * NR] = {0};
    PANEL_LOOP(tile_plain)
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("arch=x86-64-v4")))
#define AVX2 __attribute__((target("arch=x86-64-v3")))
// Inlined into the loops over tiles, sums would leave their registers for constants of the end.
#define VLM_SEPARATE __attribute__((noinline)) static
#define UNROLLED _Pragma("clang loop unroll(full)")

// Each panel row times two vectors of columns; `mr` rows are a constant where this is inlined.
AVX512 VLM_INLINE void tile_rows_avx512(int mr, const float *a, const float *b, size_t depth, float *tile,
                                        const float *next) {
    for (size_t start = 0; start < depth; start += VLM_PANEL_DEPTH_RUN) {
        size_t count = depth - start < VLM_PANEL_DEPTH_RUN ? depth - start : VLM_PANEL_DEPTH_RUN;
        __m512 sums[MR][2];
        UNROLLED for (int r = 0; r < mr; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
        for (size_t p = 0; p < count; p++, a += MR, b += NR) {
            __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
            if (next) {
                __builtin_prefetch(next + (start + p) * NR, 0, 2);
                __builtin_prefetch(next + (start + p) * NR + 16, 0, 2);
            }
            UNROLLED for (int r = 0; r < mr; r++) {
                __m512 x = _mm512_set1_ps(a[r]);
                sums[r][0] = _mm512_fmadd_ps(x, b0, sums[r][0]);
                sums[r][1] = _mm512_fmadd_ps(x, b1, sums[r][1]);
            }
        }
        UNROLLED for (int r = 0; r < mr; r++) {
            float *t = tile + r * NR;
            if (start) {
                sums[r][0] = _mm512_add_ps(_mm512_loadu_ps(t), sums[r][0]);
                sums[r][1] = _mm512_add_ps(_mm512_loadu_ps(t + 16), sums[r][1]);
            }
            _mm512_storeu_ps(t, sums[r][0]);
            _mm512_storeu_ps(t + 16, sums[r][1]);
        }
    }
}

AVX512 VLM_SEPARATE void tile_avx512(const float *a, const float *b, size_t rows, size_t depth, float *tile,
                                const float *next) {
    if (next) {
        if (rows > 8) tile_rows_avx512(12, a, b, depth, tile, next);
        else if (rows > 4) tile_rows_avx512(8, a, b, depth, tile, next);
        else tile_rows_avx512(4, a, b, depth, tile, next);
    } else {
        if (rows > 8) tile_rows_avx512(12, a, b, depth, tile, NULL);
        else if (rows > 4) tile_rows_avx512(8, a, b, depth, tile, NULL);
        else tile_rows_avx512(4, a, b, depth, tile, NULL);
    }
}

AVX512 static void product_avx512(const float *packed, size_t rows, const float *weight, size_t columns, size_t depth,
                                  const vlm_product_end *end, float *panel) {
    float tile[MR * NR] = {0};
    PANEL_LOOP(tile_avx512)
}

// Six rows of a panel times 16 of its columns.
AVX2 VLM_INLINE void tile_six_avx2(const float *a, const float *b, size_t depth, float *tile) {
    for (size_t start = 0; start < depth; start += VLM_PANEL_DEPTH_RUN) {
        size_t count = depth - start < VLM_PANEL_DEPTH_RUN ? depth - start : VLM_PANEL_DEPTH_RUN;
        __m256 sums[6][2];
        UNROLLED for (int r = 0; r < 6; r++) sums[r][0] = sums[r][1] = _mm256_setzero_ps();
        for (size_t p = 0; p < count; p++, a += MR, b += NR) {
            __m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + 8);
            UNROLLED for (int r = 0; r < 6; r++) {
                __m256 x = _mm256_broadcast_ss(a + r);
                sums[r][0] = _mm256_fmadd_ps(x, b0, sums[r][0]);
                sums[r][1] = _mm256_fmadd_ps(x, b1, sums[r][1]);
            }
        }
        UNROLLED for (int r = 0; r < 6; r++) {
            float *t = tile + r * NR;
            if (start) {
                sums[r][0] = _mm256_add_ps(_mm256_loadu_ps(t), sums[r][0]);
                sums[r][1] = _mm256_add_ps(_mm256_loadu_ps(t + 8), sums[r][1]);
            }
            _mm256_storeu_ps(t, sums[r][0]);
            _mm256_storeu_ps(t + 8, sums[r][1]);
        }
    }
}

AVX2 VLM_SEPARATE void tile_avx2(const float *a, const float *b, size_t rows, size_t depth, float *tile,
                              const float *next) {
    (void)next;
    for (size_t r = 0; r < rows; r += 6) {
        for (size_t c = 0; c < NR; c += 16) tile_six_avx2(a + r, b + c, depth, tile + r * NR + c);
    }
}

AVX2 static void product_avx2(const float *packed, size_t rows, const float *weight, size_t columns, size_t depth,
                              const vlm_product_end *end, float *panel) {
    float tile[MR * NR] = {0};
    PANEL_LOOP(tile_avx2)
}
#endif

void vlm_panel_product(const float *packed, size_t rows, const float *weight, size_t columns, size_t depth,
                       vlm_product_end end, float *panel, int level) {
#if defined(__x86_64__)
    if (level >= VLM_LEVEL_AVX512) {
        product_avx512(packed, rows, weight, columns, depth, &end, panel);
        return;
    }
    if (level == VLM_LEVEL_AVX2) {
        product_avx2(packed, rows, weight, columns, depth, &end, panel);
        return;
    }
#endif
    product_plain(packed, rows, weight, columns, depth, &end, panel);
}
