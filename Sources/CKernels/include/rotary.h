// Rotary positions: the channels of a head are turned pairwise by angles that depend on the token's place.
#ifndef VLMPIPE_ROTARY_H
#define VLMPIPE_ROTARY_H

#include <stddef.h>

// In place over `sequences` groups of `tokens` rows that lie `stride` floats apart. The first `prefix` rows of a group stay;
// row prefix + p has its pairs (x[2i], x[2i+1]) of every head turned by the angle whose cosine and sine are at
// [p, i] of the tables [tokens - prefix, head_width / 2]. head_width is even.
void vlm_rotate_pairs(float *x, size_t stride, size_t sequences, size_t tokens, size_t prefix, size_t heads,
                      size_t head_width, const float *cosines, const float *sines);

#endif
