#include "transformer.h"

#include <math.h>
#include <string.h>

#include "activation.h"
#include "dispatch.h"

VLM_DISPATCH
void vlm_exponential(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = vlm_exp(x[i]);
}

#define ACTIVATION_LOOPS(f)                                                        \
    if (derivative) {                                                              \
        for (size_t r = 0; r < rows; r++) {                                        \
            const float *hr = h + r * cols;                                        \
            float *or = out + r * cols, *dr = derivative + r * cols;               \
            _Pragma("clang loop vectorize(assume_safety)")                         \
            for (size_t c = 0; c < cols; c++) {                                    \
                float x = hr[c] + b[c], d;                                         \
                or[c] = f(x, &d);                                                  \
                dr[c] = d;                                                         \
            }                                                                      \
        }                                                                          \
    } else {                                                                       \
        for (size_t r = 0; r < rows; r++) {                                        \
            const float *hr = h + r * cols;                                        \
            float *or = out + r * cols;                                            \
            _Pragma("clang loop vectorize(assume_safety)")                         \
            for (size_t c = 0; c < cols; c++) {                                    \
                float x = hr[c] + b[c], d;                                         \
                or[c] = f(x, &d);                                                  \
            }                                                                      \
        }                                                                          \
    }

// Columns are done in blocks so that a missing bias can be a short block of zeros.
enum { ACTIVATION_BLOCK = 256 };
static const float zero_bias[ACTIVATION_BLOCK];

VLM_DISPATCH
static void activation_rows(const float *h, const float *b, float *out, float *derivative, size_t rows, size_t cols,
                            int kind) {
    if (kind == VLM_ACTIVATION_QUICK_GELU) {
        ACTIVATION_LOOPS(vlm_quick_gelu)
    } else if (kind == VLM_ACTIVATION_GELU_TANH) {
        ACTIVATION_LOOPS(vlm_gelu_tanh)
    } else {
        ACTIVATION_LOOPS(vlm_gelu)
    }
}

void vlm_activation_forward(const float *h, const float *bias, float *out, float *derivative, size_t rows, size_t cols,
                            int kind) {
    if (bias) {
        activation_rows(h, bias, out, derivative, rows, cols, kind);
        return;
    }
    size_t count = rows * cols;
    for (size_t start = 0; start < count; start += ACTIVATION_BLOCK) {
        size_t length = count - start < ACTIVATION_BLOCK ? count - start : ACTIVATION_BLOCK;
        activation_rows(h + start, zero_bias, out + start, derivative ? derivative + start : NULL, 1, length, kind);
    }
}

VLM_DISPATCH
void vlm_activation_backward(float *restrict gradient, const float *restrict derivative, float *restrict column_sum,
                             size_t rows, size_t cols) {
    for (size_t r = 0; r < rows; r++) {
        float *g = gradient + r * cols;
        const float *d = derivative + r * cols;
        if (column_sum) {
            for (size_t c = 0; c < cols; c++) {
                float value = g[c] * d[c];
                g[c] = value;
                column_sum[c] += value;
            }
        } else {
            for (size_t c = 0; c < cols; c++) g[c] *= d[c];
        }
    }
}

VLM_DISPATCH
void vlm_add_column_sum(const float *restrict x, float *restrict out, size_t rows, size_t cols) {
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const float *x0 = x + r * cols, *x1 = x0 + cols, *x2 = x1 + cols, *x3 = x2 + cols;
        for (size_t c = 0; c < cols; c++) out[c] += (x0[c] + x1[c]) + (x2[c] + x3[c]);
    }
    for (; r < rows; r++) {
        const float *x0 = x + r * cols;
        for (size_t c = 0; c < cols; c++) out[c] += x0[c];
    }
}

VLM_DISPATCH
void vlm_add_bias(const float *source, const float *bias, float *out, size_t rows, size_t cols) {
    if (!source && !bias) {
        memset(out, 0, rows * cols * sizeof(float));
    } else if (!source) {
        for (size_t r = 0; r < rows; r++) memcpy(out + r * cols, bias, cols * sizeof(float));
    } else if (!bias) {
        if (out != source) memcpy(out, source, rows * cols * sizeof(float));
    } else {
        for (size_t r = 0; r < rows; r++) {
            const float *s = source + r * cols;
            float *o = out + r * cols;
#pragma clang loop vectorize(assume_safety)
            for (size_t c = 0; c < cols; c++) o[c] = s[c] + bias[c];
        }
    }
}

