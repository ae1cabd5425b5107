/* Growing byte buffers, and allocation that ends the process when memory is out. */
#ifndef FBHOST_BUF_H
#define FBHOST_BUF_H

#include <stddef.h>

struct buf {
    char *data;
    size_t len;
    size_t cap;
};

void buf_put(struct buf *b, const void *data, size_t len);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_reserve(struct buf *b, size_t more);
void buf_free(struct buf *b);

void *xmalloc(size_t size);
void *xcalloc(size_t size);
char *xstrndup(const char *s, size_t len);
char *xstrdup(const char *s);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
