#include "index_packing.h"

#include "dispatch.h"
#include "half_precision.h"

#include <math.h>
#include <string.h>

// 7 in every nibble where the sign bit is clear, 8 where it is set, for word w of a row of codes.
static inline uint64_t fold_word(const uint8_t *signs, size_t dimension, size_t w) {
    uint64_t first = signs[w], second = signs[dimension / 16 + w], fold = 0x7777777777777777u;
    for (int i = 0; i < 8; i++) fold += ((first >> i & 1) | (second >> i & 1) << 4) << (8 * i);
    return fold;
}

static inline uint64_t word64(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

size_t vlm_pack_magnitudes(const uint8_t *high, const uint8_t *signs, size_t dimension, uint8_t *base,
                           uint8_t *escapes) {
    size_t pair_count = 0, single_count = 0;
    // Single bits follow all pairs, whose number is known last: they wait here in bytes of their own behind the pairs.
    uint8_t singles[8192];
    memset(escapes, 0, dimension * 3 / 8);
    for (size_t t = 0; t < dimension / 32; t++) {
        uint64_t words[2], packed = 0;
        for (size_t i = 0; i < 2; i++) {
            words[i] = word64(high + 16 * t + 8 * i) ^ fold_word(signs, dimension, 2 * t + i);
        }
        for (size_t field = 0; field < 32; field++) {
            uint64_t magnitude = words[field % 2] >> (4 * (field / 2)) & 7;
            packed |= (magnitude < 3 ? magnitude : 3) << (2 * field);
            if (magnitude < 3) continue;
            uint8_t pair = (uint8_t)(magnitude < 6 ? magnitude - 3 : 3);
            escapes[pair_count / 4] |= (uint8_t)(pair << (2 * (pair_count % 4)));
            pair_count++;
            if (pair < 3) continue;
            if (single_count % 8 == 0) singles[single_count / 8] = 0;
            singles[single_count / 8] |= (uint8_t)((magnitude - 6) << (single_count % 8));
            single_count++;
        }
        memcpy(base + 8 * t, &packed, 8);
    }
    for (size_t i = 0; i < single_count; i++) {
        size_t position = 2 * pair_count + i;
        escapes[position / 8] |= (uint8_t)((singles[i / 8] >> (i % 8) & 1) << (position % 8));
    }
    return (2 * pair_count + single_count + 7) / 8;
}

// The fields of a word that are 3, as their low bits.
static inline uint64_t full_fields(uint64_t word) { return word & (word >> 1) & 0x5555555555555555u; }

static inline __attribute__((always_inline)) size_t pair_count_of(const uint8_t *base, size_t dimension) {
    size_t count = 0;
    for (size_t t = 0; t < dimension / 32; t++) count += (size_t)__builtin_popcountll(full_fields(word64(base + 8 * t)));
    return count;
}

int vlm_unpack_magnitudes_plain(const uint8_t *base, const uint8_t *escapes, size_t escape_byte_count,
                                const uint8_t *signs, size_t dimension, uint8_t *high) {
    size_t pair = 0, single = 2 * pair_count_of(base, dimension), end = 8 * escape_byte_count;
    if (single > end) return 0;
    for (size_t t = 0; t < dimension / 32; t++) {
        uint64_t packed = word64(base + 8 * t), words[2] = {0};
        for (size_t field = 0; field < 32; field++) {
            uint64_t magnitude = packed >> (2 * field) & 3;
            if (magnitude == 3) {
                magnitude += escapes[pair / 8] >> (pair % 8) & 3;
                pair += 2;
                if (magnitude == 6) {
                    if (single >= end) return 0;
                    magnitude += escapes[single / 8] >> (single % 8) & 1;
                    single++;
                }
            }
            words[field % 2] |= magnitude << (4 * (field / 2));
        }
        for (size_t i = 0; i < 2; i++) {
            words[i] ^= fold_word(signs, dimension, 2 * t + i);
            memcpy(high + 16 * t + 8 * i, &words[i], 8);
        }
    }
    return (single + 7) / 8 == escape_byte_count;
}

#if defined(__x86_64__)
#include <immintrin.h>

// Rows up to this many elements are unpacked fast at the end of a frame too.
enum { PADDED_DIMENSION = 4096 };

#define BMI2 __attribute__((target("bmi,bmi2,popcnt")))

// Bits from a position on, `count` of them at least; nine bytes may be read.
BMI2 static inline uint64_t bits_from(const uint8_t *bytes, size_t position, size_t count) {
    size_t shift = position % 8;
    uint64_t bits = word64(bytes + position / 8) >> shift;
    if (__builtin_expect(shift + count > 64, 0)) bits |= (uint64_t)bytes[position / 8 + 8] << (64 - shift);
    return bits;
}

// The fields beyond 3 of `count` words: their pairs in `more`, their single bits in `last`, where the fields are.
BMI2 static inline __attribute__((always_inline)) void deposit_escapes(
    const uint8_t *base, size_t count, const uint8_t *escapes, size_t *pair, size_t *single, uint64_t *more,
    uint64_t *last) {
    for (size_t i = 0; i < count; i++) {
        uint64_t full = full_fields(word64(base + 8 * i));
        size_t full_count = (size_t)_mm_popcnt_u64(full);
        more[i] = _pdep_u64(bits_from(escapes, *pair, 2 * full_count), full | full << 1);
        *pair += 2 * full_count;
        uint64_t most = full_fields(more[i]);
        last[i] = _pdep_u64(bits_from(escapes, *single, 32), most);
        *single += (size_t)_mm_popcnt_u64(most);
    }
}

// -1 where damaged escapes could make the loop read what is not there.
BMI2 static int unpack_magnitudes_bmi2(const uint8_t *base, const uint8_t *escapes, size_t escape_byte_count,
                                       size_t readable, const uint8_t *signs, size_t dimension, uint8_t *high) {
    const uint64_t even = 0x3333333333333333u, sevens = 0x7777777777777777u, ones = 0x0101010101010101u;
    size_t pair_count = pair_count_of(base, dimension);
    if ((3 * pair_count + 7) / 8 + 9 > readable) return -1;
    size_t pair = 0, single = 2 * pair_count;
    for (size_t t = 0; t < dimension / 32; t++) {
        uint64_t packed = word64(base + 8 * t), more, last;
        deposit_escapes(base + 8 * t, 1, escapes, &pair, &single, &more, &last);
        // No nibble passes 3 + 3 + 1.
        uint64_t first = (packed & even) + (more & even) + (last & even);
        uint64_t second = (packed >> 2 & even) + (more >> 2 & even) + (last >> 2 & even);
        const uint8_t *lower = signs + 2 * t, *upper = signs + dimension / 16 + 2 * t;
        first ^= sevens + (_pdep_u64(lower[0], ones) | _pdep_u64(upper[0], ones << 4));
        second ^= sevens + (_pdep_u64(lower[1], ones) | _pdep_u64(upper[1], ones << 4));
        memcpy(high + 16 * t, &first, 8);
        memcpy(high + 16 * t + 8, &second, 8);
    }
    return (single + 7) / 8 == escape_byte_count;
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2,popcnt")))

// 7 in every nibble of 64 bytes where the sign bit is clear, 8 where it is set.
AVX512 static inline __m512i fold_bytes(uint64_t lower, uint64_t upper) {
    __m512i low = _mm512_and_si512(_mm512_movm_epi8(lower), _mm512_set1_epi8(0x0F));
    __m512i high = _mm512_and_si512(_mm512_movm_epi8(upper), _mm512_set1_epi8((char)0xF0));
    return _mm512_xor_si512(_mm512_or_si512(low, high), _mm512_set1_epi8(0x77));
}

// The codes of eight words, of which `valid` are wanted: 128 bytes, the first 64 in codes[0].
AVX512 static inline __attribute__((always_inline)) void sum_fields(
    __mmask8 valid, const uint8_t *base, const uint64_t *more, const uint64_t *last, __m512i codes[2]) {
    const __m512i even = _mm512_set1_epi8(0x33);
    const __m512i front = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    const __m512i back = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    const void *parts[3] = {base, more, last};
    __m512i first = _mm512_setzero_si512(), second = _mm512_setzero_si512();
    for (int i = 0; i < 3; i++) {
        __m512i part = _mm512_maskz_loadu_epi64(valid, parts[i]);
        first = _mm512_add_epi8(first, _mm512_and_si512(part, even));
        second = _mm512_add_epi8(second, _mm512_and_si512(_mm512_srli_epi64(part, 2), even));
    }
    codes[0] = _mm512_permutex2var_epi64(first, front, second);
    codes[1] = _mm512_permutex2var_epi64(first, back, second);
}

enum { WORD_BLOCK = 16 };

// The same, sixteen words at a time: all are deposited before the first are loaded as vectors, because bytes that were just
// stored in other sizes come late.
AVX512 static int unpack_magnitudes_avx512(const uint8_t *base, const uint8_t *escapes, size_t escape_byte_count,
                                           size_t readable, const uint8_t *signs, size_t dimension, uint8_t *high) {
    size_t pair_count = pair_count_of(base, dimension);
    if ((3 * pair_count + 7) / 8 + 9 > readable) return -1;
    size_t pair = 0, single = 2 * pair_count, word_count = dimension / 32;
    for (size_t start = 0; start < word_count; start += WORD_BLOCK) {
        size_t block = word_count - start < WORD_BLOCK ? word_count - start : WORD_BLOCK;
        uint64_t more[WORD_BLOCK], last[WORD_BLOCK];
        if (block == WORD_BLOCK) {
            deposit_escapes(base + 8 * start, WORD_BLOCK, escapes, &pair, &single, more, last);
        } else {
            deposit_escapes(base + 8 * start, block, escapes, &pair, &single, more, last);
        }
        for (size_t i = 0; i < block; i += 8) {
            size_t t = start + i, count = block - i < 8 ? block - i : 8;
            const uint8_t *lower = signs + 2 * t, *upper = signs + dimension / 16 + 2 * t;
            __m512i codes[2];
            sum_fields((__mmask8)((1u << count) - 1), base + 8 * t, more + i, last + i, codes);
            uint64_t bits[2][2] = {{0}};
            if (count == 8) {
                for (int side = 0; side < 2; side++) {
                    bits[side][0] = word64(lower + 8 * side);
                    bits[side][1] = word64(upper + 8 * side);
                }
            } else {
                memcpy(&bits[0][0], lower, count < 4 ? 2 * count : 8);
                memcpy(&bits[0][1], upper, count < 4 ? 2 * count : 8);
                if (count > 4) memcpy(&bits[1][0], lower + 8, 2 * (count - 4));
                if (count > 4) memcpy(&bits[1][1], upper + 8, 2 * (count - 4));
            }
            for (size_t side = 0; side < 2 && 4 * side < count; side++) {
                size_t here = count - 4 * side < 4 ? count - 4 * side : 4;
                __mmask64 bytes = here == 4 ? ~(__mmask64)0 : ((__mmask64)1 << (16 * here)) - 1;
                __m512i plain = _mm512_xor_si512(codes[side], fold_bytes(bits[side][0], bits[side][1]));
                _mm512_mask_storeu_epi8(high + 16 * t + 64 * side, bytes, plain);
            }
        }
    }
    return (single + 7) / 8 == escape_byte_count;
}
#endif

int vlm_unpack_magnitudes(const uint8_t *base, const uint8_t *escapes, size_t escape_byte_count, size_t readable,
                          const uint8_t *signs, size_t dimension, uint8_t *high) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) {
        int wide = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
        // What damaged escapes could make the fast ways read must be there: at the end of a frame it is put there.
        uint8_t padded[PADDED_DIMENSION * 3 / 8 + 16];
        size_t most = dimension * 3 / 8 + 9;
        if (readable < most && dimension <= PADDED_DIMENSION && escape_byte_count <= dimension * 3 / 8) {
            memcpy(padded, escapes, escape_byte_count);
            memset(padded + escape_byte_count, 0, most - escape_byte_count);
            escapes = padded;
            readable = most;
        }
        int done = (wide ? unpack_magnitudes_avx512 : unpack_magnitudes_bmi2)(
            base, escapes, escape_byte_count, readable, signs, dimension, high);
        if (done >= 0) return done;
    }
#endif
    (void)readable;
    return vlm_unpack_magnitudes_plain(base, escapes, escape_byte_count, signs, dimension, high);
}

