// JPEG through libjpeg-turbo's libjpeg API, with the settings Pillow leaves at their defaults: slow integer DCT, fancy
// upsampling, block smoothing.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "status.h"

// libjpeg finds its error manager through a pointer to the first member.
typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    vlm_codec_status *status;
} error_manager;

static void on_error(j_common_ptr info) {
    error_manager *manager = (error_manager *)info->err;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    int32_t code = VLM_CODEC_MALFORMED;
    switch (info->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        code = VLM_CODEC_OUT_OF_MEMORY;
        break;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_ARITH_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
        code = VLM_CODEC_UNSUPPORTED;
        break;
    default:
        break;
    }
    vlm_status_set(manager->status, code, text);
    longjmp(manager->jump, 1);
}

// Warnings (corrupt data that libjpeg repaired) are counted by libjpeg and not shown, as in Pillow.
static void on_message(j_common_ptr info) { (void)info; }

static struct jpeg_error_mgr *prepare_errors(error_manager *manager, vlm_codec_status *status) {
    struct jpeg_error_mgr *base = jpeg_std_error(&manager->base);
    base->error_exit = on_error;
    base->output_message = on_message;
    manager->status = status;
    return base;
}

// Where the decoder reads from: all the bytes of the file, once.
typedef struct {
    struct jpeg_source_mgr base;
    int has_run_out;
} memory_source;

typedef struct {
    struct jpeg_progress_mgr base;
    int32_t maximum_scan_count;
} progress_manager;

struct vlm_jpeg_reader {
    struct jpeg_decompress_struct info;
    error_manager errors;
    progress_manager progress;
    memory_source source;
    vlm_pixel_format format;
};

static void ignore(j_decompress_ptr info) { (void)info; }

// "No more bytes now": the decoder suspends, which the caller reports as truncated. libjpeg's own memory source would
// invent an end-of-image marker and fill the rest with grey.
static boolean no_more_input(j_decompress_ptr info) {
    ((memory_source *)info->src)->has_run_out = 1;
    return FALSE;
}

static void skip_input(j_decompress_ptr info, long count) {
    struct jpeg_source_mgr *source = info->src;
    if (count <= 0) return;
    size_t skipped = (size_t)count < source->bytes_in_buffer ? (size_t)count : source->bytes_in_buffer;
    source->next_input_byte += skipped;
    source->bytes_in_buffer -= skipped;
}

// Called between rows of each pass: a file with thousands of scans would cost a pass over the picture for each.
static void on_progress(j_common_ptr info) {
    if (!info->is_decompressor) return;
    progress_manager *progress = (progress_manager *)info->progress;
    if (((j_decompress_ptr)info)->input_scan_number > progress->maximum_scan_count) {
        error_manager *manager = (error_manager *)info->err;
        vlm_status_set(manager->status, VLM_CODEC_OVER_LIMIT, "too many scans");
        longjmp(manager->jump, 1);
    }
}

static int32_t truncated(vlm_codec_status *status) {
    return vlm_status_set(status, VLM_CODEC_TRUNCATED, "the data ends before the last row");
}

// Narrows the columns to decode to whole blocks around those that are wanted.
static void narrow(j_decompress_ptr info, vlm_jpeg_window *window) {
    // Smooth upsampling looks at neighbours, and takes the window's edge for the picture's: two blocks more on each side
    // keep the wanted columns clear of it. Scans of several passes are decoded whole, since libjpeg smooths across.
    uint32_t margin = 2 * (uint32_t)(info->max_h_samp_factor * DCTSIZE);
    uint32_t end = window->first_column + window->column_count;
    JDIMENSION first = window->first_column > margin ? window->first_column - margin : 0;
    JDIMENSION last = info->output_width - end > margin ? end + margin : info->output_width;
    JDIMENSION count = last - first;
    if (info->progressive_mode || jpeg_has_multiple_scans(info) || count >= info->output_width) {
        first = 0;
        count = info->output_width;
    } else {
        jpeg_crop_scanline(info, &first, &count);
    }
    window->first_column = first;
    window->column_count = count;
}

int32_t vlm_jpeg_open(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                      vlm_pixel_format format, int32_t maximum_scan_count, uint32_t scale_denominator,
                      vlm_jpeg_window *window, vlm_jpeg_reader **opened, vlm_codec_status *status) {
    vlm_status_set(status, VLM_CODEC_OK, "");
    *opened = NULL;
    vlm_jpeg_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "");
    j_decompress_ptr info = &reader->info;
    info->err = prepare_errors(&reader->errors, status);
    if (setjmp(reader->errors.jump)) {
        vlm_jpeg_close(reader);
        return status->code;
    }
    jpeg_create_decompress(info);
    reader->format = format;
    reader->source.base.init_source = ignore;
    reader->source.base.fill_input_buffer = no_more_input;
    reader->source.base.skip_input_data = skip_input;
    reader->source.base.resync_to_restart = jpeg_resync_to_restart;
    reader->source.base.term_source = ignore;
    reader->source.base.next_input_byte = bytes;
    reader->source.base.bytes_in_buffer = byte_count;
    info->src = &reader->source.base;
    reader->progress.base.progress_monitor = on_progress;
    reader->progress.maximum_scan_count = maximum_scan_count;
    info->progress = &reader->progress.base;

    int found;
    do {
        found = jpeg_read_header(info, FALSE);
    } while (found == JPEG_HEADER_TABLES_ONLY);
    if (found != JPEG_HEADER_OK) {
        truncated(status);
    } else if (info->image_width != width || info->image_height != height) {
        vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "two frame headers disagree about the size");
    } else if ((info->num_components == 4) != (format == VLM_PIXELS_CMYK8)) {
        vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "two frame headers disagree about the channels");
    } else {
        info->out_color_space = format == VLM_PIXELS_CMYK8 ? JCS_CMYK : JCS_RGB;
        info->scale_num = 1;
        info->scale_denom = scale_denominator;
        if (!jpeg_start_decompress(info)) {
            truncated(status);
        } else if (info->output_width < window->first_column + window->column_count) {
            vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "the picture is narrower than the columns asked for");
        } else {
            narrow(info, window);
            *opened = reader;
            return VLM_CODEC_OK;
        }
    }
    vlm_jpeg_close(reader);
    return status->code;
}

