#include "integer_attention.h"

#include <math.h>
#include <string.h>

#include "word_tiles.h"

enum { MR = VLM_PANEL_ROWS };

// Probabilities of a row are scaled to sums of at most this, or to at most 15 bits each.
enum { PROBABILITY_SUM = 1 << 20, LARGEST_WORD = 32767 };

typedef int16_t words __attribute__((vector_size(32), aligned(2)));

// What a call is about; see the header.
typedef struct {
    const float *q, *k, *v;
    size_t q_stride, kv_stride;
    float *out;
    size_t out_stride;
    const int32_t *query_offsets, *key_offsets;
    size_t sequences, heads, head_width;
    float scale;
    int causal;
    float *scratch;
} task;

static size_t whole_vectors(size_t count) { return (count + VLM_LANES - 1) / VLM_LANES * VLM_LANES; }

// The parts of the scratch for sequences of at most `keys` keys, in 32-bit units.
typedef struct {
    size_t keys, key_steps, values, value_steps, row_words, row_panel, scores, probabilities, probability_panel, output, count;
} parts;

static parts scratch_parts(size_t keys, size_t head_width) {
    size_t length = whole_vectors(keys), width = whole_vectors(head_width), start = 0;
    parts p;
    p.keys = start, start += width / 2 * length;             // pairs of channels [width / 2, length]
    p.key_steps = start, start += length;
    p.values = start, start += length / 2 * width;           // pairs of keys [length / 2, width]
    p.value_steps = start, start += width;
    p.row_words = start, start += MR * width / 2;            // rows of words
    p.row_panel = start, start += MR * width / 2;            // [width / 2, 12]
    p.scores = start, start += MR * length;
    p.probabilities = start, start += MR * length / 2;       // rows of words
    p.probability_panel = start, start += MR * length / 2;   // [length / 2, 12]
    p.output = start, start += MR * width;
    p.count = start;
    return p;
}

size_t vlm_integer_attention_scratch_count(size_t keys, size_t head_width) {
    return scratch_parts(keys, head_width).count;
}

// The largest whole number whose products with those up to `other` can be summed `count` times in 32 bits.
static float limit(size_t count, float other) {
    float value = floorf(2147483008.0f / ((float)count * other));
    return value > LARGEST_WORD ? LARGEST_WORD : value;
}

VLM_INLINE void nearest(const vlm_wide *x, vlm_wide_int *result) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: sums below 2^22 have their whole part in the low bits
    vlm_wide shifted = *x + magic;
    memcpy(result, &shifted, sizeof shifted);
    *result -= vlm_bits_from_float(magic);
}

// The size of one of `limit` steps that reach from 0 to the value of these bits: NaN unless finite, 0 for next to nothing.
VLM_INLINE float step_of(int32_t bits, float limit) {
    if (bits >= 0x7f800000) return NAN;
    float step = vlm_float_from_bits(bits) / limit;
    return step > 1e-30f ? step : 0;
}

VLM_INLINE float inverse_of(float step) { return step > 0 ? 1.0f / step : 0; }

// x = `count` floats, zero behind.
VLM_INLINE void load(const float *source, size_t count, vlm_wide *x) {
    float padded[VLM_LANES] = {0};
    if (count >= VLM_LANES) {
        *x = *(const vlm_wide *)source;
        return;
    }
    for (size_t lane = 0; lane < count; lane++) padded[lane] = source[lane];
    *x = *(const vlm_wide *)padded;
}

// bits = the larger of it and that of the absolute value, lane by lane; what is not finite is larger than what is.
VLM_INLINE void take_larger(vlm_wide_int *bits, const vlm_wide *x) {
    *bits = __builtin_elementwise_max(*bits, *(const vlm_wide_int *)x & 0x7fffffff);
}

VLM_INLINE void nearest_words(const vlm_wide *x, int16_t *target) {
    vlm_wide_int rounded;
    nearest(x, &rounded);
    *(words *)target = __builtin_convertvector(rounded, words);
}

// A row of `width` floats as words, zero up to whole vectors; returns the step of a word.
VLM_INLINE float row_words(const float *x, size_t width, float limit, int16_t *target) {
    vlm_wide_int largest = {0};
    vlm_wide value;
    for (size_t d = 0; d < width; d += VLM_LANES) {
        load(x + d, width - d, &value);
        take_larger(&largest, &value);
    }
    float step = step_of(__builtin_reduce_max(largest), limit), inverse = inverse_of(step);
    for (size_t d = 0; d < width; d += VLM_LANES) {
        load(x + d, width - d, &value);
        value *= inverse;
        nearest_words(&value, target + d);
    }
    return step;
}

// Rows of a head are far apart: the machine does not see which comes next.
enum { ROWS_AHEAD = 16 };

VLM_INLINE void expect_row(const float *row, size_t width) {
    for (size_t d = 0; d < width; d += VLM_LANES) __builtin_prefetch(row + d, 0, 3);
}

VLM_INLINE void expect_output(const float *row, size_t width) {
    for (size_t d = 0; d < width; d += VLM_LANES) __builtin_prefetch(row + d, 1, 3);
}

