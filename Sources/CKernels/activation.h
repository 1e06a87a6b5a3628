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

// The exact GELU to 9e-5 and 4e-7 of x, for what is rounded to 8 bits next: x (1/2 + c P(c^2)) with c = x held within 4.2, P fitted so that the
// error times x is smallest and the factor is 1 and 0 at the ends. No exponential and no division.
#define VLM_GELU_COARSE_END 4.2f
enum { VLM_GELU_COARSE_TERMS = 8 };
// P's factors, the highest first.
static const float vlm_gelu_coarse_terms[VLM_GELU_COARSE_TERMS] = {
    -9.017557909e-10f, 7.941356720e-8f, -3.037936238e-6f, 6.689076000e-5f,
    -9.506579787e-4f, 9.298231131e-3f, -6.552820517e-2f, 3.984658748e-1f};

VLM_INLINE float vlm_gelu_coarse(float x) {
#pragma clang fp contract(fast) reassociate(off)
    float c = x > VLM_GELU_COARSE_END ? VLM_GELU_COARSE_END : x;
    c = c < -VLM_GELU_COARSE_END ? -VLM_GELU_COARSE_END : c;
    float t = c * c, p = vlm_gelu_coarse_terms[0];
#pragma clang loop unroll(full)
    for (int i = 1; i < VLM_GELU_COARSE_TERMS; i++) p = p * t + vlm_gelu_coarse_terms[i];
    return x * (c * p + 0.5f);
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
