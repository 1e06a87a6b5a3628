#ifndef VLMPIPE_CPU_FEATURES_H
#define VLMPIPE_CPU_FEATURES_H

#include <stddef.h>
#include <stdint.h>

// The instruction sets the kernels may dispatch to on this machine, as bits.
enum {
    VLM_CPU_SSE42 = 1u << 0,
    VLM_CPU_AVX2 = 1u << 1,    // with FMA
    VLM_CPU_F16C = 1u << 2,
    VLM_CPU_AVX512 = 1u << 3,  // F, BW, CD, DQ and VL: the x86-64-v4 level
    VLM_CPU_AVX512_VNNI = 1u << 4,
    VLM_CPU_NEON = 1u << 5,
    VLM_CPU_ARM_CRC32 = 1u << 6,
};

uint32_t vlm_cpu_features(void);

#endif
