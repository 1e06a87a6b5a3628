// The activations and their derivatives as branch-free inline code that vectorises; private to this target.
#ifndef VLMPIPE_ACTIVATION_H
#define VLMPIPE_ACTIVATION_H

#include "elementary.h"

// f and f' of the exact GELU: x Phi(x) and Phi(x) + x phi(x).
VLM_INLINE float vlm_gelu(float x, float *derivative) {
#pragma clang fp contract(fast)
    float gaussian;
    float cdf = vlm_normal_cdf(x, &gaussian);
    *derivative = cdf + x * (gaussian * 0.398942280401432678f);  // 1/sqrt(2 pi)
    return x * cdf;
}

// f and f' of x sigma(a x): s and s + a x s (1 - s).
VLM_INLINE float vlm_quick_gelu(float x, float *derivative) {
#pragma clang fp contract(fast)
    const float a = 1.702f;  // Hendrycks and Gimpel's fit of the GELU
    // The saturating exp keeps s a number; sigma(-88) = 6e-39 is 0 for every use here.
    float s = 1.0f / (1.0f + vlm_exp(-a * x));
    *derivative = s + a * x * (s * (1.0f - s));
    return x * s;
}

// f and f' of x (1 + tanh u) / 2 with u = sqrt(2/pi) (x + 0.044715 x^3), which is x sigma(2u): s + 2 x u' s (1 - s).
VLM_INLINE float vlm_gelu_tanh(float x, float *derivative) {
#pragma clang fp contract(fast)
    const float a = 1.59576912160573071f;  // 2 sqrt(2/pi)
    const float b = 0.044715f * a;         // Hendrycks and Gimpel's second fit of the GELU
    float square = x * x;
    float s = 1.0f / (1.0f + vlm_exp(-x * (a + b * square)));
    *derivative = s + x * (a + 3.0f * b * square) * (s * (1.0f - s));
    return x * s;
}

#endif
