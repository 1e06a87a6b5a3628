#include "index_scan.h"

#include "dispatch.h"
#include "half_precision.h"

#include <string.h>

// The plain twins.

static inline int32_t nibble_dot_plain(const int8_t *query, const uint8_t *row, size_t dimension) {
    size_t half = dimension / 2;
    int32_t sum = 0;
    for (size_t j = 0; j < half; j++) sum += (row[j] & 15) * query[j] + (row[j] >> 4) * query[half + j];
    return sum;
}

static void nibble_dots_plain(const int8_t *queries, size_t query_count, const uint8_t *rows, size_t row_count,
                              size_t dimension, int32_t *dots, size_t stride) {
    for (size_t q = 0; q < query_count; q++) {
        for (size_t r = 0; r < row_count; r++) {
            dots[q * stride + r] = nibble_dot_plain(queries + q * dimension, rows + r * (dimension / 2), dimension);
        }
    }
}

// The largest element of a query in planes.
enum { LARGEST_LEVEL = (1 << VLM_SIGN_PLANES) - 1 };

static inline uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

static inline __attribute__((always_inline)) void sign_dots_words(
    const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t dimension, int32_t *sums) {
    size_t width = dimension / 8;
    for (size_t r = 0; r < row_count; r++) {
        const uint8_t *row = rows + r * width;
        int32_t counts[VLM_SIGN_PLANES] = {0};
        for (size_t j = 0; j < width; j += 8) {
            uint64_t word = word_at(row + j);
            for (int b = 0; b < VLM_SIGN_PLANES; b++) {
                counts[b] += __builtin_popcountll(word ^ word_at(planes + b * width + j));
            }
        }
        int32_t differing = 0;
        for (int b = 0; b < VLM_SIGN_PLANES; b++) differing += counts[b] << b;
        sums[r] = LARGEST_LEVEL * (int32_t)dimension - 2 * differing;
    }
}

static void sign_dots_plain(const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t dimension,
                            int32_t *sums) {
    sign_dots_words(planes, rows, row_count, dimension, sums);
}

#if defined(__x86_64__)
#include "index_scan_x86.h"
#elif defined(__aarch64__) && defined(__linux__)
#include "index_scan_neon.h"
#else
int vlm_scan_level(void) { return VLM_SCAN_PLAIN; }
#endif

static int allowed(int level) {
    int best = vlm_scan_level();
    return level < best ? level : best;
}

void vlm_nibble_dots(int level, const int8_t *queries, size_t query_count, const uint8_t *rows, size_t row_count,
                     size_t dimension, int32_t *dots, size_t stride) {
    switch (allowed(level)) {
#if defined(__x86_64__)
    case VLM_SCAN_AVX512: nibble_dots_avx512(queries, query_count, rows, row_count, dimension, dots, stride); break;
    case VLM_SCAN_AVX2: nibble_dots_avx2(queries, query_count, rows, row_count, dimension, dots, stride); break;
#elif defined(VLM_SCAN_HAS_NEON)
    case VLM_SCAN_DOT: nibble_dots_dot(queries, query_count, rows, row_count, dimension, dots, stride); break;
    case VLM_SCAN_NEON: nibble_dots_neon(queries, query_count, rows, row_count, dimension, dots, stride); break;
#endif
    default: nibble_dots_plain(queries, query_count, rows, row_count, dimension, dots, stride);
    }
}

// Rows asked for before they are read: as many as hide the way to memory and through the tables of pages.
enum { ROWS_AHEAD = 16 };

void vlm_prefetch(const uint8_t *bytes, size_t byte_count) {
    for (size_t j = 0; j < byte_count; j += 64) __builtin_prefetch(bytes + j);
}

void vlm_scattered_dots(int level, const int8_t *queries, const uint32_t *numbers, const uint8_t *const *rows,
                        size_t count, size_t dimension, int32_t *dots) {
    for (size_t i = 0; i < count && i < ROWS_AHEAD; i++) vlm_prefetch(rows[i], dimension / 2);
    for (size_t i = 0; i < count; i++) {
        if (i + ROWS_AHEAD < count) vlm_prefetch(rows[i + ROWS_AHEAD], dimension / 2);
        vlm_nibble_dots(level, queries + (size_t)numbers[i] * dimension, 1, rows[i], 1, dimension, &dots[i], 1);
    }
}

int64_t vlm_code_dot(int level, const int8_t *pair, const uint8_t *high, const uint8_t *low, size_t dimension) {
#if defined(__x86_64__)
    if (allowed(level) == VLM_SCAN_AVX512) return code_dot_avx512(pair, high, low, dimension);
#endif
    int32_t dots[4] = {0};
    for (int part = 0; part < 2; part++) {
        const int8_t *query = pair + part * dimension;
        vlm_nibble_dots(level, query, 1, high, 1, dimension, &dots[part], 1);
        if (low) vlm_nibble_dots(level, query, 1, low, 1, dimension, &dots[2 + part], 1);
    }
    return 16 * (256 * (int64_t)dots[0] + dots[1]) + 256 * (int64_t)dots[2] + dots[3];
}

