// Row-wise loops of transformer layers. Matrices are row-major and dense unless a stride is given; all sums are
// Float32. Pointers must not overlap unless a comment says so.
#ifndef VLMPIPE_TRANSFORMER_H
#define VLMPIPE_TRANSFORMER_H

#include <stddef.h>
#include <stdint.h>

#include "attention.h"
#include "convolution.h"

enum { VLM_ACTIVATION_GELU = 0, VLM_ACTIVATION_QUICK_GELU = 1, VLM_ACTIVATION_GELU_TANH = 2 };

// y = exp(x); see vlm_exp_sum for range and accuracy. y may be x.
void vlm_exponential(const float *x, float *y, size_t count);

// out = f(h + bias), and derivative = f'(h + bias) where it is not NULL. bias [cols] may be NULL.
// out may be h when derivative is NULL; derivative may be h.
void vlm_activation_forward(const float *h, const float *bias, float *out, float *derivative, size_t rows, size_t cols,
                            int kind);

// gradient *= derivative; column_sum[c] += the column sums of the product where it is not NULL.
void vlm_activation_backward(float *gradient, const float *derivative, float *column_sum, size_t rows, size_t cols);

// out[c] += sum over rows of x[r, c].
void vlm_add_column_sum(const float *x, float *out, size_t rows, size_t cols);

// out[r, c] = bias[c] + source[r, c]; source or bias may be NULL (then 0), out may be source.
void vlm_add_bias(const float *source, const float *bias, float *out, size_t rows, size_t cols);

// y = (x - mean) * reciprocal_deviation * gain + bias, population variance; mean and reciprocal_deviation [rows] are
// kept where they are not NULL. y may be x.
void vlm_layer_norm_forward(const float *x, const float *gain, const float *bias, float *y, float *mean,
                            float *reciprocal_deviation, size_t rows, size_t cols, float epsilon);

// dx (= or +=, by accumulate), dgain += and dbias +=.
void vlm_layer_norm_backward(const float *x, const float *dy, const float *gain, const float *mean,
                             const float *reciprocal_deviation, float *dx, int accumulate, float *dgain, float *dbias,
                             size_t rows, size_t cols);

// y = x / max(norm(x), epsilon), norms [rows] kept.
void vlm_l2_normalise_forward(const float *x, float *y, float *norms, size_t rows, size_t cols, float epsilon);

// dx (= or +=): (dy - y (y.dy)) / norm, or dy / epsilon where the norm was below epsilon.
void vlm_l2_normalise_backward(const float *y, const float *norms, const float *dy, float *dx, int accumulate,
                               size_t rows, size_t cols, float epsilon);

// y = softmax of each row; log_sum [rows] = max + log(sum of exp(x - max)) where it is not NULL. y may be x.
void vlm_softmax_rows(const float *x, float *y, float *log_sum, size_t rows, size_t cols);

// out[r] = table[tokens[r]] + positions[places[r]].
void vlm_embedding_forward(const float *table, const float *positions, const int32_t *tokens, const int32_t *places,
                           float *out, size_t rows, size_t cols);

// dtable[tokens[r]] += dout[r]; dpositions[places[r]] += dout[r]; rows in order.
void vlm_embedding_backward(const float *dout, const int32_t *tokens, const int32_t *places, float *dtable,
                            float *dpositions, size_t rows, size_t cols);

// out[r] = x[rows_of[r]].
void vlm_gather_rows(const float *x, const int32_t *rows_of, float *out, size_t rows, size_t cols);

// x[rows_of[r]] += source[r]; rows in order.
void vlm_scatter_add_rows(const float *source, const int32_t *rows_of, float *x, size_t rows, size_t cols);

// out[b, 0] = class_token + positions[0]; out[b, 1 + n] = patches[b, n] + positions[1 + n].
void vlm_assemble_tokens_forward(const float *patches, const float *class_token, const float *positions, float *out,
                                 size_t batch, size_t patch_count, size_t cols);

// dpatches =; dclass_token += and dpositions +=.
void vlm_assemble_tokens_backward(const float *dout, float *dpatches, float *dclass_token, float *dpositions,
                                  size_t batch, size_t patch_count, size_t cols);

// out[s] = mean of the rows offsets[s] ..< offsets[s + 1] of x; empty ranges give 0.
void vlm_mean_rows_forward(const float *x, const int32_t *offsets, float *out, size_t sequences, size_t cols);

// dx[r] += dout[s] / row count for every row of sequence s.
void vlm_mean_rows_backward(const float *dout, const int32_t *offsets, float *dx, size_t sequences, size_t cols);

// y += x.
void vlm_add(const float *x, float *y, size_t count);

// y *= factor.
void vlm_scale(float *y, float factor, size_t count);

// 1 when every value is finite.
int vlm_all_finite(const float *x, size_t count);

#endif
