#ifndef VLMPIPE_INDEX_CODES_H
#define VLMPIPE_INDEX_CODES_H

#include <stddef.h>
#include <stdint.h>

// Codes of an index: rotation and encoding. D is a multiple of 64, at least 64.
// Results are the same in every bit on every CPU: elementwise arithmetic without contraction, sums in fixed order.

// Rotates `vector` [D] in place: an orthonormal map made of four rounds of sign flips (`signs` [4, D], each 1 or -1),
// Hadamard transforms of h = the largest power of two <= D (even rounds on the first h elements, odd rounds on the
// last), and, where h < D, 45-degree rotations between the two halves.
void vlm_rotate(float *vector, size_t dimension, const float *signs);

// The inverse of `vlm_rotate`, up to rounding.
void vlm_rotate_back(float *vector, size_t dimension, const float *signs);

// Sums over one row that its factors are computed from. s, v, w: the 1-, 8- and 4-bit readings of the code.
typedef struct {
    double squared;         // sum r^2
    double absolute;        // sum |r|, which is <r, s>
    double product8;        // <r, v>, v = u - 127.5
    double norm8;           // <v, v>
    double product4;        // <r, w>, w = (u >> 4) - 7.5
    double norm4;           // <w, w>
} vlm_code_sums;

// Encodes `residual` [D]: m = min(127, floor(scale * |r|)), u = r >= 0 ? 128 + m : 127 - m.
// signs [D/8]: bit i % 8 of byte i / 8 is set where r >= 0. high, low [D/2]: the upper and lower halves of u; byte j
// holds element j in its low nibble and element D/2 + j in its high nibble.
void vlm_encode_row(const float *residual, size_t dimension, float scale, uint8_t *signs, uint8_t *high, uint8_t *low,
                    vlm_code_sums *sums);

// The norms of `vlm_code_sums` from codes alone; exact, so equal to what encoding gave. `low` may be missing: then norm8
// is 0.
void vlm_code_norms(const uint8_t *high, const uint8_t *low, size_t dimension, double *norm8, double *norm4);

#endif
