// HEIC and AVIF through libheif, opened at run time. What is declared here of its interface is stable since version 1.3.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

enum {
    HEIF_OK = 0,
    HEIF_UNSUPPORTED_FILE_TYPE = 3,
    HEIF_UNSUPPORTED_FEATURE = 4,
    HEIF_MEMORY_ALLOCATION = 6,
    HEIF_SUB_END_OF_DATA = 100,
    HEIF_SUB_SECURITY_LIMIT = 1000,
    HEIF_COLORSPACE_RGB = 1,
    HEIF_CHROMA_INTERLEAVED_RGB = 10,
    HEIF_CHROMA_INTERLEAVED_RGBA = 11,
    HEIF_CHANNEL_INTERLEAVED = 10
};

typedef struct {
    int code;
    int subcode;
    const char *message;
} heif_error;

// The first members of the library's options; it allocates them itself and says how many there are.
typedef struct {
    uint8_t version;
    uint8_t ignore_transformations;
    void (*progress[3])(void);
    void *progress_user_data;
    uint8_t convert_hdr_to_8bit;  // since version 2
} heif_decoding_options;

typedef struct heif_context heif_context;
typedef struct heif_handle heif_handle;
typedef struct heif_image heif_image;

typedef struct {
    heif_context *(*context_alloc)(void);
    void (*context_free)(heif_context *);
    heif_error (*context_read)(heif_context *, const void *, size_t, const void *);
    heif_error (*context_primary)(heif_context *, heif_handle **);
    void (*context_limit)(heif_context *, int);
    void (*context_threads)(heif_context *, int);  // may be missing
    void (*handle_release)(const heif_handle *);
    int (*handle_width)(const heif_handle *);
    int (*handle_height)(const heif_handle *);
    int (*handle_has_alpha)(const heif_handle *);
    heif_decoding_options *(*options_alloc)(void);
    void (*options_free)(heif_decoding_options *);
    heif_error (*decode)(const heif_handle *, heif_image **, int, int, const heif_decoding_options *);
    void (*image_release)(const heif_image *);
    int (*image_width)(const heif_image *, int);
    int (*image_height)(const heif_image *, int);
    const uint8_t *(*image_plane)(const heif_image *, int, int *);
} heif_library;

// An opened file with its primary picture.
typedef struct {
    heif_library library;
    heif_context *context;
    heif_handle *handle;
} heif_file;

static int32_t open_library(const char *name, heif_library *library, vlm_codec_status *status) {
    // The library is never closed: it keeps tables of its decoders.
    void *opened = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!opened) return vlm_status_set(status, VLM_CODEC_UNAVAILABLE, "libheif is not installed");
    const struct {
        const char *name;
        void *target;
        int is_needed;
    } functions[] = {
        {"heif_context_alloc", &library->context_alloc, 1},
        {"heif_context_free", &library->context_free, 1},
        {"heif_context_read_from_memory_without_copy", &library->context_read, 1},
        {"heif_context_get_primary_image_handle", &library->context_primary, 1},
        {"heif_context_set_maximum_image_size_limit", &library->context_limit, 1},
        {"heif_context_set_max_decoding_threads", &library->context_threads, 0},
        {"heif_image_handle_release", &library->handle_release, 1},
        {"heif_image_handle_get_width", &library->handle_width, 1},
        {"heif_image_handle_get_height", &library->handle_height, 1},
        {"heif_image_handle_has_alpha_channel", &library->handle_has_alpha, 1},
        {"heif_decoding_options_alloc", &library->options_alloc, 1},
        {"heif_decoding_options_free", &library->options_free, 1},
        {"heif_decode_image", &library->decode, 1},
        {"heif_image_release", &library->image_release, 1},
        {"heif_image_get_width", &library->image_width, 1},
        {"heif_image_get_height", &library->image_height, 1},
        {"heif_image_get_plane_readonly", &library->image_plane, 1},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *address = dlsym(opened, functions[i].name);
        if (!address && functions[i].is_needed) {
            dlclose(opened);
            return vlm_status_set(status, VLM_CODEC_UNAVAILABLE, "libheif is too old");
        }
        memcpy(functions[i].target, &address, sizeof address);
    }
    dlclose(opened);
    return vlm_status_set(status, VLM_CODEC_OK, "");
}

