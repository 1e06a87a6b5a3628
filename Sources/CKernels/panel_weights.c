#include "panel_weights.h"

#include "dispatch.h"
#include "half.h"
#include "panel_product.h"

enum { NR = VLM_PANEL_COLUMNS };

typedef float octet __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t octet_bits __attribute__((vector_size(32)));
typedef uint16_t eight_halves __attribute__((vector_size(16), aligned(2), may_alias));
typedef _Float16 eight_floats16 __attribute__((vector_size(16)));

// How eight weights are loaded: the elements of vlm_weights, F16 by the processor's conversion or in plain integers.
typedef enum { LOAD_F32, LOAD_BF16, LOAD_F16, LOAD_F16_PLAIN } loading;

VLM_INLINE float load_one(vlm_weights weight, size_t place, loading how) {
    if (how == LOAD_F32) return ((const float *)weight.base)[place];
    uint16_t half = ((const uint16_t *)weight.base)[place];
    return how == LOAD_BF16 ? vlm_float_from_bits((int32_t)((uint32_t)half << 16)) : vlm_widen_half(half);
}

VLM_INLINE void load_eight(vlm_weights weight, size_t place, loading how, octet *floats) {
    if (how == LOAD_F32) {
        *floats = *(const octet *)((const float *)weight.base + place);
        return;
    }
    const uint16_t *source = (const uint16_t *)weight.base + place;
    eight_halves halves = *(const eight_halves *)source;
    switch (how) {
    case LOAD_F16: *floats = __builtin_convertvector((eight_floats16)halves, octet); break;
    case LOAD_BF16: *floats = (octet)(__builtin_convertvector(halves, octet_bits) << 16); break;
    default:
        for (int i = 0; i < 8; i++) (*floats)[i] = vlm_widen_half(source[i]);
    }
}

// `how` is a constant where this is inlined.
VLM_INLINE void pack(vlm_weights weight, size_t columns, size_t depth, float *panel, loading how) {
    size_t c = 0;
    for (; c + 8 <= columns; c += 8) {
        size_t p = 0;
        for (; p + 8 <= depth; p += 8) {
            octet x[8], y[8];
            for (size_t i = 0; i < 8; i++) load_eight(weight, (c + i) * depth + p, how, &x[i]);
            for (int i = 0; i < 8; i += 2) {
                y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
                y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
            }
            for (int i = 0; i < 8; i += 4) {
                x[i] = __builtin_shufflevector(y[i], y[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
                x[i + 1] = __builtin_shufflevector(y[i], y[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
                x[i + 2] = __builtin_shufflevector(y[i + 1], y[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
                x[i + 3] = __builtin_shufflevector(y[i + 1], y[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
            }
            float *target = panel + p * NR + c;
            for (int i = 0; i < 4; i++) {
                *(octet *)(target + (size_t)i * NR) =
                    __builtin_shufflevector(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
                *(octet *)(target + (size_t)(i + 4) * NR) =
                    __builtin_shufflevector(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
            }
        }
        for (; p < depth; p++) {
            for (size_t i = 0; i < 8; i++) panel[p * NR + c + i] = load_one(weight, (c + i) * depth + p, how);
        }
    }
    for (; c < NR; c++) {
        for (size_t p = 0; p < depth; p++) panel[p * NR + c] = c < columns ? load_one(weight, c * depth + p, how) : 0;
    }
}

VLM_DISPATCH
static void pack_f32(vlm_weights weight, size_t columns, size_t depth, float *panel) {
    pack(weight, columns, depth, panel, LOAD_F32);
}

VLM_DISPATCH
static void pack_bf16(vlm_weights weight, size_t columns, size_t depth, float *panel) {
    pack(weight, columns, depth, panel, LOAD_BF16);
}

static void pack_f16_plain(vlm_weights weight, size_t columns, size_t depth, float *panel) {
    pack(weight, columns, depth, panel, LOAD_F16_PLAIN);
}

#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v3"))) static void pack_f16(vlm_weights weight, size_t columns, size_t depth,
                                                                float *panel) {
    pack(weight, columns, depth, panel, LOAD_F16);
}
#endif

void vlm_pack_weights(vlm_weights weight, size_t columns, size_t depth, float *panel, int level) {
    switch (weight.element) {
    case VLM_WEIGHT_F16:
#if defined(__x86_64__)
        if (level >= VLM_LEVEL_AVX2) {
            pack_f16(weight, columns, depth, panel);
            return;
        }
#endif
        (void)level;
        pack_f16_plain(weight, columns, depth, panel);
        break;
    case VLM_WEIGHT_BF16: pack_bf16(weight, columns, depth, panel); break;
    default: pack_f32(weight, columns, depth, panel);
    }
}