void vlm_sign_dots(int level, const uint8_t *planes, const uint8_t *rows, size_t row_count, size_t dimension,
                   int32_t *sums) {
    switch (allowed(level)) {
#if defined(__x86_64__)
    case VLM_SCAN_AVX512: sign_dots_avx512(planes, rows, row_count, dimension, sums); break;
    case VLM_SCAN_AVX2: sign_dots_popcnt(planes, rows, row_count, dimension, sums); break;
#elif defined(VLM_SCAN_HAS_NEON)
    case VLM_SCAN_DOT:
    case VLM_SCAN_NEON: sign_dots_neon(planes, rows, row_count, dimension, sums); break;
#endif
    default: sign_dots_plain(planes, rows, row_count, dimension, sums);
    }
}

void vlm_select_largest(uint64_t *keys, size_t count, size_t kept) {
    size_t first = 0, end = count;
    // A pivot that no order of keys can foresee: with a fixed one some orders would take quadratic time.
    uint64_t state = 0x9E3779B97F4A7C15u;
    while (kept > first && kept < end) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        uint64_t pivot = keys[first + state % (end - first)];
        // Keys above the pivot, then equal ones, then those below.
        size_t above = first, next = first, below = end;
        while (next < below) {
            uint64_t key = keys[next];
            if (key > pivot) {
                keys[next++] = keys[above];
                keys[above++] = key;
            } else if (key < pivot) {
                keys[next] = keys[--below];
                keys[below] = key;
            } else {
                next++;
            }
        }
        if (kept <= above) end = above;
        else if (kept >= below) first = below;
        else return;
    }
}

VLM_DISPATCH static void bounds_of(const int32_t *restrict dots, const float *restrict factors,
                                   const float *restrict errors, size_t count, float base, float dot_scale,
                                   float dot_offset, float error_scale, float *restrict values) {
    for (size_t i = 0; i < count; i++) {
        values[i] = base + factors[i] * ((float)dots[i] * dot_scale - dot_offset) + errors[i] * error_scale;
    }
}

enum { BOUND_BLOCK = 64 };

static int32_t largest_of(const int32_t *values, size_t count) {
    int32_t largest = INT32_MIN;
    for (size_t i = 0; i < count; i++) largest = values[i] > largest ? values[i] : largest;
    return largest;
}

static size_t bounded_positions_plain(const int32_t *dots, const vlm_bound_columns *columns, size_t count, float base,
                                      float dot_scale, float dot_offset, float error_scale, float threshold,
                                      int32_t least_dot, uint32_t *positions, float *values) {
    size_t found = 0;
    for (size_t start = 0; start < count; start += BOUND_BLOCK) {
        size_t length = count - start < BOUND_BLOCK ? count - start : BOUND_BLOCK;
        if (largest_of(dots + start, length) < least_dot) continue;
        uint16_t halves[BOUND_BLOCK];
        float factors[BOUND_BLOCK], errors[BOUND_BLOCK] = {0}, more[BOUND_BLOCK], block[BOUND_BLOCK];
        memcpy(halves, columns->factors + 2 * start, 2 * length);
        vlm_f16_to_f32(halves, factors, length);
        for (int column = 0; column < 2; column++) {
            if (!columns->errors[column]) continue;
            memcpy(halves, columns->errors[column] + 2 * start, 2 * length);
            vlm_f16_to_f32(halves, more, length);
            for (size_t i = 0; i < length; i++) errors[i] += more[i];
        }
        bounds_of(dots + start, factors, errors, length, base, dot_scale, dot_offset, error_scale, block);
        for (size_t i = 0; i < length; i++) {
            positions[found] = (uint32_t)(start + i);
            values[found] = block[i];
            found += block[i] >= threshold;
        }
    }
    return found;
}

size_t vlm_bounded_positions(int level, const int32_t *dots, const vlm_bound_columns *columns, size_t count, float base,
                             float dot_scale, float dot_offset, float error_scale, float threshold, int32_t least_dot,
                             uint32_t *positions, float *values) {
#if defined(__x86_64__)
    if (allowed(level) == VLM_SCAN_AVX512) {
        return bounded_positions_avx512(dots, columns, count, base, dot_scale, dot_offset, error_scale, threshold,
                                        least_dot, positions, values);
    }
#endif
    (void)level;
    return bounded_positions_plain(dots, columns, count, base, dot_scale, dot_offset, error_scale, threshold, least_dot,
                                   positions, values);
}
