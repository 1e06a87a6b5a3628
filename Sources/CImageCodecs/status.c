#include "status.h"

#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>

int32_t vlm_status_set(vlm_codec_status *status, int32_t code, const char *message) {
    status->code = code;
    snprintf(status->message, sizeof status->message, "%s", message);
    return code;
}

void vlm_codec_free(vlm_encoded *encoded) {
    free(encoded->bytes);
    encoded->bytes = NULL;
    encoded->byte_count = 0;
}

void vlm_codec_versions(char *text, size_t capacity) {
    int webp = WebPGetDecoderVersion();
    snprintf(text, capacity, "libjpeg-turbo %d.%d.%d (headers), libpng %s, libwebp %d.%d.%d",
             LIBJPEG_TURBO_VERSION_NUMBER / 1000000, LIBJPEG_TURBO_VERSION_NUMBER / 1000 % 1000,
             LIBJPEG_TURBO_VERSION_NUMBER % 1000, png_get_libpng_ver(NULL), webp >> 16, webp >> 8 & 0xFF, webp & 0xFF);
}
