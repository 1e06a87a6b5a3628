#ifndef VLMPIPE_TRANSFORMER_H
#define VLMPIPE_TRANSFORMER_H

#include <stddef.h>
#include <stdint.h>

#endif
