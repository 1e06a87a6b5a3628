// Numeric loops with run-time dispatch, one header per topic.
#ifndef VLMPIPE_CKERNELS_H
#define VLMPIPE_CKERNELS_H

#include "crc32c.h"
#include "cpu_features.h"
#include "depthwise.h"
#include "dispatch.h"
#include "gated.h"
#include "half_precision.h"
#include "index_clusters.h"
#include "index_codes.h"
#include "index_packing.h"
#include "index_scan.h"
#include "integer_attention.h"
#include "memory.h"
#include "panel_product.h"
#include "pooling.h"
#include "quantised_product.h"
#include "resample.h"
#include "rotary.h"
#include "transformer.h"
#include "optimizer.h"
#include "pixel_layout.h"
#include "vector_scan.h"
#include "weights.h"

#endif
