#ifndef VLMPIPE_RESAMPLE_H
#define VLMPIPE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#endif
