// PNG through libpng, converted to RGB as Pillow's convert("RGB") does: alpha and tRNS dropped, 16-bit colour cut to
// its high byte, 16-bit grey clipped at 255, no gamma and no colour profile.
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

// Rows as libpng delivers them after the transformations below.
typedef struct {
    int is_palette;
    int is_grey16;
    uint8_t palette[256][3];
} row_format;

static void convert_row(const row_format *format, const uint8_t *row, uint8_t *rgb, uint32_t width) {
    if (format->is_palette) {
        for (uint32_t x = 0; x < width; x++) memcpy(rgb + 3 * (size_t)x, format->palette[row[x]], 3);
    } else if (format->is_grey16) {
        for (uint32_t x = 0; x < width; x++) {
            uint8_t value = row[2 * (size_t)x] ? 255 : row[2 * (size_t)x + 1];
            memset(rgb + 3 * (size_t)x, value, 3);
        }
    } else {
        memcpy(rgb, row, 3 * (size_t)width);
    }
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

int32_t vlm_png_decode(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height, uint8_t *rgb,
                       vlm_codec_status *status) {
    png_context context = {.status = status, .next = bytes, .remaining = byte_count};
    vlm_status_set(status, VLM_CODEC_OK, "");
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &context, on_error, on_warning);
    if (!png) return vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "libpng could not start");
    // Set after the jump point and read after a jump, hence volatile.
    png_infop volatile info = NULL;
    uint8_t *volatile rows = NULL;
    if (setjmp(context.jump)) {
        png_infop created = info;
        png_destroy_read_struct(&png, created ? &created : NULL, NULL);
        free((void *)rows);
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

    row_format format;
    memset(&format, 0, sizeof format);
    format.is_palette = color_type == PNG_COLOR_TYPE_PALETTE;
    format.is_grey16 = color_type == PNG_COLOR_TYPE_GRAY && depth == 16;
    if (format.is_palette) {
        png_colorp colors;
        int count = 0;
        png_get_PLTE(png, info, &colors, &count);
        for (int index = 0; index < count && index < 256; index++) {
            format.palette[index][0] = colors[index].red;
            format.palette[index][1] = colors[index].green;
            format.palette[index][2] = colors[index].blue;
        }
        png_set_packing(png);
    } else if (!format.is_grey16) {
        if (depth < 8) png_set_expand_gray_1_2_4_to_8(png);
        if (depth == 16) png_set_strip_16(png);
        if (color_type & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
        if (!(color_type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    }
    int pass_count = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t row_byte_count = png_get_rowbytes(png, info);
    if (row_byte_count != (size_t)width * (format.is_palette ? 1 : format.is_grey16 ? 2 : 3)) {
        png_error(png, "unexpected row size");
    }
    // An interlaced picture is completed over seven passes, so all its rows are kept until the last.
    int direct = !format.is_palette && !format.is_grey16;
    if (!direct) {
        rows = malloc(pass_count > 1 ? row_byte_count * height : row_byte_count);
        if (!rows) {
            vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "no memory for the rows");
            png_error(png, "memory");
        }
    }
    for (int pass = 0; pass < pass_count; pass++) {
        for (uint32_t y = 0; y < height; y++) {
            uint8_t *target = rgb + (size_t)y * width * 3;
            uint8_t *row = direct ? target : rows + (pass_count > 1 ? row_byte_count * y : 0);
            png_read_row(png, row, NULL);
            if (!direct && pass == pass_count - 1) convert_row(&format, row, target, width);
        }
    }
    // Chunks after the last row do not matter, so they are not read.
    png_infop created = info;
    png_destroy_read_struct(&png, &created, NULL);
    free((void *)rows);
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
