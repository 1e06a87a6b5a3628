// Fused loops over flat parameter ranges.
#ifndef VLMPIPE_OPTIMIZER_H
#define VLMPIPE_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

// One AdamW step (Loshchilov and Hutter 2019) over count parameters; g is the gradient times gradient_scale:
//   p -= p * decay_rate;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
//   p -= step_rate * m / (sqrt(v) * reciprocal_root_correction2 + epsilon)
// decay_rate = rate * weight decay, step_rate = rate / (1 - beta1^t),
// reciprocal_root_correction2 = 1 / sqrt(1 - beta2^t).
void vlm_adamw(float *parameters, float *first_moment, float *second_moment, const float *gradient, size_t count,
               float gradient_scale, float beta1, float beta2, float step_rate, float reciprocal_root_correction2,
               float epsilon, float decay_rate);

// The sum of squares in Double, in an order that depends on count alone: sixteen running sums, added in order.
double vlm_sum_of_squares(const float *x, size_t count);

#endif
