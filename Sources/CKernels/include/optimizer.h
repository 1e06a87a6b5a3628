#ifndef VLMPIPE_OPTIMIZER_H
#define VLMPIPE_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

#endif
