#ifndef VLMPIPE_CRC32C_H
#define VLMPIPE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

// CRC-32C, the checksum of RFC 3720 (Castagnoli; reflected polynomial 0x82F63B78, initial value and final XOR all
// ones). `crc` is the result for the bytes before these (0 at the start), so that calls can be chained.
uint32_t vlm_crc32c(uint32_t crc, const void *bytes, size_t byte_count);

// The plain twin of vlm_crc32c: two table look-ups per byte on every CPU.
uint32_t vlm_crc32c_plain(uint32_t crc, const void *bytes, size_t byte_count);

#endif
