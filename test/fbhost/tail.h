/*
 * The tail input: files found by glob, read line by line across rotation and truncation, parsed, and handed on as
 * encoded records. Owns its files and offsets; never keeps a record that the sink has taken.
 */
#ifndef FBHOST_TAIL_H
#define FBHOST_TAIL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "config.h"

struct buf;

/* Where records go. Offsets move on only after append has returned 0. */
struct tail_sink {
    void *ctx;
    int (*append)(void *ctx, const char *tag, const struct buf *records, size_t n);
    bool (*full)(void *ctx); /* true while tail must pause */
};

struct tail_stats {
    atomic_ullong opened, closed, rotated;
};

struct tail;

/* batch: hand records on when there are this many bytes of them. NULL after a logged error. */
struct tail *tail_open(const struct input_config *config, struct tail_sink sink, size_t batch, struct tail_stats *stats);

/* One pass over all files; now is monotonic seconds. True if there may be more to read at once. */
bool tail_poll(struct tail *t, double now);

/* Hands on lines that wait for the rest of their multiline message. */
void tail_flush_partial(struct tail *t);

void tail_close(struct tail *t);

#endif
