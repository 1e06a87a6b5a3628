// PNG through libpng in the modes that Pillow loads: tRNS ignored, 16-bit colour cut to its high byte, 16-bit grey
// kept, no gamma and no colour profile.
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "status.h"

typedef struct {
    jmp_buf jump;
    vlm_codec_status *status;
    const uint8_t *next;
    size_t remaining;
    vlm_encoded *encoded;
    size_t capacity;
} png_context;

static void on_error(png_structp png, png_const_charp message) {
    png_context *context = png_get_error_ptr(png);
    if (context->status->code == VLM_CODEC_OK) vlm_status_set(context->status, VLM_CODEC_MALFORMED, message);
    longjmp(context->jump, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    png_context *context = png_get_io_ptr(png);
    if (count > context->remaining) {
        vlm_status_set(context->status, VLM_CODEC_TRUNCATED, "the data ends before the last row");
        png_error(png, "truncated");
    }
    memcpy(target, context->next, count);
    context->next += count;
    context->remaining -= count;
}

// Metadata is of no use here; unread, it can neither cost memory nor be an error.
static void ignore_metadata(png_structp png) {
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
    static const png_byte names[] = "bKGD\0cHRM\0cICP\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0"
                                    "sPLT\0sRGB\0sTER\0tEXt\0tIME\0tRNS\0zTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, (int)(sizeof names / 5));
#endif
}

// 1-bit grey counts as a palette: 0 is black, any other number white.
static void read_palette(png_structp png, png_infop info, int color_type, uint8_t *palette) {
    png_colorp colors;
    int count = 0;
    memset(palette, 0, 3);
    memset(palette + 3, color_type == PNG_COLOR_TYPE_GRAY ? 255 : 0, 3 * 255);
    png_get_PLTE(png, info, &colors, &count);
    if (color_type == PNG_COLOR_TYPE_GRAY) count = 0;
    for (int index = 0; index < count && index < 256; index++) {
        palette[3 * index] = colors[index].red;
        palette[3 * index + 1] = colors[index].green;
        palette[3 * index + 2] = colors[index].blue;
    }
}

// Asks libpng to deliver `format`. Whether it can is seen from the size of its rows.
static void set_transformations(png_structp png, int color_type, int depth, vlm_pixel_format format) {
    switch (format) {
    case VLM_PIXELS_INDEX8:
        png_set_packing(png);
        break;
    case VLM_PIXELS_GREY16: {
        const uint16_t one = 1;
        if (*(const uint8_t *)&one == 1) png_set_swap(png);
        break;
    }
    default:
        if (depth < 8) png_set_expand_gray_1_2_4_to_8(png);
        if (depth == 16) png_set_strip_16(png);
        if (format == VLM_PIXELS_RGB8 && color_type & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
        if (!(color_type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
        break;
    }
}

int32_t vlm_png_decode(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                       vlm_pixel_format format, uint8_t *palette, uint8_t *pixels, vlm_codec_status *status) {
    png_context context = {.status = status, .next = bytes, .remaining = byte_count};
    vlm_status_set(status, VLM_CODEC_OK, "");
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &context, on_error, on_warning);
    if (!png) return vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "libpng could not start");
    // Set after the jump point and read after a jump, hence volatile.
    png_infop volatile info = NULL;
    if (setjmp(context.jump)) {
        png_infop created = info;
        png_destroy_read_struct(&png, created ? &created : NULL, NULL);
        return status->code;
    }
    info = png_create_info_struct(png);
    if (!info) {
        vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "libpng could not start");
        png_error(png, "memory");
    }
    png_set_read_fn(png, &context, read_bytes);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
    ignore_metadata(png);
    png_read_info(png, info);
    png_uint_32 stated_width, stated_height;
    int depth, color_type, interlace;
    png_get_IHDR(png, info, &stated_width, &stated_height, &depth, &color_type, &interlace, NULL, NULL);
    if (stated_width != width || stated_height != height) {
        vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "two headers disagree about the size");
        png_error(png, "size");
    }
    if (format == VLM_PIXELS_INDEX8) read_palette(png, info, color_type, palette);
    set_transformations(png, color_type, depth, format);
    int pass_count = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t row_byte_count = png_get_rowbytes(png, info);
    if (row_byte_count != (size_t)width * (size_t)format) png_error(png, "unexpected row size");
    // An interlaced picture is completed over seven passes.
    for (int pass = 0; pass < pass_count; pass++) {
        for (uint32_t y = 0; y < height; y++) png_read_row(png, pixels + row_byte_count * y, NULL);
    }
    // Chunks after the last row do not matter, so they are not read.
    png_infop created = info;
    png_destroy_read_struct(&png, &created, NULL);
    return status->code;
}

static void write_bytes(png_structp png, png_bytep source, size_t count) {
    png_context *context = png_get_io_ptr(png);
    vlm_encoded *encoded = context->encoded;
    if (count > context->capacity - encoded->byte_count) {
        size_t capacity = context->capacity * 2 + count;
        uint8_t *grown = realloc(encoded->bytes, capacity);
        if (!grown) {
            vlm_status_set(context->status, VLM_CODEC_OUT_OF_MEMORY, "no memory for the file");
            png_error(png, "memory");
        }
        encoded->bytes = grown;
        context->capacity = capacity;
    }
    memcpy(encoded->bytes + encoded->byte_count, source, count);
    encoded->byte_count += count;
}

static void flush_bytes(png_structp png) { (void)png; }

int32_t vlm_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int32_t compression_level,
                       vlm_encoded *encoded, vlm_codec_status *status) {
    encoded->bytes = NULL;
    encoded->byte_count = 0;
    png_context context = {.status = status, .encoded = encoded};
    vlm_status_set(status, VLM_CODEC_OK, "");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &context, on_error, on_warning);
    if (!png) return vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "libpng could not start");
    png_infop volatile info = NULL;
    if (setjmp(context.jump)) {
        png_infop created = info;
        png_destroy_write_struct(&png, created ? &created : NULL);
        vlm_codec_free(encoded);
        return status->code;
    }
    info = png_create_info_struct(png);
    if (!info) {
        vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "libpng could not start");
        png_error(png, "memory");
    }
    png_set_write_fn(png, &context, write_bytes, flush_bytes);
    png_set_compression_level(png, compression_level);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; y++) png_write_row(png, rgb + (size_t)y * width * 3);
    png_write_end(png, NULL);
    png_infop created = info;
    png_destroy_write_struct(&png, &created);
    return VLM_CODEC_OK;
}
