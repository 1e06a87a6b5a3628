#ifndef VLMPIPE_INDEX_PACKING_H
#define VLMPIPE_INDEX_PACKING_H

#include <stddef.h>
#include <stdint.h>

// The packed forms of an index's sections: upper codes as magnitudes with escapes, vectors as differences to what their
// codes say. Both are exact, and the same on every CPU. D is a multiple of 64.

// The upper half of a code is a sign and a magnitude m from 0 to 7, of which small ones are frequent. Packed, every
// element has two bits, min(m, 3); those of 3 have two more, min(m - 3, 3); those of 6 one more, m - 6.
//
// base [D/4]: of D/32 little-endian words of 64 bits, field 2 i (two bits each, the lowest first) of word t is nibble i
// of bytes 16 t to 16 t + 7 of `high`, field 2 i + 1 that of the eight bytes after these.
// escapes: the pairs of bits of all fields that are 3, in the order of words and fields, the lowest bit first; then, in
// the same order, the single bits.

// Packs a row; returns the bytes of its escapes, at most 3 D / 8, for which `escapes` has room.
size_t vlm_pack_magnitudes(const uint8_t *high, const uint8_t *signs, size_t dimension, uint8_t *base, uint8_t *escapes);

// The opposite. Bytes of `escapes` may be read up to `readable`, which is at least `escape_byte_count`.
// Returns whether the row has exactly that many bytes of escapes; otherwise `high` holds anything.
int vlm_unpack_magnitudes(const uint8_t *base, const uint8_t *escapes, size_t escape_byte_count, size_t readable,
                          const uint8_t *signs, size_t dimension, uint8_t *high);
// The same, plainly.
int vlm_unpack_magnitudes_plain(const uint8_t *base, const uint8_t *escapes, size_t escape_byte_count,
                                const uint8_t *signs, size_t dimension, uint8_t *high);

// Unpacks rows `first` to `first + count` of a frame of `row_count` packed rows: u16 byte counts of their escapes, the base
// of every row, the escapes of every row. signs [count, D/8] and high [count, D/2] begin with row `first`.
// Returns 0 if the frame contradicts itself; no byte outside it is read.
int vlm_unpack_rows(const uint8_t *frame, size_t byte_count, size_t row_count, size_t first, size_t count,
                    const uint8_t *signs, size_t dimension, uint8_t *high);

// vector[i] = mean[i] + scale * (u_i - 127.5), [D], where u are the codes of a row.
void vlm_code_vector(const uint8_t *high, const uint8_t *low, size_t dimension, float scale, const float *mean,
                     float *vector);

// How many binary16 numbers `halves` are away from those nearest to `predicted`, [count]: 2 n for n steps up, 2 n - 1 for n
// steps down; the two may be one buffer. All numbers but NaNs are in one row, -0 and 0 being two.
void vlm_half_steps(const uint16_t *halves, const float *predicted, size_t count, uint16_t *steps);
// The opposite.
void vlm_halves_from_steps(const uint16_t *steps, const float *predicted, size_t count, uint16_t *halves);

// What binary16 rounding took from Float32 numbers, as six bits each: v - 32 sixty-fourths of the distance between the
// binary16 numbers around; four elements in three bytes, the lowest bits first, [(6 count + 7) / 8].
void vlm_fine_bits(const float *values, const uint16_t *halves, size_t count, uint8_t *bits);
// halves and their fine bits as Float32, exactly.
void vlm_refine(const uint16_t *halves, const uint8_t *bits, size_t count, float *values);

#endif