int vlm_unpack_rows(const uint8_t *frame, size_t byte_count, size_t row_count, size_t first, size_t count,
                    const uint8_t *signs, size_t dimension, uint8_t *high) {
    size_t width = dimension / 4, start = row_count * (2 + width);
    if (byte_count < start || first > row_count || count > row_count - first) return 0;
    for (size_t row = 0; row < first + count; row++) {
        size_t escape_byte_count = frame[2 * row] | (size_t)frame[2 * row + 1] << 8;
        if (escape_byte_count > byte_count - start) return 0;
        if (row >= first
            && !vlm_unpack_magnitudes(frame + 2 * row_count + row * width, frame + start, escape_byte_count,
                                      byte_count - start, signs + (row - first) * (dimension / 8), dimension,
                                      high + (row - first) * (dimension / 2))) return 0;
        start += escape_byte_count;
    }
    return first + count < row_count || start == byte_count;
}

VLM_DISPATCH void vlm_code_vector(const uint8_t *restrict high, const uint8_t *restrict low, size_t dimension,
                                  float scale, const float *restrict mean, float *restrict vector) {
    size_t half = dimension / 2;
    for (size_t j = 0; j < half; j++) {
        int first = (high[j] & 15) << 4 | (low[j] & 15);
        int second = (high[j] & 0xF0) | low[j] >> 4;
        vector[j] = mean[j] + scale * ((float)first - 127.5f);
        vector[half + j] = mean[half + j] + scale * ((float)second - 127.5f);
    }
}

