//go:build ignore

#define _GNU_SOURCE
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p) {
        fputs("fbhost: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t size) { return must(malloc(size ? size : 1)); }
void *xcalloc(size_t size) { return must(calloc(1, size ? size : 1)); }
char *xstrndup(const char *s, size_t len) { return must(strndup(s, len)); }
char *xstrdup(const char *s) { return must(strdup(s)); }

char *xprintf(const char *fmt, ...)
{
    char *out = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&out, fmt, args) < 0)
        out = NULL;
    va_end(args);
    return must(out);
}

void buf_reserve(struct buf *b, size_t more)
{
    if (b->cap - b->len >= more)
        return;
    size_t cap = b->cap ? b->cap : 1024;
    while (cap - b->len < more)
        cap *= 2;
    b->data = must(realloc(b->data, cap));
    b->cap = cap;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    buf_reserve(b, len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    char *s = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&s, fmt, args);
    va_end(args);
    must(n < 0 ? NULL : s);
    buf_put(b, s, (size_t)n);
    free(s);
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}
