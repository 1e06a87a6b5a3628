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
    double along8;          // sum over directions <d, r> <d, v>
    double along_norm8;     // sum over directions <d, v>^2
    double along4;          // sum over directions <d, r> <d, w>
    double along_norm4;     // sum over directions <d, w>^2
} vlm_code_sums;

// Directions d along which an error of a row weighs 1 + |d|^2 times as much as elsewhere.
enum { VLM_DIRECTIONS = 32 };
typedef struct {
    const float *elements;  // [D, 32]: an element of all directions, then the next
    const float *norms;     // [D]: sum over directions of the element's square
    float sign_reach;       // elements this near to 0 may take the other sign, in steps of whole codes
    float upper_reach;      // elements this near to the next upper half may take it; up to 1
} vlm_directions;

// Encodes `residual` [D]: m = min(127, floor(scale * |r|)), u = r >= 0 ? 128 + m : 127 - m.
// With directions, readings of elements are then moved by single steps wherever that lowers |e|^2 + sum <d, e>^2 of the
// error e, in one fixed order: first of signs, then of upper halves, then of whole codes; how far, `form` says.
// signs [D/8]: bit i % 8 of byte i / 8 is set where u >= 128. high, low [D/2]: the upper and lower halves of u; byte j
// holds element j in its low nibble and element D/2 + j in its high nibble. scratch: VLM_ENCODE_SCRATCH bytes an element,
// aligned for floats. directions may be missing; then sums along them are 0.
enum { VLM_ENCODE_SCRATCH = 9 };
typedef enum {
    VLM_UPPER_CODES,        // only upper halves are kept: they are moved freely
    VLM_NEAREST_CODES,      // lower halves are the nearest ones, given the upper ones; sums of v along directions are 0
    VLM_WEIGHED_CODES,      // whole codes are moved too
} vlm_code_form;
void vlm_encode_row(const float *residual, size_t dimension, float scale, const vlm_directions *directions,
                    vlm_code_form form, void *scratch, uint8_t *signs, uint8_t *high, uint8_t *low, vlm_code_sums *sums);

// For rows a of `rows` [n, E]: adds sum_a a <a, basis> to `product`. basis, product: [E, 48].
enum { VLM_BASIS = 48 };
void vlm_moment_product(const float *rows, size_t row_count, size_t dimension, const float *basis, float *product);

// The norms of `vlm_code_sums` from codes alone; exact, so equal to what encoding gave. `low` may be missing: then norm8
// is 0.
void vlm_code_norms(const uint8_t *high, const uint8_t *low, size_t dimension, double *norm8, double *norm4);

#endif