VLM_DISPATCH
void vlm_layer_norm_forward(const float *x, const float *gain, const float *bias, float *y, float *mean,
                            float *reciprocal_deviation, size_t rows, size_t cols, float epsilon) {
#pragma clang fp reassociate(on) contract(fast)
    float scale = 1.0f / (float)cols;
    for (size_t r = 0; r < rows; r++) {
        const float *xr = x + r * cols;
        float *yr = y + r * cols;
        float sum = 0;
        for (size_t c = 0; c < cols; c++) sum += xr[c];
        float m = sum * scale;
        float squares = 0;
        for (size_t c = 0; c < cols; c++) {
            float d = xr[c] - m;
            squares += d * d;
        }
        float rd = 1.0f / sqrtf(squares * scale + epsilon);
#pragma clang loop vectorize(assume_safety)
        for (size_t c = 0; c < cols; c++) yr[c] = (xr[c] - m) * rd * gain[c] + bias[c];
        if (mean) mean[r] = m;
        if (reciprocal_deviation) reciprocal_deviation[r] = rd;
    }
}

VLM_DISPATCH
void vlm_layer_norm_backward(const float *restrict x, const float *restrict dy, const float *restrict gain,
                             const float *restrict mean, const float *restrict reciprocal_deviation,
                             float *restrict dx, int accumulate, float *restrict dgain, float *restrict dbias,
                             size_t rows, size_t cols) {
#pragma clang fp reassociate(on) contract(fast)
    float scale = 1.0f / (float)cols;
    for (size_t r = 0; r < rows; r++) {
        const float *xr = x + r * cols, *dyr = dy + r * cols;
        float *dxr = dx + r * cols;
        float m = mean[r], rd = reciprocal_deviation[r];
        float sum = 0, product_sum = 0;
        for (size_t c = 0; c < cols; c++) {
            float g = dyr[c] * gain[c];
            sum += g;
            product_sum += g * ((xr[c] - m) * rd);
        }
        sum *= scale;
        product_sum *= scale;
        if (accumulate) {
            for (size_t c = 0; c < cols; c++) {
                float normal = (xr[c] - m) * rd;
                dgain[c] += dyr[c] * normal;
                dbias[c] += dyr[c];
                dxr[c] += rd * (dyr[c] * gain[c] - sum - normal * product_sum);
            }
        } else {
            for (size_t c = 0; c < cols; c++) {
                float normal = (xr[c] - m) * rd;
                dgain[c] += dyr[c] * normal;
                dbias[c] += dyr[c];
                dxr[c] = rd * (dyr[c] * gain[c] - sum - normal * product_sum);
            }
        }
    }
}

VLM_DISPATCH
void vlm_l2_normalise_forward(const float *restrict x, float *restrict y, float *restrict norms, size_t rows,
                              size_t cols, float epsilon) {
#pragma clang fp reassociate(on) contract(fast)
    for (size_t r = 0; r < rows; r++) {
        const float *xr = x + r * cols;
        float *yr = y + r * cols;
        float squares = 0;
        for (size_t c = 0; c < cols; c++) squares += xr[c] * xr[c];
        float norm = sqrtf(squares);
        float factor = 1.0f / (norm > epsilon ? norm : epsilon);
        for (size_t c = 0; c < cols; c++) yr[c] = xr[c] * factor;
        norms[r] = norm;
    }
}

VLM_DISPATCH
void vlm_l2_normalise_backward(const float *restrict y, const float *restrict norms, const float *restrict dy,
                               float *restrict dx, int accumulate, size_t rows, size_t cols, float epsilon) {
#pragma clang fp reassociate(on) contract(fast)
    for (size_t r = 0; r < rows; r++) {
        const float *yr = y + r * cols, *dyr = dy + r * cols;
        float *dxr = dx + r * cols;
        float dot = 0;
        for (size_t c = 0; c < cols; c++) dot += yr[c] * dyr[c];
        int is_small = !(norms[r] > epsilon);
        float factor = 1.0f / (is_small ? epsilon : norms[r]);
        if (is_small) dot = 0;
        if (accumulate) {
            for (size_t c = 0; c < cols; c++) dxr[c] += (dyr[c] - yr[c] * dot) * factor;
        } else {
            for (size_t c = 0; c < cols; c++) dxr[c] = (dyr[c] - yr[c] * dot) * factor;
        }
    }
}

VLM_DISPATCH
void vlm_softmax_rows(const float *x, float *y, float *log_sum, size_t rows, size_t cols) {
#pragma clang fp reassociate(on)
    for (size_t r = 0; r < rows; r++) {
        const float *xr = x + r * cols;
        float *yr = y + r * cols;
        float maximum = vlm_maximum(xr, cols);
        float sum = 0;
#pragma clang loop vectorize(assume_safety)
        for (size_t c = 0; c < cols; c++) {
            float e = vlm_exp(xr[c] - maximum);
            yr[c] = e;
            sum += e;
        }
        float factor = 1.0f / sum;
        for (size_t c = 0; c < cols; c++) yr[c] *= factor;
        if (log_sum) log_sum[r] = maximum + logf(sum);
    }
}

