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

typedef void end_function(const finished_tile *t, size_t first_row, size_t first_column, size_t columns,
                          const vlm_product_end *end);

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

// Fetches `count` lines of the next panel: weights that do not fit in the caches come from memory while the tiles of this one are
// computed.
VLM_INLINE void expect_lines(const uint32_t *next, size_t count) {
    for (size_t line = 0; line < count; line++) __builtin_prefetch(next + line * 16, 0, 2);
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

// The sums of a tile, whole or not, of so many units of depth; see word_tiles.h.
typedef void tile_function(const vlm_unit *a, const vlm_unit *b, size_t b_stride, size_t rows, size_t columns, size_t units,
                           int32_t *out, size_t out_stride);

// A whole tile without outliers from the rows and the panel to its end; 0 where this is not for it.
typedef int whole_tile_function(const vlm_unit *a, const vlm_unit *b, size_t units, const finished_tile *t, size_t row,
                                size_t column, const vlm_product_end *end);

// Levels that finish no tile at once.
VLM_INLINE int no_whole_tile(const vlm_unit *a, const vlm_unit *b, size_t units, const finished_tile *t, size_t row,
                             size_t column, const vlm_product_end *end) {
    (void)a, (void)b, (void)units, (void)t, (void)row, (void)column, (void)end;
    return 0;
}

VLM_INLINE void multiply(const vlm_quantised_rows *x, const vlm_quantised_weight *weight, const vlm_product_end *end,
                         uint32_t *wide_panel, tile_function *tile, whole_tile_function *whole_tile, end_function *finish) {
    int32_t sums[MR * NR] = {0};
    size_t units = weight->has_words ? (weight->depth + 1) / 2 : (weight->depth + 3) / 4;
    size_t steps = wide_panel ? 2 * units : units, outliers = weight->outlier_count;
    size_t tiles = (x->rows + MR - 1) / MR, lines = tiles ? (NR * units / 16 + tiles - 1) / tiles : 0;
    for (size_t column = 0; column < weight->columns; column += NR) {
        size_t width = weight->columns - column < NR ? weight->columns - column : NR;
        const uint32_t *panel = weight->packed + column * units, *next = panel + NR * units;
        size_t left = column + NR < weight->columns ? NR * units / 16 : 0;
        if (wide_panel) {
            widen_panel(panel, units, wide_panel);
            panel = wide_panel;
        }
        for (size_t row = 0; row < x->rows; row += MR) {
            size_t height = x->rows - row < MR ? x->rows - row : MR, count = left < lines ? left : lines;
            finished_tile t = {sums, height, x->scales + row, x->zeros + row, x->side + row * outliers,
                               weight->scales + column, weight->sums + column, weight->side + column * outliers, outliers};
            const vlm_unit *a = (const vlm_unit *)x->packed + row * steps, *b = (const vlm_unit *)panel;
            vlm_expect_tile(row, height, column, end);
            expect_lines(next, count);
            next += count * 16;
            left -= count;
            if (height == MR && width == NR && outliers == 0 && whole_tile(a, b, steps, &t, row, column, end)) continue;
            tile(a, b, NR, height, NR, steps, sums, NR);
            finish(&t, row, column, width, end);
        }
    }
}

static void end_tile_plain(const finished_tile *t, size_t row, size_t column, size_t columns, const vlm_product_end *end) {
    end_tile(t, row, column, columns, end, 0);
}

static void product_plain(const vlm_quantised_rows *x, const vlm_quantised_weight *weight, const vlm_product_end *end,
                          uint32_t *wide_panel) {
    multiply(x, weight, end, wide_panel, vlm_word_tiles_plain, no_whole_tile, end_tile_plain);
}

#if defined(__x86_64__)
// Adds the sums of `mr` rows, a constant where this is inlined.
VLM_VNNI VLM_INLINE void byte_sums_vnni(int mr, const vlm_unit *a, const vlm_unit *b, size_t units, __m512i sums[MR][2]) {
    for (size_t u = 0; u < units; u++, a += MR, b += NR) {
        __m512i b0 = _mm512_loadu_si512(b), b1 = _mm512_loadu_si512(b + 16);
        // Both are in the second cache, from which the machine's own guesses come a little late at the start of each tile.
        __builtin_prefetch(b + 16 * NR, 0, 3);
        __builtin_prefetch(b + 16 * NR + 16, 0, 3);
        __builtin_prefetch(a + 32 * MR, 0, 3);
        UNROLLED for (int r = 0; r < mr; r++) {
            __m512i x = _mm512_set1_epi32((int32_t)a[r]);
            sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], x, b0);
            sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], x, b1);
        }
    }
}