// The place of a binary16 number among all from the least to the largest.
static inline uint16_t rank(uint16_t half) { return half & 0x8000u ? (uint16_t)~half : half | 0x8000u; }
static inline uint16_t unrank(uint16_t place) { return place & 0x8000u ? place & 0x7FFFu : (uint16_t)~place; }

enum { STEP_BLOCK = 64 };

VLM_DISPATCH void vlm_half_steps(const uint16_t *halves, const float *restrict predicted, size_t count,
                                 uint16_t *steps) {
    for (size_t start = 0; start < count; start += STEP_BLOCK) {
        size_t length = count - start < STEP_BLOCK ? count - start : STEP_BLOCK;
        uint16_t nearest[STEP_BLOCK];
        vlm_f32_to_f16(predicted + start, nearest, length);
        for (size_t i = 0; i < length; i++) {
            uint16_t up = (uint16_t)(rank(halves[start + i]) - rank(nearest[i]));
            steps[start + i] = (uint16_t)((unsigned)up << 1) ^ (up & 0x8000u ? 0xFFFFu : 0u);
        }
    }
}

VLM_DISPATCH void vlm_halves_from_steps(const uint16_t *steps, const float *restrict predicted, size_t count,
                                        uint16_t *halves) {
    for (size_t start = 0; start < count; start += STEP_BLOCK) {
        size_t length = count - start < STEP_BLOCK ? count - start : STEP_BLOCK;
        uint16_t nearest[STEP_BLOCK];
        vlm_f32_to_f16(predicted + start, nearest, length);
        for (size_t i = 0; i < length; i++) {
            uint16_t step = steps[start + i];
            uint16_t up = (uint16_t)(step >> 1) ^ (step & 1 ? 0xFFFFu : 0u);
            halves[start + i] = unrank((uint16_t)(rank(nearest[i]) + up));
        }
    }
}

