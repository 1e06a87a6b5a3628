// The attention core softmax(scale * Q K^T) V of inference in 16-bit integers, at twice the speed of Float32.
//
// Queries and keys are quantised row by row by their largest absolute value, values column by column over the keys of their
// sequence, probabilities after the softmax, which is in Float32. The integers are as large as exact sums in 32 bits allow: 12 bits and
// a sign for heads of 64 channels, so that what is lost is a tenth of what 8-bit products around it lose. Integer sums are exact and
// Float32 sums are in sixteen lanes, so AVX2 and above agree in every bit, and a row depends on its own sequence alone.
#ifndef VLMPIPE_INTEGER_ATTENTION_H
#define VLMPIPE_INTEGER_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "panel_product.h"

// More keys could pass 32 bits.
enum { VLM_INTEGER_ATTENTION_KEY_LIMIT = 1 << 20 };

// Floats of scratch that one call needs when no sequence has more than `keys` keys.
size_t vlm_integer_attention_scratch_count(size_t keys, size_t head_width);

// As vlm_attention_forward, without probabilities; keys of a sequence are at most the limit. A query or key that is not finite gives
// NaN in every row that sees it, a value in its column of the sequence.
void vlm_integer_attention(const float *q, size_t q_stride, const float *k, const float *v, size_t kv_stride,
                           float *out, size_t out_stride, const int32_t *query_offsets, const int32_t *key_offsets,
                           size_t sequences, size_t heads, size_t head_width, float scale, int causal, float *scratch,
                           int level);

#endif
