// The attention core softmax(scale * Q K^T) V over packed sequences of any lengths, and its gradient.
#ifndef VLMPIPE_ATTENTION_H
#define VLMPIPE_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

// Rows of keys are padded to whole vectors: the row length of one head's probabilities over `keys` keys.
size_t vlm_attention_row_length(size_t keys);

// Floats of scratch that one call needs when no sequence has more than `queries` queries and `keys` keys.
size_t vlm_attention_scratch_count(size_t queries, size_t keys, size_t head_width);

// Sequence s has the query rows query_offsets[s] ..< query_offsets[s + 1] of q and out, and the key rows
// key_offsets[s] ..< key_offsets[s + 1] of k and v; head h the columns h * head_width ..< (h + 1) * head_width of each.
// Strides are in floats from row to row. causal: query i of a sequence sees the keys up to i + keys - queries.
// probabilities: per sequence, per head, queries x vlm_attention_row_length(keys), kept for the backward pass;
// NULL in inference. A sequence without keys or queries is skipped.
void vlm_attention_forward(const float *q, size_t q_stride, const float *k, const float *v, size_t kv_stride,
                           float *out, size_t out_stride, const int32_t *query_offsets, const int32_t *key_offsets,
                           size_t sequences, size_t heads, size_t head_width, float scale, int causal,
                           float *probabilities, float *scratch);

// dq, dk, dv = (never accumulated), with the strides of q, k and v.
void vlm_attention_backward(const float *q, size_t q_stride, const float *k, const float *v, size_t kv_stride,
                            const float *dout, size_t out_stride, const int32_t *query_offsets,
                            const int32_t *key_offsets, size_t sequences, size_t heads, size_t head_width, float scale,
                            const float *probabilities, float *dq, float *dk, float *dv, float *scratch);

#endif
