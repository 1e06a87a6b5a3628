// WebP through libwebp; of an animation, the first frame on a transparent black canvas.
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "status.h"

static int32_t status_of(VP8StatusCode code, vlm_codec_status *status) {
    switch (code) {
    case VP8_STATUS_OK:
        return status->code;
    case VP8_STATUS_OUT_OF_MEMORY:
        return vlm_status_set(status, VLM_CODEC_OUT_OF_MEMORY, "no memory for the decoder");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return vlm_status_set(status, VLM_CODEC_UNSUPPORTED, "unsupported feature");
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return vlm_status_set(status, VLM_CODEC_TRUNCATED, "the data ends before the last row");
    default:
        return vlm_status_set(status, VLM_CODEC_MALFORMED, "bitstream error");
    }
}

int32_t vlm_webp_has_alpha(const uint8_t *bytes, size_t byte_count) {
    WebPBitstreamFeatures features;
    return WebPGetFeatures(bytes, byte_count, &features) == VP8_STATUS_OK && features.has_alpha;
}

int32_t vlm_webp_decode(const uint8_t *bytes, size_t byte_count, uint32_t width, uint32_t height,
                        vlm_pixel_format format, uint8_t *pixels, vlm_codec_status *status) {
    vlm_status_set(status, VLM_CODEC_OK, "");
    WebPData data = {bytes, byte_count};
    WebPDemuxState state;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (!demuxer || state < WEBP_DEMUX_DONE) {
        WebPDemuxDelete(demuxer);
        return state == WEBP_DEMUX_PARSE_ERROR
                   ? vlm_status_set(status, VLM_CODEC_MALFORMED, "the container is inconsistent")
                   : vlm_status_set(status, VLM_CODEC_TRUNCATED, "the data ends before the container does");
    }
    WebPIterator frame;
    memset(&frame, 0, sizeof frame);
    if (WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH) != width ||
        WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT) != height) {
        vlm_status_set(status, VLM_CODEC_SIZE_MISMATCH, "two headers disagree about the size");
    } else if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
        vlm_status_set(status, VLM_CODEC_MALFORMED, "no frame");
    } else {
        size_t pixel_byte_count = format == VLM_PIXELS_RGBA8 ? 4 : 3;
        size_t stride = (size_t)width * pixel_byte_count;
        int fits = frame.x_offset >= 0 && frame.y_offset >= 0 && frame.width > 0 && frame.height > 0 &&
                   (uint32_t)frame.width <= width && (uint32_t)frame.height <= height &&
                   (uint32_t)frame.x_offset <= width - (uint32_t)frame.width &&
                   (uint32_t)frame.y_offset <= height - (uint32_t)frame.height;
        WebPDecoderConfig config;
        if (!fits) {
            vlm_status_set(status, VLM_CODEC_MALFORMED, "the frame lies outside the canvas");
        } else if (!WebPInitDecoderConfig(&config)) {
            vlm_status_set(status, VLM_CODEC_UNSUPPORTED, "libwebp has another version than its headers");
        } else if (stride > INT32_MAX) {
            vlm_status_set(status, VLM_CODEC_UNSUPPORTED, "the picture is too wide");
        } else {
            if ((uint32_t)frame.width != width || (uint32_t)frame.height != height) memset(pixels, 0, stride * height);
            config.output.colorspace = format == VLM_PIXELS_RGBA8 ? MODE_RGBA : MODE_RGB;
            config.output.is_external_memory = 1;
            config.output.u.RGBA.rgba = pixels + (size_t)frame.y_offset * stride +
                                          (size_t)frame.x_offset * pixel_byte_count;
            config.output.u.RGBA.stride = (int)stride;
            config.output.u.RGBA.size =
                stride * (size_t)(frame.height - 1) + (size_t)frame.width * pixel_byte_count;
            status_of(WebPDecode(frame.fragment.bytes, frame.fragment.size, &config), status);
            WebPFreeDecBuffer(&config.output);
        }
    }
    WebPDemuxReleaseIterator(&frame);
    WebPDemuxDelete(demuxer);
    return status->code;
}
