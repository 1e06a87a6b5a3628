#include "quantised_product.h"

#include <string.h>

#include "dispatch.h"
#include "product_end.h"
#include "word_tiles.h"

enum { MR = VLM_PANEL_ROWS, NR = VLM_PANEL_COLUMNS };

#define UNROLLED _Pragma("clang loop unroll(full)")

// A tile of integer sums, all that its end needs, and where it goes.
typedef struct {
    const int32_t *sums;  // [rows, 32]
    size_t rows;
    const float *row_scales;
    const int32_t *zeros;
    const float *row_side;
    const float *column_scales;
    const int32_t *column_sums;
    const float *column_side;
    size_t outliers;
} finished_tile;

// out = f(sums in the units of x and w + the outliers' part + bias) + added, in one pass over whole rows; `activation`, `is_fused` and
// `has_outliers` are constants where this is inlined.
VLM_INLINE void end_rows(const finished_tile *t, const float *bias, const float *added, size_t added_stride, float *out,
                         size_t stride, int activation, int is_fused, int has_outliers) {
    vlm_wide scales[2], biases[2];
    vlm_wide_int column_sums[2];
    memcpy(scales, t->column_scales, sizeof scales);
    memcpy(biases, bias, sizeof biases);
    memcpy(column_sums, t->column_sums, sizeof column_sums);
    for (size_t r = 0; r < t->rows; r++) {
        UNROLLED for (int half = 0; half < 2; half++) {
            size_t lane = (size_t)half * VLM_LANES;
            vlm_wide_int whole = *(const vlm_wide_int *)(t->sums + r * NR + lane) - t->zeros[r] * column_sums[half];
            vlm_wide value = __builtin_convertvector(whole, vlm_wide) * (t->row_scales[r] * scales[half]);
            for (size_t o = 0; has_outliers && o < t->outliers; o++) {
                vlm_wide w = *(const vlm_wide *)(t->column_side + o * NR + lane);
                vlm_wide x = {0};
                x += t->row_side[o * MR + r];
                value = is_fused ? __builtin_elementwise_fma(x, w, value) : value + x * w;
            }
            value += biases[half];
            vlm_activate(&value, activation);
            *(vlm_wide *)(out + r * stride + lane) = value + *(const vlm_wide *)(added + r * added_stride + lane);
        }
    }
}

VLM_INLINE void end_activated(const finished_tile *t, const float *bias, const float *added, size_t added_stride,
                              float *out, size_t stride, int activation, int is_fused, int has_outliers) {
#define CASE(code)                                                                                                  \
    case code: end_rows(t, bias, added, added_stride, out, stride, code, is_fused, has_outliers); break;
    switch (activation) {
        CASE(VLM_ACTIVATION_GELU)
        CASE(VLM_ACTIVATION_GELU_COARSE)
        CASE(VLM_ACTIVATION_QUICK_GELU)
        CASE(VLM_ACTIVATION_GELU_TANH)
    default: end_rows(t, bias, added, added_stride, out, stride, VLM_ACTIVATION_NONE, is_fused, has_outliers);
    }
#undef CASE
}

VLM_INLINE void end_tile(const finished_tile *t, size_t first_row, size_t first_column, size_t columns,
                         const vlm_product_end *end, int is_fused) {
    static const float zeros[NR];
    size_t start = first_row * end->out_stride + first_column;
    if (columns == NR) {
        const float *bias = end->bias ? end->bias + first_column : zeros;
        const float *added = end->residual ? end->residual + start : zeros;
        size_t added_stride = end->residual ? end->out_stride : 0;
        if (t->outliers == 0)
            end_activated(t, bias, added, added_stride, end->out + start, end->out_stride, end->activation, is_fused, 0);
        else end_activated(t, bias, added, added_stride, end->out + start, end->out_stride, end->activation, is_fused, 1);
        return;
    }
    // The last columns of a product take the same way through a tile of their own.
    float bias[NR] = {0}, tile[MR * NR] = {0};
    if (end->bias) memcpy(bias, end->bias + first_column, columns * sizeof(float));
    for (size_t r = 0; end->residual && r < t->rows; r++)
        memcpy(tile + r * NR, end->residual + start + r * end->out_stride, columns * sizeof(float));
    end_activated(t, bias, tile, NR, tile, NR, end->activation, is_fused, 1);
    for (size_t r = 0; r < t->rows; r++)
        memcpy(end->out + start + r * end->out_stride, tile + r * NR, columns * sizeof(float));
}

// Fetches one of `count` parts of the `size` units of the next panel: weights that do not fit in the caches come from memory while the
// tiles of this panel are computed.
VLM_INLINE void expect_panel(const uint32_t *next, size_t size, size_t part, size_t count) {
    for (size_t place = size * part / count / 16 * 16; place < size * (part + 1) / count; place += 16)
        __builtin_prefetch(next + place, 0, 2);
}

// Bytes of a panel of weights [units, 32] as words [2 * units, 32].
VLM_DISPATCH
static void widen_panel(const uint32_t *restrict bytes, size_t units, uint32_t *restrict words) {
    for (size_t u = 0; u < units; u++) {
        for (size_t c = 0; c < NR; c++) {
            uint32_t four = bytes[u * NR + c];
            uint32_t first = (uint32_t)(int8_t)four & 0xffff, second = (uint32_t)(int8_t)(four >> 8) << 16;
            uint32_t third = (uint32_t)(int8_t)(four >> 16) & 0xffff, fourth = (uint32_t)(int8_t)(four >> 24) << 16;
            words[2 * u * NR + c] = first | second;
            words[(2 * u + 1) * NR + c] = third | fourth;
        }
    }
}

