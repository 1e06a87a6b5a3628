#ifndef VLMPIPE_HALF_PRECISION_H
#define VLMPIPE_HALF_PRECISION_H

#include <stddef.h>
#include <stdint.h>

// Bulk conversion between IEEE binary16 (as bits) and binary32. Widening is exact; narrowing rounds to nearest, ties to
// even, overflows to infinity and keeps subnormals. A signalling NaN becomes quiet; its payload is cut or widened.
// The results of the dispatched functions equal those of their plain twins in every bit. Buffers must not overlap.
void vlm_f16_to_f32(const uint16_t *source, float *destination, size_t count);
void vlm_f32_to_f16(const float *source, uint16_t *destination, size_t count);
void vlm_f16_to_f32_plain(const uint16_t *source, float *destination, size_t count);
void vlm_f32_to_f16_plain(const float *source, uint16_t *destination, size_t count);

// bfloat16: widening shifts; narrowing rounds to nearest, ties to even, and makes NaN quiet.
void vlm_bf16_to_f32(const uint16_t *source, float *destination, size_t count);
void vlm_f32_to_bf16(const float *source, uint16_t *destination, size_t count);

// Byte split of 16-bit elements: destination[0 ..< count] are the low bytes, destination[count ..< 2 count] the high.
void vlm_byte_split_16(const uint16_t *source, uint8_t *destination, size_t count);

// The inverse of vlm_byte_split_16.
void vlm_byte_join_16(const uint8_t *source, uint16_t *destination, size_t count);

#endif