// Keys of one head as pairs of channels by key; those behind the last are zero.
VLM_INLINE void pack_keys(const float *k, size_t stride, size_t keys, size_t width, size_t length, float limit,
                          int16_t *rows, vlm_unit *target, float *steps) {
    size_t room = whole_vectors(width);
    for (size_t first = 0; first < length; first += 4) {
        for (size_t r = 0; r < 4; r++) {
            if (first + r + ROWS_AHEAD < keys) expect_row(k + (first + r + ROWS_AHEAD) * stride, width);
            if (first + r < keys) {
                steps[first + r] = row_words(k + (first + r) * stride, width, limit, rows + r * room);
            } else {
                memset(rows + r * room, 0, room * sizeof(int16_t));
                steps[first + r] = 0;
            }
        }
        vlm_pack_four_rows((const vlm_unit *)rows, room / 2, room / 2, target + first, length);
    }
}

// Values of one head as pairs of keys by channel, each channel by its own largest value; what is not there is zero. `inverses`
// has room for whole vectors of channels.
VLM_INLINE void pack_values(const float *v, size_t stride, size_t keys, size_t width, float limit, vlm_unit *target,
                            float *steps, float *inverses) {
    size_t room = whole_vectors(width);
    int32_t *largest = (int32_t *)steps;
    vlm_wide x, next;
    memset(largest, 0, room * sizeof(int32_t));
    for (size_t j = 0; j < keys; j++) {
        if (j + ROWS_AHEAD < keys) expect_row(v + (j + ROWS_AHEAD) * stride, width);
        for (size_t d = 0; d < room; d += VLM_LANES) {
            load(v + j * stride + d, width - d, &x);
            take_larger((vlm_wide_int *)(largest + d), &x);
        }
    }
    for (size_t d = 0; d < room; d++) {
        steps[d] = step_of(largest[d], limit);
        inverses[d] = inverse_of(steps[d]);
    }
    for (size_t j = 0; j < keys; j += 2) {
        for (size_t d = 0; d < room; d += VLM_LANES) {
            vlm_wide_int first, second;
            load(v + j * stride + d, width - d, &x);
            load(v + (j + 1) * stride + d, j + 1 < keys ? width - d : 0, &next);
            x *= *(const vlm_wide *)(inverses + d);
            next *= *(const vlm_wide *)(inverses + d);
            nearest(&x, &first);
            nearest(&next, &second);
            *(vlm_wide_int *)(target + j / 2 * room + d) = (first & 0xffff) | (second << 16);
        }
    }
}

// Scores of one query to probabilities as words; returns the sum of the words.
VLM_INLINE int32_t softmax(int32_t *scores, const float *key_steps, float factor, size_t visible, size_t length,
                           int16_t *target) {
    float *row = (float *)scores;
    for (size_t j = 0; j < length; j += VLM_LANES) {
        vlm_wide x = __builtin_convertvector(*(const vlm_wide_int *)(scores + j), vlm_wide);
        *(vlm_wide *)(row + j) = x * (*(const vlm_wide *)(key_steps + j) * factor);
    }
    for (size_t j = visible; j < length; j++) row[j] = -INFINITY;
    float maximum = vlm_maximum(row, length), sums[VLM_LANES] = {0};
    for (size_t j = 0; j < length; j += VLM_LANES) {
        for (int lane = 0; lane < VLM_LANES; lane++) {
            float e = vlm_exp2_nonpositive(row[j + (size_t)lane] - maximum);
            row[j + (size_t)lane] = e;
            sums[lane] += e;
        }
    }
    for (int half = VLM_LANES / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
    }
    // At least one probability is 1 here.
    float unit = PROBABILITY_SUM / sums[0];
    unit = unit < LARGEST_WORD ? unit : LARGEST_WORD;
    vlm_wide_int total = {0};
    for (size_t j = 0; j < length; j += VLM_LANES) {
        vlm_wide e = *(const vlm_wide *)(row + j) * unit;
        vlm_wide_int rounded;
        nearest(&e, &rounded);
        total += rounded;
        *(words *)(target + j) = __builtin_convertvector(rounded, words);
    }
    return __builtin_reduce_add(total);
}

typedef void tiles(const vlm_unit *, const vlm_unit *, size_t, size_t, size_t, size_t, int32_t *, size_t);

