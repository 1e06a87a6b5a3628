#include "rotary.h"

#include "dispatch.h"

VLM_DISPATCH
void vlm_rotate_pairs(float *restrict x, size_t stride, size_t sequences, size_t tokens, size_t prefix, size_t heads,
                      size_t head_width, const float *restrict cosines, const float *restrict sines) {
    size_t pairs = head_width / 2;
    for (size_t s = 0; s < sequences; s++) {
        for (size_t t = prefix; t < tokens; t++) {
            float *row = x + (s * tokens + t) * stride;
            const float *cosine = cosines + (t - prefix) * pairs, *sine = sines + (t - prefix) * pairs;
            for (size_t h = 0; h < heads; h++) {
                float *head = row + h * head_width;
                for (size_t i = 0; i < pairs; i++) {
                    float a = head[2 * i], b = head[2 * i + 1];
                    head[2 * i] = a * cosine[i] - b * sine[i];
                    head[2 * i + 1] = b * cosine[i] + a * sine[i];
                }
            }
        }
    }
}
