#ifndef VLMPIPE_INDEX_CLUSTERS_H
#define VLMPIPE_INDEX_CLUSTERS_H

#include <stddef.h>
#include <stdint.h>

// Clusters of rows that are known by their codes (index_codes.h). Results are the same in every bit on every CPU.

// For each row r, the cluster of the largest
//   scales[r] * (dots[c * stride + r] * steps[c] - offsets[c]) - penalties[c],  c < cluster_count,
// if that is larger than best[r]: then nearest[r] = first + c, and best[r] is it. Of equal ones the first counts.
void vlm_nearest_clusters(const int32_t *dots, size_t stride, size_t cluster_count, const float *steps,
                          const float *offsets, const float *penalties, const float *scales, size_t row_count,
                          uint32_t first, uint32_t *nearest, float *best);

// Adds scale * v to `sums` [D], where v = u - 127.5 for a code u of which `high` and `low` [D/2] are the halves; without `low`,
// v is the upper half - 7.5.
void vlm_add_code(const uint8_t *high, const uint8_t *low, size_t dimension, float scale, float *sums);

#endif
