#ifndef VLMPIPE_CRC32C_H
#define VLMPIPE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

// CRC-32C, the checksum of RFC 3720 (Castagnoli; reflected polynomial 0x82F63B78, initial value and final XOR all
// ones). `crc` is the result for the bytes before these (0 at the start), so that calls can be chained.
uint32_t vlm_crc32c(uint32_t crc, const void *bytes, size_t byte_count);

// How it is summed, from the plainest up: tables, the CPU's instruction for it, carry-less products of 512 bits.
enum { VLM_CRC32C_PLAIN = 0, VLM_CRC32C_INSTRUCTION = 1, VLM_CRC32C_WIDE = 2 };

// The best level of this machine.
int vlm_crc32c_level(void);

// The same, at this level or the machine's best if that is lower.
uint32_t vlm_crc32c_at(int level, uint32_t crc, const void *bytes, size_t byte_count);

// The plain twin of vlm_crc32c: two table look-ups per byte on every CPU.
uint32_t vlm_crc32c_plain(uint32_t crc, const void *bytes, size_t byte_count);

#endif