int32_t vlm_jpeg_read(vlm_jpeg_reader *reader, uint32_t row_count, uint8_t *rows, vlm_codec_status *status) {
    j_decompress_ptr info = &reader->info;
    reader->errors.status = status;
    vlm_status_set(status, VLM_CODEC_OK, "");
    if (setjmp(reader->errors.jump)) return status->code;
    if (info->output_height - info->output_scanline < row_count) {
        return vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "the picture has fewer rows than were asked for");
    }
    size_t row_byte_count = (size_t)info->output_width * (reader->format == VLM_PIXELS_CMYK8 ? 4 : 3);
    for (uint32_t y = 0; y < row_count; y++) {
        JSAMPROW row = rows + y * row_byte_count;
        if (jpeg_read_scanlines(info, &row, 1) != 1) return truncated(status);
        // Four channels are taken as Adobe's, who store ink inverted.
        if (reader->format == VLM_PIXELS_CMYK8) {
            for (size_t index = 0; index < row_byte_count; index++) row[index] = 255 - row[index];
        }
    }
    return VLM_CODEC_OK;
}

int32_t vlm_jpeg_skip(vlm_jpeg_reader *reader, uint32_t row_count, vlm_codec_status *status) {
    j_decompress_ptr info = &reader->info;
    reader->errors.status = status;
    vlm_status_set(status, VLM_CODEC_OK, "");
    if (setjmp(reader->errors.jump)) return status->code;
    // libjpeg does not look at the data of rows that are skipped up to the last: that row is never skipped here.
    if (info->output_height - info->output_scanline <= row_count) {
        return vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "the picture has fewer rows than were passed over");
    }
    if (jpeg_skip_scanlines(info, row_count) != row_count || reader->source.has_run_out) return truncated(status);
    return VLM_CODEC_OK;
}

void vlm_jpeg_close(vlm_jpeg_reader *reader) {
    if (!reader) return;
    jpeg_destroy_decompress(&reader->info);
    free(reader);
}

int32_t vlm_jpeg_decode(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                        vlm_pixel_format format, int32_t maximum_scan_count, uint8_t *pixels,
                        vlm_codec_status *status) {
    vlm_jpeg_reader *reader;
    vlm_jpeg_window window = {0, width};
    int32_t code = vlm_jpeg_open(bytes, byte_count, width, height, format, maximum_scan_count, 1, &window, &reader,
                                 status);
    if (code == VLM_CODEC_OK) code = vlm_jpeg_read(reader, height, pixels, status);
    // What follows the last row does not matter, as in Pillow, so it is not read.
    vlm_jpeg_close(reader);
    return code;
}

// libjpeg's own memory destination loses track of its buffer if an error jumps out; this one keeps it with the caller.
typedef struct {
    struct jpeg_destination_mgr base;
    vlm_encoded *encoded;
    size_t capacity;
} destination_manager;

static boolean grow_output(j_compress_ptr info) {
    destination_manager *destination = (destination_manager *)info->dest;
    size_t used = destination->capacity;
    size_t capacity = used ? used * 2 : 16384;
    uint8_t *grown = realloc(destination->encoded->bytes, capacity);
    if (!grown) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
    destination->encoded->bytes = grown;
    destination->capacity = capacity;
    destination->base.next_output_byte = grown + used;
    destination->base.free_in_buffer = capacity - used;
    return TRUE;
}

static void start_output(j_compress_ptr info) { grow_output(info); }

static void end_output(j_compress_ptr info) {
    destination_manager *destination = (destination_manager *)info->dest;
    destination->encoded->byte_count = destination->capacity - destination->base.free_in_buffer;
}

int32_t vlm_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int32_t quality, int32_t halve_chroma,
                        vlm_encoded *encoded, vlm_codec_status *status) {
    struct jpeg_compress_struct info;
    error_manager errors;
    destination_manager destination;
    memset(&info, 0, sizeof info);
    memset(&destination, 0, sizeof destination);
    encoded->bytes = NULL;
    encoded->byte_count = 0;
    info.err = prepare_errors(&errors, status);
    vlm_status_set(status, VLM_CODEC_OK, "");
    if (setjmp(errors.jump)) {
        jpeg_destroy_compress(&info);
        vlm_codec_free(encoded);
        return status->code;
    }
    jpeg_create_compress(&info);
    destination.base.init_destination = start_output;
    destination.base.empty_output_buffer = grow_output;
    destination.base.term_destination = end_output;
    destination.encoded = encoded;
    info.dest = &destination.base;
    info.image_width = width;
    info.image_height = height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    if (!halve_chroma) {
        info.comp_info[0].h_samp_factor = 1;
        info.comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = (JSAMPROW)(rgb + (size_t)info.next_scanline * width * 3);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return VLM_CODEC_OK;
}
