#ifndef VLMPIPE_INDEX_SCAN_H
#define VLMPIPE_INDEX_SCAN_H

#include <stddef.h>
#include <stdint.h>

// Scans of the codes of an index; the codes are those of index_codes.h. All sums are integers and exact, so every
// version gives the same result. D is a multiple of 64 and at most 65,536.

// The instruction sets the scans may use, from the plainest up; a level that the machine lacks is never chosen.
enum {
    VLM_SCAN_PLAIN = 0,
    VLM_SCAN_AVX2 = 1,
    VLM_SCAN_AVX512 = 2,
    // On ARM: the base set, and with dot products.
    VLM_SCAN_NEON = 1,
    VLM_SCAN_DOT = 2,
};

// The best level of this machine.
int vlm_scan_level(void);

// dots[q * stride + r] = sum over i < D of nibble i of row r * queries[q, i].
// rows [row_count, D/2] as `high` or `low` of vlm_encode_row; queries [query_count, D].
void vlm_nibble_dots(int level, const int8_t *queries, size_t query_count, const uint8_t *rows, size_t row_count,
                     size_t dimension, int32_t *dots, size_t stride);

// dots[i] = what vlm_nibble_dots gives for query queries[numbers[i]] of queries [.., D] and the one row rows[i] [D/2]:
// many rows anywhere in memory, which are asked for some time before they are read.
void vlm_scattered_dots(int level, const int8_t *queries, const uint32_t *numbers, const uint8_t *const *rows,
                        size_t count, size_t dimension, int32_t *dots);

// sum over i of u_i * (256 * coarse_i + fine_i), where u_i = 16 * nibble i of `high` + nibble i of `low`.
// `low` may be null: then it counts as zero. `pair` [2, D] is coarse, then fine.
int64_t vlm_code_dot(int level, const int8_t *pair, const uint8_t *high, const uint8_t *low, size_t dimension);

// The planes of a query's bits that signs are compared with, P.
enum { VLM_SIGN_PLANES = 3 };

// sums[r] = sum over b < P of 2^b * (D - 2 * popcount(row r xor plane b)): the inner product of the signs of row r
// (1 or -1) with a query whose elements are the odd numbers sum over b of 2^b * (1 or -1), from -7 to 7.
// rows [row_count, D/8], planes [P, D/8].
void vlm_sign_dots(int level, const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t dimension,
                   int32_t *sums);

// Asks for bytes that are about to be read; a hint without effect on results.
void vlm_prefetch(const uint8_t *bytes, size_t byte_count);

// Moves the `kept` largest of the keys to the front, in no particular order. kept <= count.
void vlm_select_largest(uint64_t *keys, size_t count, size_t kept);

// Columns beside the codes of a group of rows: binary16 numbers, anywhere in memory. A column of errors may be missing.
typedef struct {
    const uint8_t *factors;
    const uint8_t *errors[2];
} vlm_bound_columns;

// Ascending rows r with
//   base + factors[r] * (dots[r] * dot_scale - dot_offset) + (errors0[r] + errors1[r]) * error_scale >= threshold
// are written to `positions`, the left side to `values` (room for `count` + 16 each); returns how many. The caller says that
// no row with a smaller dot than `least_dot` is one of them (INT32_MIN if that is not known): most columns are then not read.
// Every level gives the same numbers.
size_t vlm_bounded_positions(int level, const int32_t *dots, const vlm_bound_columns *columns, size_t count, float base,
                             float dot_scale, float dot_offset, float error_scale, float threshold, int32_t least_dot,
                             uint32_t *positions, float *values);

#endif
