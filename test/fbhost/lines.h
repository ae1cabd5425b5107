/* One file's lines to encoded records: its tag, the parser, and lines that wait for the rest of their message. */
#ifndef FBHOST_LINES_H
#define FBHOST_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config.h"

struct buf;
struct lines;

struct lines *lines_new(const struct input_config *config, const char *path);
const char *lines_tag(const struct lines *l);

/* Appends the records that this line (without its newline) completes; returns how many. offset: where it starts. */
size_t lines_take(struct lines *l, const char *line, size_t len, off_t offset, struct buf *out);

/* True if a part of a message has waited for the rest of it for four seconds. */
bool lines_overdue(const struct lines *l, double now);

/* Appends what waits, as records; returns how many. */
size_t lines_flush(struct lines *l, struct buf *out);

void lines_free(struct lines *l);

#endif