VLM_DISPATCH
void vlm_embedding_forward(const float *restrict table, const float *restrict positions, const int32_t *tokens,
                           const int32_t *places, float *restrict out, size_t rows, size_t cols) {
    for (size_t r = 0; r < rows; r++) {
        const float *t = table + (size_t)tokens[r] * cols, *p = positions + (size_t)places[r] * cols;
        float *o = out + r * cols;
        for (size_t c = 0; c < cols; c++) o[c] = t[c] + p[c];
    }
}

VLM_DISPATCH
void vlm_embedding_backward(const float *restrict dout, const int32_t *tokens, const int32_t *places,
                            float *restrict dtable, float *restrict dpositions, size_t rows, size_t cols) {
    for (size_t r = 0; r < rows; r++) {
        const float *d = dout + r * cols;
        float *t = dtable + (size_t)tokens[r] * cols, *p = dpositions + (size_t)places[r] * cols;
        for (size_t c = 0; c < cols; c++) t[c] += d[c];
        for (size_t c = 0; c < cols; c++) p[c] += d[c];
    }
}

void vlm_gather_rows(const float *x, const int32_t *rows_of, float *out, size_t rows, size_t cols) {
    for (size_t r = 0; r < rows; r++) memcpy(out + r * cols, x + (size_t)rows_of[r] * cols, cols * sizeof(float));
}

VLM_DISPATCH
void vlm_scatter_add_rows(const float *restrict source, const int32_t *rows_of, float *restrict x, size_t rows,
                          size_t cols) {
    for (size_t r = 0; r < rows; r++) {
        const float *s = source + r * cols;
        float *o = x + (size_t)rows_of[r] * cols;
        for (size_t c = 0; c < cols; c++) o[c] += s[c];
    }
}

VLM_DISPATCH
void vlm_assemble_tokens_forward(const float *restrict patches, const float *restrict class_token,
                                 const float *restrict positions, float *restrict out, size_t batch,
                                 size_t patch_count, size_t cols) {
    for (size_t b = 0; b < batch; b++) {
        float *o = out + b * (patch_count + 1) * cols;
        const float *p = patches + b * patch_count * cols;
        for (size_t c = 0; c < cols; c++) o[c] = class_token[c] + positions[c];
        for (size_t i = 0; i < patch_count * cols; i++) o[cols + i] = p[i] + positions[cols + i];
    }
}

VLM_DISPATCH
void vlm_assemble_tokens_backward(const float *restrict dout, float *restrict dpatches, float *restrict dclass_token,
                                  float *restrict dpositions, size_t batch, size_t patch_count, size_t cols) {
    for (size_t b = 0; b < batch; b++) {
        const float *d = dout + b * (patch_count + 1) * cols;
        memcpy(dpatches + b * patch_count * cols, d + cols, patch_count * cols * sizeof(float));
        for (size_t c = 0; c < cols; c++) dclass_token[c] += d[c];
        for (size_t i = 0; i < (patch_count + 1) * cols; i++) dpositions[i] += d[i];
    }
}

VLM_DISPATCH
void vlm_mean_rows_forward(const float *restrict x, const int32_t *offsets, float *restrict out, size_t sequences,
                           size_t cols) {
    for (size_t s = 0; s < sequences; s++) {
        float *o = out + s * cols;
        size_t begin = (size_t)offsets[s], end = (size_t)offsets[s + 1];
        memset(o, 0, cols * sizeof(float));
        for (size_t r = begin; r < end; r++)
            for (size_t c = 0; c < cols; c++) o[c] += x[r * cols + c];
        if (end > begin) {
            float factor = 1.0f / (float)(end - begin);
            for (size_t c = 0; c < cols; c++) o[c] *= factor;
        }
    }
}

VLM_DISPATCH
void vlm_mean_rows_backward(const float *restrict dout, const int32_t *offsets, float *restrict dx, size_t sequences,
                            size_t cols) {
    for (size_t s = 0; s < sequences; s++) {
        const float *d = dout + s * cols;
        size_t begin = (size_t)offsets[s], end = (size_t)offsets[s + 1];
        if (end <= begin) continue;
        float factor = 1.0f / (float)(end - begin);
        for (size_t r = begin; r < end; r++)
            for (size_t c = 0; c < cols; c++) dx[r * cols + c] += d[c] * factor;
    }
}

VLM_DISPATCH
void vlm_add(const float *restrict x, float *restrict y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

VLM_DISPATCH
void vlm_scale(float *y, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] *= factor;
}

VLM_DISPATCH
int vlm_all_finite(const float *x, size_t count) {
    int32_t bad = 0;
    for (size_t i = 0; i < count; i++) bad |= (vlm_bits_from_float(x[i]) & 0x7f800000) == 0x7f800000;
    return !bad;
}