// One head of one sequence; `tile` is a constant where this is inlined.
VLM_INLINE void attend(const task *t, size_t query_start, size_t queries, size_t key_start, size_t keys, size_t head,
                       tiles *tile) {
    size_t width = t->head_width, room = whole_vectors(width), length = whole_vectors(keys);
    parts place = scratch_parts(keys, width);
    vlm_unit *base = (vlm_unit *)t->scratch;
    float *key_steps = t->scratch + place.key_steps, *value_steps = t->scratch + place.value_steps;
    int16_t *row = (int16_t *)(base + place.row_words), *probabilities = (int16_t *)(base + place.probabilities);
    vlm_unit *row_panel = base + place.row_panel, *probability_panel = base + place.probability_panel;
    int32_t *scores = (int32_t *)(base + place.scores), *output = (int32_t *)(base + place.output);
    const float *q = t->q + query_start * t->q_stride + head * width;
    float *out = t->out + query_start * t->out_stride + head * width;
    float row_limit = floorf(sqrtf(2147483008.0f / (float)width));
    row_limit = row_limit > LARGEST_WORD ? LARGEST_WORD : row_limit;
    pack_keys(t->k + key_start * t->kv_stride + head * width, t->kv_stride, keys, width, length, row_limit, row,
              base + place.keys, key_steps);
    // Rounding may add half a unit for each key.
    pack_values(t->v + key_start * t->kv_stride + head * width, t->kv_stride, keys, width,
                limit(1, (float)(PROBABILITY_SUM + keys)), base + place.values, value_steps,
                (float *)output);
    int is_finite = 1;
    for (size_t j = 0; j < keys; j++) is_finite &= key_steps[j] == key_steps[j];
    for (size_t first = 0; first < queries; first += MR) {
        size_t rows = queries - first < MR ? queries - first : MR;
        float steps[MR];
        for (size_t r = 0; r < MR; r++) {
            steps[r] = 0;
            if (first + MR + r < queries) expect_row(q + (first + MR + r) * t->q_stride, width);
            if (r < rows) steps[r] = row_words(q + (first + r) * t->q_stride, width, row_limit, row + r * room);
            else memset(row + r * room, 0, room * sizeof(int16_t));
        }
        for (size_t r = 0; r < MR; r += 4)
            vlm_pack_four_rows((const vlm_unit *)(row + r * room), room / 2, room / 2, row_panel + r, MR);
        for (size_t r = 0; r < rows; r++) expect_output(out + (first + r) * t->out_stride, width);
        tile(row_panel, base + place.keys, length, rows, length, (width + 1) / 2, scores, length);
        float units[MR];
        for (size_t r = 0; r < MR; r++) {
            if (r >= rows) {
                memset(probabilities + r * length, 0, length * sizeof(int16_t));
                continue;
            }
            size_t visible = t->causal ? first + r + keys - queries + 1 : keys;
            // log2(e): powers of 2 from here on.
            int32_t sum = softmax(scores + r * length, key_steps, steps[r] * (t->scale * 1.44269504088896341f), visible,
                                  length, probabilities + r * length);
            units[r] = is_finite && steps[r] == steps[r] ? 1.0f / (float)sum : NAN;
        }
        for (size_t r = 0; r < MR; r += 4)
            vlm_pack_four_rows((const vlm_unit *)(probabilities + r * length), length / 2, length / 2,
                               probability_panel + r, MR);
        tile(probability_panel, base + place.values, room, rows, room, (keys + 1) / 2, output, room);
        for (size_t r = 0; r < rows; r++) {
            float *target = out + (first + r) * t->out_stride;
            for (size_t d = 0; d < room; d += VLM_LANES) {
                vlm_wide x = __builtin_convertvector(*(const vlm_wide_int *)(output + r * room + d), vlm_wide)
                             * (*(const vlm_wide *)(value_steps + d) * units[r]);
                if (d + VLM_LANES <= width) *(vlm_wide *)(target + d) = x;
                else memcpy(target + d, &x, (width - d) * sizeof(float));
            }
        }
    }
}

VLM_INLINE void attend_all(const task *t, tiles *tile) {
    for (size_t s = 0; s < t->sequences; s++) {
        size_t query_start = (size_t)t->query_offsets[s], queries = (size_t)t->query_offsets[s + 1] - query_start;
        size_t key_start = (size_t)t->key_offsets[s], keys = (size_t)t->key_offsets[s + 1] - key_start;
        if (queries == 0 || keys == 0) continue;
        for (size_t h = 0; h < t->heads; h++) attend(t, query_start, queries, key_start, keys, h, tile);
    }
}

static void attend_plain(const task *t) { attend_all(t, vlm_word_tiles_plain); }

#if defined(__x86_64__)
VLM_VNNI static void attend_vnni(const task *t) { attend_all(t, vlm_word_tiles_vnni); }
VLM_AVX2 static void attend_avx2(const task *t) { attend_all(t, vlm_word_tiles_avx2); }
#endif

void vlm_integer_attention(const float *q, size_t q_stride, const float *k, const float *v, size_t kv_stride,
                           float *out, size_t out_stride, const int32_t *query_offsets, const int32_t *key_offsets,
                           size_t sequences, size_t heads, size_t head_width, float scale, int causal, float *scratch,
                           int level) {
    task t = {q, k, v, q_stride, kv_stride, out, out_stride, query_offsets, key_offsets,
              sequences, heads, head_width, scale, causal, scratch};
#if defined(__x86_64__)
    if (level >= VLM_LEVEL_VNNI) {
        attend_vnni(&t);
        return;
    }
    if (level >= VLM_LEVEL_AVX2) {
        attend_avx2(&t);
        return;
    }
#endif
    attend_plain(&t);
}
