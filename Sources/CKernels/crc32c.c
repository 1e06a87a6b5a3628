#include "crc32c.h"

#include <string.h>

uint32_t vlm_crc32c_plain(uint32_t crc, const void *bytes, size_t byte_count) {
    // Sixteen remainders of a nibble: two look-ups per byte, small enough to be written down and checked.
    static const uint32_t nibble[16] = {
        0x00000000u, 0x105EC76Fu, 0x20BD8EDEu, 0x30E349B1u, 0x417B1DBCu, 0x5125DAD3u, 0x61C69362u, 0x7198540Du,
        0x82F63B78u, 0x92A8FC17u, 0xA24BB5A6u, 0xB21572C9u, 0xC38D26C4u, 0xD3D3E1ABu, 0xE330A81Au, 0xF36E6F75u,
    };
    const uint8_t *next = (const uint8_t *)bytes;
    crc = ~crc;
    for (size_t i = 0; i < byte_count; i++) {
        crc ^= next[i];
        crc = (crc >> 4) ^ nibble[crc & 15u];
        crc = (crc >> 4) ^ nibble[crc & 15u];
    }
    return ~crc;
}

#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)

int vlm_crc32c_level(void) { return VLM_CRC32C_PLAIN; }

// Every checksum matches, so that fuzzed bytes come past the checks to what is behind them.
uint32_t vlm_crc32c_at(int level, uint32_t crc, const void *bytes, size_t byte_count) {
    (void)level, (void)crc, (void)bytes, (void)byte_count;
    return 0;
}

#elif defined(__x86_64__)
#include <immintrin.h>

// The instruction takes three cycles and one can start in each: so three parts of a block are summed side by side. The sum
// of a part is moved past the n bytes that follow it by a multiplication with x^(8 n) in the field of the checksum, whose
// factors solve crc32(0, clmul(s, k)) = s moved past n bytes.
__attribute__((target("sse4.2,pclmul"))) static inline uint64_t moved(uint64_t state, uint32_t factor) {
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)(uint32_t)state), _mm_cvtsi64_si128(factor), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

// Blocks of three parts of `part` bytes, as long as there are any; the factors are those of part and of two parts.
__attribute__((target("sse4.2,pclmul"), always_inline)) static inline uint64_t sum_blocks(
    uint64_t state, const uint8_t **bytes, size_t *byte_count, size_t part, uint32_t past_one, uint32_t past_two) {
    while (*byte_count >= 3 * part) {
        uint64_t second = 0, third = 0;
        for (size_t i = 0; i < part; i += 8) {
            uint64_t words[3];
            for (size_t k = 0; k < 3; k++) memcpy(&words[k], *bytes + k * part + i, 8);
            state = _mm_crc32_u64(state, words[0]);
            second = _mm_crc32_u64(second, words[1]);
            third = _mm_crc32_u64(third, words[2]);
        }
        state = moved(state, past_two) ^ moved(second, past_one) ^ third;
        *bytes += 3 * part;
        *byte_count -= 3 * part;
    }
    return state;
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc32c_three_parts(uint32_t crc, const uint8_t **bytes,
                                                                            size_t *byte_count) {
    uint64_t state = (uint32_t)~crc;
    state = sum_blocks(state, bytes, byte_count, 1024, 0x170076FAu, 0xA51B6135u);
    // Single rows of an index and their like.
    state = sum_blocks(state, bytes, byte_count, 336, 0xA60CE07Bu, 0xCEC3662Eu);
    state = sum_blocks(state, bytes, byte_count, 128, 0x0D3B6092u, 0xB9E02B86u);
    return ~(uint32_t)state;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *bytes, size_t byte_count) {
    const uint8_t *next = (const uint8_t *)bytes;
    uint64_t state = (uint32_t)~crc;
    while (byte_count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        state = _mm_crc32_u64(state, word);
        next += 8;
        byte_count -= 8;
    }
    uint32_t tail = (uint32_t)state;
    while (byte_count > 0) {
        tail = _mm_crc32_u8(tail, *next);
        next += 1;
        byte_count -= 1;
    }
    return ~tail;
}

#define WIDE __attribute__((target("avx512f,avx512vl,vpclmulqdq,sse4.2")))

// Both halves of four 128-bit lanes moved past the bytes up to those of `next`, and added to them.
WIDE static inline __m512i folded(__m512i lanes, __m512i factors, __m512i next) {
    return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(lanes, factors, 0x00),
                                     _mm512_clmulepi64_epi128(lanes, factors, 0x11), next, 0x96);
}

