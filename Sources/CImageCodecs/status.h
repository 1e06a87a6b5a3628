#ifndef VLMPIPE_CODEC_STATUS_H
#define VLMPIPE_CODEC_STATUS_H

#include "CImageCodecs.h"

// Records a code with the library's words and returns the code.
int32_t vlm_status_set(vlm_codec_status *status, int32_t code, const char *message);

#endif
