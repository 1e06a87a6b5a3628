#include "panel_product.h"

#include <string.h>

#include "cpu_features.h"
#include "dispatch.h"
#include "panel_pack.h"
#include "panel_weights.h"
#include "product_end.h"

enum { MR = VLM_PANEL_ROWS, NR = VLM_PANEL_COLUMNS };

int vlm_product_level(void) {
    uint32_t bits = vlm_cpu_features();
    if (!(bits & VLM_CPU_AVX2) || !(bits & VLM_CPU_F16C)) return VLM_LEVEL_PLAIN;
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

// The weights of the next panel, or NULL, and their bytes in each step of depth. They are wanted soon: with few rows, waiting for
// them would take as long as the sums.
typedef struct {
    const char *weights;
    size_t step;
} next_panel;

// The sums of `rows` rows of a packed panel, by runs of depth: tile (=, from the second run on +=).
static void tile_plain(const float *restrict a, const float *restrict b, size_t rows, size_t depth,
                       float *restrict tile, next_panel next) {
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

#define PANEL_LOOP(tile_function, level)                                                                      \
    size_t step = NR * vlm_weight_size(weight.element);                                                       \
    for (size_t column = 0; column < columns; column += NR) {                                                 \
        size_t width = columns - column < NR ? columns - column : NR;                                         \
        vlm_pack_weights(vlm_weights_from(weight, column * depth), width, depth, panel, level);               \
        const char *following = vlm_weights_from(weight, (column + width) * depth).base;                      \
        next_panel next = {column + 2 * NR <= columns ? following : NULL, step};                              \
        for (size_t row = 0; row < rows; row += MR) {                                                         \
            size_t height = rows - row < MR ? rows - row : MR;                                                \
            tile_function(packed + row * depth, panel, height, depth, tile, next);                            \
            next.weights = NULL;                                                                              \
            vlm_end_tile(tile, row, height, column, width, end);                                              \
        }                                                                                                     \
    }

static void product_plain(const float *packed, size_t rows, vlm_weights weight, size_t columns, size_t depth,
                          const vlm_product_end *end, float *panel) {
    float tile[MR * NR] = {0};
    PANEL_LOOP(tile_plain, VLM_LEVEL_PLAIN)
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
                                        next_panel next) {
    for (size_t start = 0; start < depth; start += VLM_PANEL_DEPTH_RUN) {
        size_t count = depth - start < VLM_PANEL_DEPTH_RUN ? depth - start : VLM_PANEL_DEPTH_RUN;
        __m512 sums[MR][2];
        UNROLLED for (int r = 0; r < mr; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
        for (size_t p = 0; p < count; p++, a += MR, b += NR) {
            __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
            if (next.weights) {
                const char *line = next.weights + (start + p) * next.step;
                __builtin_prefetch(line, 0, 2);
                __builtin_prefetch(line + next.step / 2, 0, 2);
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
                                next_panel next) {
    const next_panel none = {NULL, 0};
    if (next.weights) {
        if (rows > 8) tile_rows_avx512(12, a, b, depth, tile, next);
        else if (rows > 4) tile_rows_avx512(8, a, b, depth, tile, next);
        else tile_rows_avx512(4, a, b, depth, tile, next);
    } else {
        if (rows > 8) tile_rows_avx512(12, a, b, depth, tile, none);
        else if (rows > 4) tile_rows_avx512(8, a, b, depth, tile, none);
        else tile_rows_avx512(4, a, b, depth, tile, none);
    }
}

AVX512 static void product_avx512(const float *packed, size_t rows, vlm_weights weight, size_t columns, size_t depth,
                                  const vlm_product_end *end, float *panel) {
    float tile[MR * NR] = {0};
    PANEL_LOOP(tile_avx512, VLM_LEVEL_AVX512)
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
                              next_panel next) {
    (void)next;
    for (size_t r = 0; r < rows; r += 6) {
        for (size_t c = 0; c < NR; c += 16) tile_six_avx2(a + r, b + c, depth, tile + r * NR + c);
    }
}

AVX2 static void product_avx2(const float *packed, size_t rows, vlm_weights weight, size_t columns, size_t depth,
                              const vlm_product_end *end, float *panel) {
    float tile[MR * NR] = {0};
    PANEL_LOOP(tile_avx2, VLM_LEVEL_AVX2)
}
#endif

void vlm_panel_product(const float *packed, size_t rows, vlm_weights weight, size_t columns, size_t depth,
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
