#ifndef VLMPIPE_VECTOR_SCAN_H
#define VLMPIPE_VECTOR_SCAN_H

#include <stddef.h>
#include <stdint.h>

// Inner products of float queries [query_count, dimension] with binary16 rows [row_count, dimension], both row-major:
// scores[q * score_stride + r] = sum over d of queries[q, d] * rows[r, d].
//
// Each score is one sum in 16 interleaved Float32 lanes, added pairwise at the end: it depends on the two vectors
// alone, not on how many rows or queries are in the call. The AVX2 and AVX-512 versions agree in every bit (fused
// multiply-add); the version for other CPUs rounds products and may differ in the last bits. Rows must be finite.
void vlm_scan_f16(const float *queries, size_t query_count, const uint16_t *rows, size_t row_count, size_t dimension,
                  float *scores, size_t score_stride);

// The plain twin of vlm_scan_f16 for one pair: the same lanes, one element at a time; products are rounded if
// `fused` is 0.
float vlm_dot_f16_plain(const float *query, const uint16_t *row, size_t dimension, int fused);

// The inner product of two Float32 vectors, in the order of additions of vlm_scan_f16; for a row whose elements are binary16
// numbers it is the same in every bit.
float vlm_dot_lanes(const float *query, const float *row, size_t dimension);

// 1 if vlm_scan_f16 uses fused multiply-add on this machine.
int vlm_scan_is_fused(void);

// Writes the ascending positions i with scores[i] >= threshold to `positions` (room for `count`), returns how many.
size_t vlm_positions_at_least(const float *scores, size_t count, float threshold, uint32_t *positions);

// The squared length of each of row_count vectors, in Double; a NaN or infinite element makes it not finite.
void vlm_squared_lengths(const float *rows, size_t row_count, size_t dimension, double *lengths);

#endif
