#include "attention.h"

#include <math.h>
#include <string.h>

#include "dispatch.h"
#include "elementary.h"
#include "wide.h"

typedef vlm_wide wide;
typedef float quad __attribute__((vector_size(16), aligned(4)));
enum { LANES = VLM_LANES };

size_t vlm_attention_row_length(size_t keys) { return (keys + LANES - 1) / LANES * LANES; }

size_t vlm_attention_scratch_count(size_t queries, size_t keys, size_t head_width) {
    // A transposed key or value block, and one head's probabilities or their gradient.
    return vlm_attention_row_length(keys) * (head_width + queries);
}

// One register tile of C = scale * A B: MR rows and NV vectors of columns, A anywhere (broadcast), B and C row-major.
#define PRODUCT_TILE(MR, NV)                                                                                     \
    do {                                                                                                         \
        wide acc[MR][NV];                                                                                        \
        _Pragma("clang loop unroll(full)") for (int m = 0; m < MR; m++)                                          \
            _Pragma("clang loop unroll(full)") for (int n = 0; n < NV; n++) acc[m][n] = (wide){0};               \
        for (size_t p = 0; p < depth; p++) {                                                                     \
            wide b_row[NV];                                                                                      \
            _Pragma("clang loop unroll(full)") for (int n = 0; n < NV; n++)                                      \
                b_row[n] = *(const wide *)(b + p * b_stride + column + n * LANES);                               \
            _Pragma("clang loop unroll(full)") for (int m = 0; m < MR; m++) {                                    \
                float value = a[(row + m) * a_row_stride + p * a_column_stride];                                 \
                _Pragma("clang loop unroll(full)") for (int n = 0; n < NV; n++) acc[m][n] += b_row[n] * value;   \
            }                                                                                                    \
        }                                                                                                        \
        _Pragma("clang loop unroll(full)") for (int m = 0; m < MR; m++)                                          \
            _Pragma("clang loop unroll(full)") for (int n = 0; n < NV; n++)                                      \
                *(wide *)(c + (row + m) * c_stride + column + n * LANES) = acc[m][n] * scale;                    \
    } while (0)

#define PRODUCT_ROWS(NV)                                         \
    do {                                                         \
        size_t row = 0;                                          \
        for (; row + 6 <= rows; row += 6) PRODUCT_TILE(6, NV);   \
        for (; row + 3 <= rows; row += 3) PRODUCT_TILE(3, NV);   \
        for (; row < rows; row++) PRODUCT_TILE(1, NV);           \
    } while (0)

// C [rows, columns] = scale * A [rows, depth] B [depth, columns]. Columns beyond whole vectors are done by a last
// vector that overlaps the one before (C is never read), or one by one when there are fewer than a vector.
VLM_INLINE void product(const float *a, size_t a_row_stride, size_t a_column_stride, const float *b, size_t b_stride,
                        float *c, size_t c_stride, size_t rows, size_t columns, size_t depth, float scale) {
#pragma clang fp contract(fast)
    if (columns < LANES) {
        for (size_t row = 0; row < rows; row++) {
            for (size_t column = 0; column < columns; column++) {
                float sum = 0;
                for (size_t p = 0; p < depth; p++) {
                    sum += a[row * a_row_stride + p * a_column_stride] * b[p * b_stride + column];
                }
                c[row * c_stride + column] = sum * scale;
            }
        }
        return;
    }
    size_t column = 0;
    for (; column + 4 * LANES <= columns; column += 4 * LANES) PRODUCT_ROWS(4);
    if (column + 3 * LANES <= columns) {
        PRODUCT_ROWS(3);
        column += 3 * LANES;
    } else if (column + 2 * LANES <= columns) {
        PRODUCT_ROWS(2);
        column += 2 * LANES;
    } else if (column + LANES <= columns) {
        PRODUCT_ROWS(1);
        column += LANES;
    }
    if (column < columns) {
        column = columns - LANES;
        PRODUCT_ROWS(1);
    }
}

// out [width, row_length] = x [rows, width] transposed, the columns from `rows` on zero.
VLM_INLINE void transpose(const float *x, size_t stride, float *out, size_t rows, size_t width, size_t row_length) {
    size_t t = 0;
    for (; t + 4 <= rows; t += 4) {
        const float *x0 = x + t * stride, *x1 = x0 + stride, *x2 = x1 + stride, *x3 = x2 + stride;
        size_t d = 0;
        for (; d + 4 <= width; d += 4) {
            quad a = *(const quad *)(x0 + d), b = *(const quad *)(x1 + d);
            quad e = *(const quad *)(x2 + d), f = *(const quad *)(x3 + d);
            quad ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
            quad ef0 = __builtin_shufflevector(e, f, 0, 4, 1, 5), ef1 = __builtin_shufflevector(e, f, 2, 6, 3, 7);
            *(quad *)(out + (d + 0) * row_length + t) = __builtin_shufflevector(ab0, ef0, 0, 1, 4, 5);
            *(quad *)(out + (d + 1) * row_length + t) = __builtin_shufflevector(ab0, ef0, 2, 3, 6, 7);
            *(quad *)(out + (d + 2) * row_length + t) = __builtin_shufflevector(ab1, ef1, 0, 1, 4, 5);
            *(quad *)(out + (d + 3) * row_length + t) = __builtin_shufflevector(ab1, ef1, 2, 3, 6, 7);
        }
        for (; d < width; d++) {
            out[d * row_length + t] = x0[d];
            out[d * row_length + t + 1] = x1[d];
            out[d * row_length + t + 2] = x2[d];
            out[d * row_length + t + 3] = x3[d];
        }
    }
    for (; t < rows; t++) {
        for (size_t d = 0; d < width; d++) out[d * row_length + t] = x[t * stride + d];
    }
    if (rows < row_length) {
        for (size_t d = 0; d < width; d++) {
            memset(out + d * row_length + rows, 0, (row_length - rows) * sizeof(float));
        }
    }
}

