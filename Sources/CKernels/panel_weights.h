// Weights in the order that the tiles of a panel product read; private to this target.
#ifndef VLMPIPE_PANEL_WEIGHTS_H
#define VLMPIPE_PANEL_WEIGHTS_H

#include "weights.h"

// panel[p * 32 + c] = weight[c * depth + p] for at most 32 columns, as a float; columns from `columns` on are zero. 16-bit weights are
// widened as vlm_widen_weights does, at every level.
void vlm_pack_weights(vlm_weights weight, size_t columns, size_t depth, float *panel, int level);

#endif