static int32_t status_of(heif_error error, vlm_codec_status *status) {
    if (error.code == HEIF_OK) return VLM_CODEC_OK;
    const char *message = error.message ? error.message : "";
    if (error.subcode == HEIF_SUB_END_OF_DATA) return vlm_status_set(status, VLM_CODEC_TRUNCATED, message);
    if (error.subcode == HEIF_SUB_SECURITY_LIMIT) return vlm_status_set(status, VLM_CODEC_UNSUPPORTED, message);
    if (error.code == HEIF_MEMORY_ALLOCATION) return vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, message);
    if (error.code == HEIF_UNSUPPORTED_FILE_TYPE || error.code == HEIF_UNSUPPORTED_FEATURE)
        return vlm_status_set(status, VLM_CODEC_UNSUPPORTED, message);
    return vlm_status_set(status, VLM_CODEC_MALFORMED, message);
}

static void close_file(heif_file *file) {
    if (file->handle) file->library.handle_release(file->handle);
    if (file->context) file->library.context_free(file->context);
}

// `close_file` is due whatever is returned.
static int32_t open_file(heif_file *file, const char *library, const uint8_t *bytes, size_t byte_count,
                         int32_t maximum_side, vlm_codec_status *status) {
    memset(file, 0, sizeof *file);
    if (open_library(library, &file->library, status) != VLM_CODEC_OK) return status->code;
    file->context = file->library.context_alloc();
    if (!file->context) return vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "no memory for the decoder");
    file->library.context_limit(file->context, maximum_side);
    // Tiles are decoded on the calling thread.
    if (file->library.context_threads) file->library.context_threads(file->context, 0);
    if (status_of(file->library.context_read(file->context, bytes, byte_count, NULL), status) != VLM_CODEC_OK)
        return status->code;
    return status_of(file->library.context_primary(file->context, &file->handle), status);
}

int32_t vlm_heif_inspect(const char *library, const uint8_t *bytes, size_t byte_count, int32_t maximum_side,
                         vlm_heif_facts *facts, vlm_codec_status *status) {
    heif_file file;
    if (open_file(&file, library, bytes, byte_count, maximum_side, status) == VLM_CODEC_OK) {
        int width = file.library.handle_width(file.handle);
        int height = file.library.handle_height(file.handle);
        facts->width = width > 0 ? (uint32_t)width : 0;
        facts->height = height > 0 ? (uint32_t)height : 0;
        facts->has_alpha = file.library.handle_has_alpha(file.handle) != 0;
    }
    close_file(&file);
    return status->code;
}

static void copy_rows(const heif_file *file, const heif_image *image, uint32_t width, uint32_t height,
                      size_t pixel_byte_count, uint8_t *pixels, vlm_codec_status *status) {
    int stride = 0;
    const uint8_t *plane = file->library.image_plane(image, HEIF_CHANNEL_INTERLEAVED, &stride);
    size_t row_byte_count = width * pixel_byte_count;
    if (!plane || stride < 0 || (size_t)stride < row_byte_count ||
        file->library.image_width(image, HEIF_CHANNEL_INTERLEAVED) != (int)width ||
        file->library.image_height(image, HEIF_CHANNEL_INTERLEAVED) != (int)height) {
        vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "the picture has another size than its container says");
        return;
    }
    for (size_t row = 0; row < height; row++)
        memcpy(pixels + row * row_byte_count, plane + row * (size_t)stride, row_byte_count);
}

int32_t vlm_heif_decode(const char *library, const uint8_t *bytes, size_t byte_count, int32_t maximum_side,
                        uint32_t width, uint32_t height, vlm_pixel_format format, uint8_t *pixels,
                        vlm_codec_status *status) {
    heif_file file;
    if (open_file(&file, library, bytes, byte_count, maximum_side, status) == VLM_CODEC_OK) {
        heif_decoding_options *options = file.library.options_alloc();
        if (options && options->version >= 2) options->convert_hdr_to_8bit = 1;
        heif_image *image = NULL;
        int chroma = format == VLM_PIXELS_RGBA8 ? HEIF_CHROMA_INTERLEAVED_RGBA : HEIF_CHROMA_INTERLEAVED_RGB;
        if (status_of(file.library.decode(file.handle, &image, HEIF_COLORSPACE_RGB, chroma, options), status) == VLM_CODEC_OK)
            copy_rows(&file, image, width, height, format == VLM_PIXELS_RGBA8 ? 4 : 3, pixels, status);
        if (image) file.library.image_release(image);
        if (options) file.library.options_free(options);
    }
    close_file(&file);
    return status->code;
}