// Softmax of the first `visible` values, zero behind.
VLM_INLINE void softmax(float *row, size_t visible, size_t row_length) {
#pragma clang fp reassociate(on)
    for (size_t j = visible; j < row_length; j++) row[j] = -INFINITY;
    float maximum = vlm_maximum(row, row_length);
    float sum = 0;
    for (size_t j = 0; j < row_length; j++) {
        float e = vlm_exp(row[j] - maximum);
        row[j] = e;
        sum += e;
    }
    float factor = 1.0f / sum;
    for (size_t j = 0; j < row_length; j++) row[j] *= factor;
}

VLM_DISPATCH
void vlm_attention_forward(const float *q, size_t q_stride, const float *k, const float *v, size_t kv_stride,
                           float *out, size_t out_stride, const int32_t *query_offsets, const int32_t *key_offsets,
                           size_t sequences, size_t heads, size_t head_width, float scale, int causal,
                           float *probabilities, float *scratch) {
    for (size_t s = 0; s < sequences; s++) {
        size_t query_start = (size_t)query_offsets[s], queries = (size_t)query_offsets[s + 1] - query_start;
        size_t key_start = (size_t)key_offsets[s], keys = (size_t)key_offsets[s + 1] - key_start;
        if (queries == 0 || keys == 0) continue;
        size_t length = vlm_attention_row_length(keys);
        float *transposed = scratch;
        for (size_t h = 0; h < heads; h++) {
            const float *qh = q + query_start * q_stride + h * head_width;
            const float *kh = k + key_start * kv_stride + h * head_width;
            const float *vh = v + key_start * kv_stride + h * head_width;
            float *p = probabilities ? probabilities : scratch + head_width * length;
            transpose(kh, kv_stride, transposed, keys, head_width, length);
            product(qh, q_stride, 1, transposed, length, p, length, queries, length, head_width, scale);
            for (size_t i = 0; i < queries; i++) {
                size_t visible = causal ? i + keys - queries + 1 : keys;
                softmax(p + i * length, visible, length);
            }
            product(p, length, 1, vh, kv_stride, out + query_start * out_stride + h * head_width, out_stride, queries,
                    head_width, keys, 1.0f);
            if (probabilities) probabilities += queries * length;
        }
    }
}

// With P the probabilities, O = P V and S the scaled scores:
// dV = P^T dO, dP = dO V^T, dS = P (dP - rowsum(P dP)), dQ = scale dS K, dK = scale dS^T Q. Masked places have P = 0.
VLM_DISPATCH
void vlm_attention_backward(const float *q, size_t q_stride, const float *k, const float *v, size_t kv_stride,
                            const float *dout, size_t out_stride, const int32_t *query_offsets,
                            const int32_t *key_offsets, size_t sequences, size_t heads, size_t head_width, float scale,
                            const float *probabilities, float *dq, float *dk, float *dv, float *scratch) {
#pragma clang fp reassociate(on) contract(fast)
    for (size_t s = 0; s < sequences; s++) {
        size_t query_start = (size_t)query_offsets[s], queries = (size_t)query_offsets[s + 1] - query_start;
        size_t key_start = (size_t)key_offsets[s], keys = (size_t)key_offsets[s + 1] - key_start;
        if (queries == 0 || keys == 0) {
            for (size_t i = 0; i < queries; i++)
                memset(dq + (query_start + i) * q_stride, 0, heads * head_width * sizeof(float));
            for (size_t i = 0; i < keys; i++) {
                memset(dk + (key_start + i) * kv_stride, 0, heads * head_width * sizeof(float));
                memset(dv + (key_start + i) * kv_stride, 0, heads * head_width * sizeof(float));
            }
            continue;
        }
        size_t length = vlm_attention_row_length(keys);
        float *transposed = scratch, *ds = scratch + head_width * length;
        for (size_t h = 0; h < heads; h++) {
            size_t query_place = query_start * q_stride + h * head_width;
            size_t key_place = key_start * kv_stride + h * head_width;
            const float *doh = dout + query_start * out_stride + h * head_width;
            const float *p = probabilities;
            product(p, 1, length, doh, out_stride, dv + key_place, kv_stride, keys, head_width, queries, 1.0f);
            transpose(v + key_place, kv_stride, transposed, keys, head_width, length);
            product(doh, out_stride, 1, transposed, length, ds, length, queries, length, head_width, 1.0f);
            for (size_t i = 0; i < queries; i++) {
                const float *pi = p + i * length;
                float *di = ds + i * length;
                float sum = 0;
                for (size_t j = 0; j < length; j++) sum += pi[j] * di[j];
                for (size_t j = 0; j < length; j++) di[j] = pi[j] * (di[j] - sum);
            }
            product(ds, length, 1, k + key_place, kv_stride, dq + query_place, q_stride, queries, head_width, keys,
                    scale);
            product(ds, 1, length, q + query_place, q_stride, dk + key_place, kv_stride, keys, head_width, queries,
                    scale);
            probabilities += queries * length;
        }
    }
}