VLM_VNNI VLM_INLINE void byte_tile_vnni(int mr, const vlm_unit *a, const vlm_unit *b, size_t units, int32_t *tile) {
    __m512i sums[MR][2];
    UNROLLED for (int r = 0; r < mr; r++) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
    byte_sums_vnni(mr, a, b, units, sums);
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

// vlm_gelu_coarse.
VLM_VNNI VLM_INLINE __m512 gelu_coarse_vnni(__m512 x) {
    __m512 end = _mm512_set1_ps(VLM_GELU_COARSE_END);
    __m512 c = _mm512_max_ps(-end, _mm512_min_ps(end, x)), t = c * c;
    __m512 p = _mm512_set1_ps(vlm_gelu_coarse_terms[0]);
    UNROLLED for (int i = 1; i < VLM_GELU_COARSE_TERMS; i++)
        p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(vlm_gelu_coarse_terms[i]));
    return x * _mm512_fmadd_ps(c, p, _mm512_set1_ps(0.5f));
}

// The lines that a tile goes to are in the second cache when its sums begin, and fetched to the first when so many units are left: earlier,
// rows and weights would push them out again.
enum { UNITS_BEFORE_END = 48 };

// end_rows from sums that are still in their registers.
VLM_VNNI VLM_INLINE void whole_byte_tile_vnni(const vlm_unit *a, const vlm_unit *b, size_t units, const finished_tile *t,
                                              const float *bias, const float *added, size_t added_stride, float *out,
                                              size_t stride, int activation) {
    __m512i sums[MR][2];
    UNROLLED for (int r = 0; r < MR; r++) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
    size_t last = units < UNITS_BEFORE_END ? units : UNITS_BEFORE_END, first = units - last;
    byte_sums_vnni(MR, a, b, first, sums);
    for (size_t r = 0; r < MR; r++) {
        __builtin_prefetch(out + r * stride, 1, 3);
        __builtin_prefetch(out + r * stride + VLM_LANES, 1, 3);
    }
    byte_sums_vnni(MR, a + first * MR, b + first * NR, last, sums);
    UNROLLED for (int half = 0; half < 2; half++) {
        size_t lane = (size_t)half * VLM_LANES;
        __m512 scales = _mm512_loadu_ps(t->column_scales + lane), biases = _mm512_loadu_ps(bias + lane);
        __m512i column_sums = _mm512_loadu_si512(t->column_sums + lane);
        UNROLLED for (int r = 0; r < MR; r++) {
            __m512i whole = _mm512_sub_epi32(
                sums[r][half], _mm512_mullo_epi32(_mm512_set1_epi32(t->zeros[r]), column_sums));
            __m512 value = _mm512_cvtepi32_ps(whole) * (_mm512_set1_ps(t->row_scales[r]) * scales) + biases;
            if (activation == VLM_ACTIVATION_GELU_COARSE) value = gelu_coarse_vnni(value);
            _mm512_storeu_ps(out + (size_t)r * stride + lane,
                             value + _mm512_loadu_ps(added + (size_t)r * added_stride + lane));
        }
    }
}

VLM_VNNI __attribute__((noinline)) static int whole_byte_tiles_vnni(const vlm_unit *a, const vlm_unit *b, size_t units,
                                                                    const finished_tile *t, size_t row, size_t column,
                                                                    const vlm_product_end *end) {
    static const float zeros[NR];
    size_t start = row * end->out_stride + column;
    const float *bias = end->bias ? end->bias + column : zeros, *added = end->residual ? end->residual + start : zeros;
    size_t added_stride = end->residual ? end->out_stride : 0;
    if (end->activation == VLM_ACTIVATION_NONE)
        whole_byte_tile_vnni(a, b, units, t, bias, added, added_stride, end->out + start, end->out_stride,
                             VLM_ACTIVATION_NONE);
    else if (end->activation == VLM_ACTIVATION_GELU_COARSE)
        whole_byte_tile_vnni(a, b, units, t, bias, added, added_stride, end->out + start, end->out_stride,
                             VLM_ACTIVATION_GELU_COARSE);
    else return 0;
    return 1;
}

VLM_VNNI __attribute__((noinline)) static void end_tile_vnni(const finished_tile *t, size_t row, size_t column,
                                                             size_t columns, const vlm_product_end *end) {
    end_tile(t, row, column, columns, end, 1);
}

VLM_VNNI static void product_vnni(const vlm_quantised_rows *x, const vlm_quantised_weight *weight,
                                  const vlm_product_end *end) {
    if (weight->has_words) multiply(x, weight, end, NULL, vlm_word_tiles_vnni, no_whole_tile, end_tile_vnni);
    else multiply(x, weight, end, NULL, byte_tiles_vnni, whole_byte_tiles_vnni, end_tile_vnni);
}

VLM_AVX2 __attribute__((noinline)) static void end_tile_avx2(const finished_tile *t, size_t row, size_t column,
                                                             size_t columns, const vlm_product_end *end) {
    end_tile(t, row, column, columns, end, 1);
}

VLM_AVX2 static void product_avx2(const vlm_quantised_rows *x, const vlm_quantised_weight *weight,
                                  const vlm_product_end *end, uint32_t *wide_panel) {
    multiply(x, weight, end, wide_panel, vlm_word_tiles_avx2, no_whole_tile, end_tile_avx2);
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
