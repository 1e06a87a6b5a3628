// Products x W^T in 8-bit integers: weights by output column, rows of x by their own range, sums exact in 32 bits and so the
// same at every level. Columns of x that are much larger than the rest ("outliers") stay in Float32 on both sides.
#ifndef VLMPIPE_QUANTISED_PRODUCT_H
#define VLMPIPE_QUANTISED_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#include "panel_product.h"

// Sums of at most this many products fit in 32 bits.
enum { VLM_QUANTISED_DEPTH_LIMIT = 65536 };

// About the mean byte of photographs: sums of what is left of a pixel are small, and lose little in Float32.
enum { VLM_PIXEL_ZERO = 117 };

// Weights of a product. Sizes: packed vlm_quantised_weight_size bytes, scales and sums `columns` rounded up to 32, side that times
// outlier_count.
typedef struct {
    size_t columns, depth;
    size_t outlier_count;
    const int32_t *outliers;  // ascending places along depth
    int8_t *packed;           // per 32 columns [depth / 4, 32, 4]; outliers are zero
    float *scales;            // w = scale * packed
    int32_t *sums;            // of packed, per column
    float *side;              // per 32 columns [outliers, 32]
} vlm_quantised_weight;

// Rows of x. Sizes: packed vlm_quantised_row_size bytes, scales and zeros `rows` rounded up to 12, side that times
// outlier_count.
typedef struct {
    size_t rows;
    uint8_t *packed;  // per 12 rows [depth / 4, 12, 4]; outliers are at zero
    float *scales;    // x = scale * (packed - zero)
    int32_t *zeros;
    float *side;      // per 12 rows [outliers, 12]
} vlm_quantised_rows;

// Bytes of packed weights and rows.
size_t vlm_quantised_weight_size(size_t columns, size_t depth);
size_t vlm_quantised_row_size(size_t rows, size_t depth);

// Fills what `target` points at from weight [columns, depth], row-major:
// scale = max |w| / 127 over a column without its outliers, packed = w / scale rounded to nearest, ties to even.
void vlm_quantise_weight(const float *weight, const vlm_quantised_weight *target);

// Fills what `target` points at from dense rows x [rows, depth] for a product with `weight`: over a row without its outliers and
// with 0, scale = (max - min) / 255, zero = -min / scale and packed = x / scale + zero, each rounded to nearest, ties to even.
// A row that is not finite gets a scale of NaN. `scratch` has room for 12 rows of depth rounded up to 4 bytes and one row of
// floats.
void vlm_quantise_rows(const float *x, const vlm_quantised_weight *weight, const vlm_quantised_rows *target,
                       float *scratch);

// Fills what `target` points at, without outliers, from as many whole patches of square RGB images of size * size pixels as it
// has rows, each in the order of its bytes: packed are the bytes themselves, scale is 1 and zero VLM_PIXEL_ZERO. `scratch` as above
// for depth patch * patch * 3.
void vlm_pack_patches(const uint8_t *pixels, size_t size, size_t patch, const vlm_quantised_rows *target,
                      float *scratch);

// Floats of that scratch.
size_t vlm_quantise_scratch_count(size_t depth);

// The product, finished as vlm_panel_product does, but for the exact GELU, which is 9e-5 off: what follows is rounded to 8 bits.
void vlm_quantised_product(const vlm_quantised_rows *rows, const vlm_quantised_weight *weight, vlm_product_end end,
                           int level);

#endif
