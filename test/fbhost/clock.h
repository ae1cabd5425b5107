/* The monotonic clock, in seconds. */
#ifndef FBHOST_CLOCK_H
#define FBHOST_CLOCK_H

#include <time.h>

static inline double monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