// Folding (Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ, 2009). To move a lane past n bits its
// first half is multiplied with x^(n + 31) and its second with x^(n - 33) in the field of the checksum: the first stands 64
// bits higher, a product of reflected numbers one bit lower, and a factor of 32 bits 32 bits higher than what it means.
WIDE static uint32_t crc32c_wide(uint32_t crc, const uint8_t **bytes, size_t *byte_count) {
    const __m512i past_256 = _mm512_broadcast_i32x4(_mm_set_epi64x(0xB9E02B86, 0xDCB17AA4));
    const __m512i past_64 = _mm512_broadcast_i32x4(_mm_set_epi64x(0x9E4ADDF8, 0x740EEF02));
    const uint8_t *next = *bytes;
    size_t count = *byte_count;
    __m512i lanes[4];
    for (int i = 0; i < 4; i++) lanes[i] = _mm512_loadu_si512(next + 64 * i);
    lanes[0] = _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
    for (next += 256, count -= 256; count >= 256; next += 256, count -= 256) {
        for (int i = 0; i < 4; i++) lanes[i] = folded(lanes[i], past_256, _mm512_loadu_si512(next + 64 * i));
    }
    __m512i all = lanes[0];
    for (int i = 1; i < 4; i++) all = folded(all, past_64, lanes[i]);
    for (; count >= 64; next += 64, count -= 64) all = folded(all, past_64, _mm512_loadu_si512(next));
    uint64_t words[8], state = 0;
    _mm512_storeu_si512(words, all);
    for (int i = 0; i < 8; i++) state = _mm_crc32_u64(state, words[i]);
    *bytes = next;
    *byte_count = count;
    return ~(uint32_t)state;
}

int vlm_crc32c_level(void) {
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("pclmul")) return VLM_CRC32C_PLAIN;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
                   && __builtin_cpu_supports("vpclmulqdq")
               ? VLM_CRC32C_WIDE
               : VLM_CRC32C_INSTRUCTION;
}

// Fewer bytes are summed sooner by the instruction.
#define WIDE_BYTE_COUNT 512

uint32_t vlm_crc32c_at(int level, uint32_t crc, const void *bytes, size_t byte_count) {
    int best = vlm_crc32c_level();
    if (level > best) level = best;
    if (level == VLM_CRC32C_PLAIN) return vlm_crc32c_plain(crc, bytes, byte_count);
    const uint8_t *next = (const uint8_t *)bytes;
    if (level == VLM_CRC32C_WIDE && byte_count >= WIDE_BYTE_COUNT) crc = crc32c_wide(crc, &next, &byte_count);
    crc = crc32c_three_parts(crc, &next, &byte_count);
    return crc32c_sse42(crc, next, byte_count);
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

int vlm_crc32c_level(void) { return VLM_CRC32C_INSTRUCTION; }

uint32_t vlm_crc32c_at(int level, uint32_t crc, const void *bytes, size_t byte_count) {
    if (level == VLM_CRC32C_PLAIN) return vlm_crc32c_plain(crc, bytes, byte_count);
    const uint8_t *next = (const uint8_t *)bytes;
    crc = ~crc;
    while (byte_count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __crc32cd(crc, word);
        next += 8;
        byte_count -= 8;
    }
    while (byte_count > 0) {
        crc = __crc32cb(crc, *next);
        next += 1;
        byte_count -= 1;
    }
    return ~crc;
}

#else

int vlm_crc32c_level(void) { return VLM_CRC32C_PLAIN; }

uint32_t vlm_crc32c_at(int level, uint32_t crc, const void *bytes, size_t byte_count) {
    (void)level;
    return vlm_crc32c_plain(crc, bytes, byte_count);
}

#endif

uint32_t vlm_crc32c(uint32_t crc, const void *bytes, size_t byte_count) {
    return vlm_crc32c_at(VLM_CRC32C_WIDE, crc, bytes, byte_count);
}