// The tiles [rows, 32] of all columns: `tile` of `step` units of depth, with weights as they are or widened to words.
typedef void tile_function(const vlm_unit *a, const vlm_unit *b, size_t b_stride, size_t rows, size_t columns, size_t units,
                           int32_t *out, size_t out_stride);

VLM_INLINE void multiply(const vlm_quantised_rows *x, const vlm_quantised_weight *weight, const vlm_product_end *end,
                         uint32_t *wide_panel, tile_function *tile, int is_fused) {
    int32_t sums[MR * NR] = {0};
    size_t units = weight->has_words ? (weight->depth + 1) / 2 : (weight->depth + 3) / 4;
    size_t steps = wide_panel ? 2 * units : units, outliers = weight->outlier_count;
    for (size_t column = 0; column < weight->columns; column += NR) {
        size_t width = weight->columns - column < NR ? weight->columns - column : NR;
        const uint32_t *panel = weight->packed + column * units;
        if (wide_panel) {
            widen_panel(panel, units, wide_panel);
            panel = wide_panel;
        }
        for (size_t row = 0; row < x->rows; row += MR) {
            size_t height = x->rows - row < MR ? x->rows - row : MR;
            finished_tile t = {sums, height, x->scales + row, x->zeros + row, x->side + row * outliers,
                               weight->scales + column, weight->sums + column, weight->side + column * outliers, outliers};
            vlm_expect_tile(row, height, column, end);
            if (column + NR < weight->columns)
                expect_panel(weight->packed + (column + NR) * units, NR * units, row / MR, (x->rows + MR - 1) / MR);
            tile((const vlm_unit *)x->packed + row * steps, (const vlm_unit *)panel, NR, height, NR, steps, sums, NR);
            end_tile(&t, row, column, width, end, is_fused);
        }
    }
}

static void product_plain(const vlm_quantised_rows *x, const vlm_quantised_weight *weight, const vlm_product_end *end,
                          uint32_t *wide_panel) {
    multiply(x, weight, end, wide_panel, vlm_word_tiles_plain, 0);
}

#if defined(__x86_64__)
// `mr` rows are a constant where this is inlined.
VLM_VNNI VLM_INLINE void byte_tile_vnni(int mr, const vlm_unit *a, const vlm_unit *b, size_t units, int32_t *tile) {
    __m512i sums[MR][2];
    UNROLLED for (int r = 0; r < mr; r++) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
    for (size_t u = 0; u < units; u++, a += MR, b += NR) {
        __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 16);
        UNROLLED for (int r = 0; r < mr; r++) {
            __m512i x = _mm512_set1_epi32((int32_t)a[r]);
            sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], x, b0);
            sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], x, b1);
        }
    }
    UNROLLED for (int r = 0; r < mr; r++) {
        _mm512_storeu_si512(tile + r * NR, sums[r][0]);
        _mm512_storeu_si512(tile + r * NR + 16, sums[r][1]);
    }
}

// Whole panels of 32 columns alone. Inlined into the loops over tiles, sums would leave their registers for constants of the end.
VLM_VNNI __attribute__((noinline)) WORD_TILES(byte_tiles_vnni) {
    (void)b_stride, (void)columns, (void)out_stride;
    if (rows > 8) byte_tile_vnni(12, a, b, pairs, out);
    else if (rows > 4) byte_tile_vnni(8, a, b, pairs, out);
    else byte_tile_vnni(4, a, b, pairs, out);
}

VLM_VNNI static void product_vnni(const vlm_quantised_rows *x, const vlm_quantised_weight *weight,
                                  const vlm_product_end *end) {
    if (weight->has_words) multiply(x, weight, end, NULL, vlm_word_tiles_vnni, 1);
    else multiply(x, weight, end, NULL, byte_tiles_vnni, 1);
}

VLM_AVX2 static void product_avx2(const vlm_quantised_rows *x, const vlm_quantised_weight *weight,
                                  const vlm_product_end *end, uint32_t *wide_panel) {
    multiply(x, weight, end, wide_panel, vlm_word_tiles_avx2, 1);
}
#endif

void vlm_quantised_product(const vlm_quantised_rows *rows, const vlm_quantised_weight *weight, vlm_product_end end,
                           float *scratch, int level) {
    if (end.activation == VLM_ACTIVATION_GELU && !weight->has_words) end.activation = VLM_ACTIVATION_GELU_COARSE;
    // AVX2's products of bytes saturate, those of words do not.
    uint32_t *wide_panel = weight->has_words ? NULL : (uint32_t *)scratch;
#if defined(__x86_64__)
    if (level >= VLM_LEVEL_VNNI) {
        product_vnni(rows, weight, &end);
        return;
    }
    if (level >= VLM_LEVEL_AVX2) {
        product_avx2(rows, weight, &end, wide_panel);
        return;
    }
#endif
    product_plain(rows, weight, &end, wide_panel);
}
