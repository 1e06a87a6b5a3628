#include "cpu_features.h"

uint32_t vlm_cpu_features(void) {
    uint32_t bits = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) bits |= VLM_CPU_SSE42;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) bits |= VLM_CPU_AVX2;
    if (__builtin_cpu_supports("f16c")) bits |= VLM_CPU_F16C;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) bits |= VLM_CPU_AVX512;
    if (__builtin_cpu_supports("avx512vnni")) bits |= VLM_CPU_AVX512_VNNI;
#elif defined(__aarch64__)
    bits |= VLM_CPU_NEON;
#if defined(__ARM_FEATURE_CRC32)
    bits |= VLM_CPU_ARM_CRC32;
#endif
#endif
    return bits;
}
