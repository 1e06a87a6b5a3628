// The elementwise middle of a gated perceptron.
#ifndef VLMPIPE_GATED_H
#define VLMPIPE_GATED_H

#include <stddef.h>

// out[r, c] = silu(x[r, c] + bias[c]) * (x[r, cols + c] + bias[cols + c]) with silu(t) = t sigma(t).
// x [rows, 2 cols] holds the gate, then the values; bias [2 cols]. out [rows, cols] must not overlap x.
void vlm_silu_gate(const float *x, const float *bias, float *out, size_t rows, size_t cols);

#endif
