/* Log lines to fields: container runtime interface (CRI) lines and JSON lines. */
#ifndef FBHOST_PARSER_H
#define FBHOST_PARSER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"

struct slice {
    const char *p;
    size_t len;
};

/* The four parts of `<time> <stdout|stderr> <flag> <text>`; they point into the line. */
struct cri_line {
    struct slice time, stream, flag, text;
};

/* False if the line has another form. With flag_fp the flag must be F or P, as multiline.parser cri has it. */
bool cri_split(const char *line, size_t len, bool flag_fp, struct cri_line *out);

/* Reads %Y-%m-%dT%H:%M:%S.%L%z. False if it is not of that form. */
bool cri_time(struct slice s, struct timespec *out);

/* Packs the members of one JSON object into fields and counts them in n. False if the line is no object. */
bool json_fields(const char *line, size_t len, struct buf *fields, uint32_t *n);

#endif
