// Picture codecs behind return codes: every jump out of libjpeg and libpng ends inside this target.
//
// Callers own the input and output buffers. No function keeps a pointer after it returns, and none uses global state,
// so all may be called from any number of threads.
#ifndef VLMPIPE_CIMAGECODECS_H
#define VLMPIPE_CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    VLM_CODEC_OK = 0,
    VLM_CODEC_TRUNCATED = 1,      // the input ends before the picture does
    VLM_CODEC_MALFORMED = 2,      // the input contradicts its format
    VLM_CODEC_UNSUPPORTED = 3,    // a variant that the library does not read
    VLM_CODEC_OUT_OF_MEMORY = 4,
    VLM_CODEC_OVER_LIMIT = 5,     // more scans than allowed
    VLM_CODEC_SIZE_MISMATCH = 6,  // the library sees another width or height than the caller's header parser
    VLM_CODEC_UNAVAILABLE = 7     // the library is opened at run time and is not installed
};

// What happened: one of the codes, and the library's words (zero-terminated; they may quote the file).
typedef struct vlm_codec_status {
    int32_t code;
    char message[160];
} vlm_codec_status;

// Pixels as the decoders deliver them: rows from the top, channels interleaved, no padding.
typedef enum vlm_pixel_format {
    VLM_PIXELS_INDEX8 = 1,  // numbers of palette colours, or 1-bit grey as 0 and 1
    VLM_PIXELS_GREY16 = 2,  // in the byte order of the machine
    VLM_PIXELS_RGB8 = 3,    // grey is replicated, alpha dropped, 16 bits cut to the high 8
    VLM_PIXELS_RGBA8 = 4,   // the same with alpha
    VLM_PIXELS_CMYK8 = 5    // 255 is full ink
} vlm_pixel_format;

// Decode the whole picture into `pixels`, `width * height` of them. `width` and `height` are what the caller's header
// parser found; they, and whether the file can be delivered in that format, are compared with the library's own reading
// before a pixel is written. What is delivered equals what Pillow's open(...) loads.

// RGB8, or CMYK8 for files of four components.
int32_t vlm_jpeg_decode(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                        vlm_pixel_format format, int32_t maximum_scan_count, uint8_t *pixels, vlm_codec_status *status);
// The same picture strip by strip, from the top. `bytes` must stay until the reader is closed.
typedef struct vlm_jpeg_reader vlm_jpeg_reader;
typedef struct vlm_jpeg_window {
    uint32_t first_column;
    uint32_t column_count;
} vlm_jpeg_window;

// `scale_denominator` is 1, 2, 4 or 8: sides are divided by it, rounded up, by a smaller inverse DCT. `window` says which
// columns of the scaled picture are wanted, and is widened to those that are delivered; each equals that of the whole
// picture.
int32_t vlm_jpeg_open(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                      vlm_pixel_format format, int32_t maximum_scan_count, uint32_t scale_denominator,
                      vlm_jpeg_window *window, vlm_jpeg_reader **reader, vlm_codec_status *status);
// The next rows, without padding. After any other code than OK only close is allowed.
int32_t vlm_jpeg_read(vlm_jpeg_reader *reader, uint32_t row_count, uint8_t *rows, vlm_codec_status *status);
// Passes over rows, of which the picture's last must not be one; data that ends within them is found.
int32_t vlm_jpeg_skip(vlm_jpeg_reader *reader, uint32_t row_count, vlm_codec_status *status);
void vlm_jpeg_close(vlm_jpeg_reader *reader);

// INDEX8 for palettes and 1-bit grey, GREY16 for 16-bit grey, RGB8 or RGBA8 for all others. `palette` receives 256
// colours of three bytes, black where the file has none; for 1-bit grey black and then white.
int32_t vlm_png_decode(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                       vlm_pixel_format format, uint8_t *palette, uint8_t *pixels, vlm_codec_status *status);
// RGB8 or RGBA8.
int32_t vlm_webp_decode(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                        vlm_pixel_format format, uint8_t *pixels, vlm_codec_status *status);
// Whether the library sees an alpha channel; 0 also where it cannot read the file.
int32_t vlm_webp_has_alpha(const uint8_t *bytes, size_t byte_count);

// HEIC and AVIF through libheif, which is opened at run time under the name `library` (such as "libheif.so.1") and stays
// open. Sizes are those after the turning and cutting that the container asks for.
typedef struct vlm_heif_facts {
    uint32_t width;
    uint32_t height;
    int32_t has_alpha;
} vlm_heif_facts;

// Reads the container, no pixels. Nothing larger than a square of `maximum_side` pixels is allocated on its behalf.
int32_t vlm_heif_inspect(const char *library, const uint8_t *bytes, size_t byte_count, int32_t maximum_side,
                         vlm_heif_facts *facts, vlm_codec_status *status);
// RGB8 or RGBA8, more bits cut to 8.
int32_t vlm_heif_decode(const char *library, const uint8_t *bytes, size_t byte_count, int32_t maximum_side,
                        uint32_t width, uint32_t height, vlm_pixel_format format, uint8_t *pixels,
                        vlm_codec_status *status);

// Bytes made by an encoder; free them with vlm_codec_free.
typedef struct vlm_encoded {
    uint8_t *bytes;
    size_t byte_count;
} vlm_encoded;

// Encode 8-bit RGB. `quality` is libjpeg's, 1 to 100; chroma is halved in both directions if `halve_chroma`.
int32_t vlm_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int32_t quality, int32_t halve_chroma,
                        vlm_encoded *encoded, vlm_codec_status *status);
// `compression_level` is zlib's, 0 to 9.
int32_t vlm_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int32_t compression_level,
                       vlm_encoded *encoded, vlm_codec_status *status);
void vlm_codec_free(vlm_encoded *encoded);

// Versions of the libraries in use, for run records: "libjpeg-turbo API 62" style text into `text`.
void vlm_codec_versions(char *text, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
