// Products x W^T in 8-bit or 16-bit integers: weights by output column, rows of x by their own range, sums exact in 32 bits and so
// the same at every level. Columns of x that are much larger than the rest ("outliers") stay in Float32 on both sides.
#ifndef VLMPIPE_QUANTISED_PRODUCT_H
#define VLMPIPE_QUANTISED_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#include "panel_product.h"

// Sums of at most this many products fit in 32 bits.
enum { VLM_QUANTISED_DEPTH_LIMIT = 65536 };

// About the mean byte of photographs: sums of what is left of a pixel are small, and lose little in Float32.
enum { VLM_PIXEL_ZERO = 117 };

// Weights of a product. Integers are bytes, four in a unit of 32 bits, or words, two in a unit. Sizes: packed
// vlm_quantised_weight_size units, scales and sums `columns` rounded up to 32, side that times outlier_count.
typedef struct {
    size_t columns, depth;
    int has_words;
    size_t outlier_count;
    const int32_t *outliers;  // ascending places along depth
    uint32_t *packed;         // per 32 columns [units of depth, 32]; outliers are zero
    float *scales;            // w = scale * packed
    int32_t *sums;            // of packed, per column
    float *side;              // per 32 columns [outliers, 32]
} vlm_quantised_weight;

// Rows of x, in unsigned bytes, or in words: as the weights are, but that levels below VNNI take bytes as words. Sizes: packed
// vlm_quantised_row_size units, scales and zeros `rows` rounded up to 12, side that times outlier_count.
typedef struct {
    size_t rows;
    uint32_t *packed;  // per 12 rows [units of depth, 12]; outliers are at zero
    float *scales;     // x = scale * (packed - zero)
    int32_t *zeros;
    float *side;       // per 12 rows [outliers, 12]
} vlm_quantised_rows;

// Units of packed weights; of packed rows at every level; floats of the scratch that making them and a product of them needs.
size_t vlm_quantised_weight_size(size_t columns, size_t depth, int has_words);
size_t vlm_quantised_row_size(size_t rows, size_t depth);
size_t vlm_quantised_scratch_count(size_t depth);

// The largest word: so many steps that `depth` products of two of them can be summed in 32 bits.
int32_t vlm_word_limit(size_t depth);

// Fills what `target` points at from weight [columns, depth], row-major: scale = max |w| / limit over a column without its outliers,
// packed = w / scale rounded to nearest, ties to even. The limit is 127, or vlm_word_limit of words.
void vlm_quantise_weight(vlm_weights weight, const vlm_quantised_weight *target, float *scratch);

// Fills what `target` points at from dense rows x [rows, depth] for a product with `weight` at this level, over a row without its
// outliers, everything rounded to nearest, ties to even. Bytes: scale = (max - min) / 255 with 0 in the range, zero = -min / scale and
// packed = x / scale + zero. Words: scale = max |x| / vlm_word_limit, zero = 0 and packed = x / scale. A row that is not finite gets a
// scale of NaN.
void vlm_quantise_rows(const float *x, const vlm_quantised_weight *weight, const vlm_quantised_rows *target,
                       float *scratch, int level);

// Fills what `target` points at, without outliers, from as many whole patches of square RGB images of size * size pixels as it
// has rows, each in the order of its bytes: packed are the bytes themselves, scale is 1 and zero VLM_PIXEL_ZERO. For weights in bytes
// of depth patch * patch * 3.
void vlm_pack_patches(const uint8_t *pixels, size_t size, size_t patch, const vlm_quantised_rows *target,
                      float *scratch, int level);

// The product of rows that were made for it at the same level, finished as vlm_panel_product does; but before rounding to bytes again
// the exact GELU need not be: with weights in bytes it is 9e-5 off. The scratch may be the one that the rows were made in.
void vlm_quantised_product(const vlm_quantised_rows *rows, const vlm_quantised_weight *weight, vlm_product_end end,
                           float *scratch, int level);

#endif
