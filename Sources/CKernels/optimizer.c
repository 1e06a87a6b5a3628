#include "optimizer.h"

#include "dispatch.h"

VLM_DISPATCH
void vlm_adamw(float *restrict parameters, float *restrict first_moment, float *restrict second_moment,
               const float *restrict gradient, size_t count, float gradient_scale, float beta1, float beta2,
               float step_rate, float reciprocal_root_correction2, float epsilon, float decay_rate) {
#pragma clang fp contract(fast)
    float rest1 = 1.0f - beta1, rest2 = 1.0f - beta2, keep = 1.0f - decay_rate;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] * gradient_scale;
        float m = beta1 * first_moment[i] + rest1 * g;
        float v = beta2 * second_moment[i] + rest2 * (g * g);
        first_moment[i] = m;
        second_moment[i] = v;
        float denominator = __builtin_elementwise_sqrt(v) * reciprocal_root_correction2 + epsilon;
        parameters[i] = parameters[i] * keep - step_rate * (m / denominator);
    }
}

enum { LANES = 16 };

VLM_DISPATCH
double vlm_sum_of_squares(const float *x, size_t count) {
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            double value = (double)x[i + lane];
            sums[lane] += value * value;  // the product of two floats is exact in double
        }
    }
    for (int lane = 0; i < count; i++, lane++) sums[lane] += (double)x[i] * (double)x[i];
    double total = 0;
    for (int lane = 0; lane < LANES; lane++) total += sums[lane];
    return total;
}
