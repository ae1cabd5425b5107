//go:build ignore

#include "msgpack.h"

#include <string.h>

#include "abi.h"

/* Writes a type byte and the low `bytes` bytes of v, big endian. */
static void head(struct buf *b, int type, uint64_t v, int bytes)
{
    unsigned char h[9] = {(unsigned char)type};
    for (int i = 0; i < bytes; i++)
        h[1 + i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
    buf_put(b, h, (size_t)bytes + 1);
}

void mp_array32(struct buf *b, uint32_t n) { head(b, 0xdd, n, 4); }
void mp_map32(struct buf *b, uint32_t n) { head(b, 0xdf, n, 4); }
void mp_bool(struct buf *b, bool v) { head(b, v ? 0xc3 : 0xc2, 0, 0); }
void mp_nil(struct buf *b) { head(b, 0xc0, 0, 0); }

void mp_array(struct buf *b, uint32_t n)
{
    if (n < 16)
        head(b, 0x90 | (int)n, 0, 0);
    else if (n < 65536)
        head(b, 0xdc, n, 2);
    else
        mp_array32(b, n);
}

void mp_map(struct buf *b, uint32_t n)
{
    if (n < 16)
        head(b, 0x80 | (int)n, 0, 0);
    else if (n < 65536)
        head(b, 0xde, n, 2);
    else
        mp_map32(b, n);
}

void mp_str(struct buf *b, const char *s, size_t len)
{
    if (len < 32)
        head(b, 0xa0 | (int)len, 0, 0);
    else if (len < 256)
        head(b, 0xd9, len, 1);
    else if (len < 65536)
        head(b, 0xda, len, 2);
    else
        head(b, 0xdb, len, 4);
    buf_put(b, s, len);
}

void mp_uint(struct buf *b, uint64_t v)
{
    if (v < 128)
        head(b, (int)v, 0, 0);
    else if (v < 256)
        head(b, 0xcc, v, 1);
    else if (v < 65536)
        head(b, 0xcd, v, 2);
    else if (v <= UINT32_MAX)
        head(b, 0xce, v, 4);
    else
        head(b, 0xcf, v, 8);
}

void mp_int(struct buf *b, int64_t v)
{
    if (v >= 0)
        mp_uint(b, (uint64_t)v);
    else if (v >= -32)
        head(b, (int)(v & 0xff), 0, 0);
    else if (v >= INT8_MIN)
        head(b, 0xd0, (uint64_t)v, 1);
    else if (v >= INT16_MIN)
        head(b, 0xd1, (uint64_t)v, 2);
    else if (v >= INT32_MIN)
        head(b, 0xd2, (uint64_t)v, 4);
    else
        head(b, 0xd3, (uint64_t)v, 8);
}

void mp_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    head(b, 0xcb, bits, 8);
}

void mp_eventtime(struct buf *b, const struct timespec *t)
{
    head(b, 0xd7, 0, 1);
    unsigned char body[8];
    uint64_t v = (uint64_t)(uint32_t)t->tv_sec << 32 | (uint32_t)t->tv_nsec;
    for (int i = 0; i < 8; i++)
        body[i] = (unsigned char)(v >> (8 * (7 - i)));
    buf_put(b, body, sizeof body);
}

void record_put(struct buf *b, const struct timespec *t, const struct buf *fields, uint32_t n, bool map32)
{
    switch (host_abi) {
    case ABI_1_9: /* [time, {body}] */
        mp_array(b, 2);
        mp_eventtime(b, t);
        break;
    case ABI_4_2: /* [[time, {}], {body}]; its encoder patches both arrays and the metadata map */
        mp_array32(b, 2);
        mp_array32(b, 2);
        mp_eventtime(b, t);
        mp_map32(b, 0);
        break;
    case ABI_5_1: /* the same value; the arrays are emitted directly, the metadata map still patched */
        mp_array(b, 2);
        mp_array(b, 2);
        mp_eventtime(b, t);
        mp_map32(b, 0);
        break;
    }
    if (map32)
        mp_map32(b, n);
    else
        mp_map(b, n);
    buf_put(b, fields->data, fields->len);
}
