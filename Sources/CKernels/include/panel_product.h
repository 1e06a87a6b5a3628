// Products x W^T of few or many rows with row-major weights, in register tiles of 12 rows by 32 columns, with bias,
// activation and residual applied to each tile while it is in the first cache.
//
// Every element is one sum in the order of depth, in runs of 384 terms that are then added: it depends on its row and
// column alone, not on how many others are computed with it. AVX2 and AVX-512 agree in every bit (fused multiply-add);
// the version for other CPUs rounds products and may differ in the last bits.
#ifndef VLMPIPE_PANEL_PRODUCT_H
#define VLMPIPE_PANEL_PRODUCT_H

#include <stddef.h>

#include "transformer.h"
#include "weights.h"

enum { VLM_PANEL_ROWS = 12, VLM_PANEL_COLUMNS = 32, VLM_PANEL_DEPTH_RUN = 384 };

// What a product may use, each including those before.
enum { VLM_LEVEL_PLAIN = 0, VLM_LEVEL_AVX2 = 1, VLM_LEVEL_AVX512 = 2, VLM_LEVEL_VNNI = 3 };

// No activation, beside VLM_ACTIVATION_….
enum { VLM_ACTIVATION_NONE = -1 };

// The highest level of this machine.
int vlm_product_level(void);

// Floats of `rows` packed rows: whole panels.
size_t vlm_packed_row_count(size_t rows, size_t depth);

// Rows of x [rows, depth] at `stride` as panels [depth, 12]; rows beyond the last are zero.
void vlm_pack_rows(const float *x, size_t stride, size_t rows, size_t depth, float *packed);

// What becomes of a sum: out[r, c] = f(sum + bias[c]) + residual[r, c]. bias or residual may be NULL (then 0), residual has the
// stride of out and may be out; f is the activation of that code.
typedef struct {
    const float *bias;
    const float *residual;
    float *out;
    size_t out_stride;
    int activation;
} vlm_product_end;

// The product of packed rows with weight [columns, depth], row-major; 16-bit weights give what they give when they are floats. `panel`
// has room for depth * 32 floats; a level the machine does not have must not be asked for.
void vlm_panel_product(const float *packed, size_t rows, vlm_weights weight, size_t columns, size_t depth,
                       vlm_product_end end, float *panel, int level);

#endif
