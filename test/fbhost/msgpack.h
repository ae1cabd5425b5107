/* msgpack as Fluent Bit packs it: smallest forms, and the 32-bit headers where it patches a count in later. */
#ifndef FBHOST_MSGPACK_H
#define FBHOST_MSGPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"

void mp_array(struct buf *b, uint32_t n);
void mp_array32(struct buf *b, uint32_t n);
void mp_map(struct buf *b, uint32_t n);
void mp_map32(struct buf *b, uint32_t n);
void mp_str(struct buf *b, const char *s, size_t len);
void mp_uint(struct buf *b, uint64_t v);
void mp_int(struct buf *b, int64_t v);
void mp_double(struct buf *b, double v);
void mp_bool(struct buf *b, bool v);
void mp_nil(struct buf *b);
void mp_eventtime(struct buf *b, const struct timespec *t); /* fixext 8 of type 0 */

/*
 * Appends one record in host_abi's encoding. fields holds n packed key/value pairs. map32 says that the
 * core builds this body through a header it patches afterwards, so the map header takes five bytes.
 */
void record_put(struct buf *b, const struct timespec *t, const struct buf *fields, uint32_t n, bool map32);

#endif