// A sixty-fourth of the distance from a binary16 number to the next larger one in size.
static inline float fine_step(uint16_t half) {
    int exponent = (half >> 10) & 31;
    return ldexpf(1, (exponent > 1 ? exponent : 1) - 31);
}

void vlm_fine_bits(const float *values, const uint16_t *halves, size_t count, uint8_t *bits) {
    memset(bits, 0, (6 * count + 7) / 8);
    for (size_t i = 0; i < count; i++) {
        float nearest;
        vlm_f16_to_f32_plain(halves + i, &nearest, 1);
        float steps = rintf((values[i] - nearest) / fine_step(halves[i])) + 32;
        unsigned number = steps < 0 ? 0 : steps > 63 ? 63 : (unsigned)steps;
        unsigned shifted = number << (6 * i % 8);
        bits[6 * i / 8] |= (uint8_t)shifted;
        if (shifted > 255) bits[6 * i / 8 + 1] |= (uint8_t)(shifted >> 8);
    }
}

void vlm_refine(const uint16_t *halves, const uint8_t *bits, size_t count, float *values) {
    vlm_f16_to_f32(halves, values, count);
    size_t byte_count = (6 * count + 7) / 8;
    for (size_t i = 0; i < count; i++) {
        size_t first = 6 * i / 8;
        unsigned pair = bits[first] | (first + 1 < byte_count ? (unsigned)bits[first + 1] << 8 : 0);
        int number = (int)(pair >> (6 * i % 8) & 63) - 32;
        values[i] += (float)number * fine_step(halves[i]);
    }
}
