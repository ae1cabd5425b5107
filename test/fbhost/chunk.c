//go:build ignore

#define _GNU_SOURCE
#include "chunk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

static const char magic[8] = "fbchunk1";

struct file_head {
    char magic[8];
    uint32_t tag_len;
};

struct batch_head {
    uint32_t len, records, sum, check; /* check covers the three before it */
};

/* FNV-1a: enough to tell a torn batch, which is all it is for. */
static uint32_t sum(const void *data, size_t len)
{
    const unsigned char *p = data;
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 16777619u;
    return h;
}

static int write_all(int fd, const void *data, size_t len)
{
    for (const char *p = data; len > 0;) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

struct chunk *chunk_new(const char *tag, const char *dir)
{
    struct chunk *c = xcalloc(sizeof *c);
    struct timespec now;
    static unsigned serial; /* two chunks can be made in one tick of the clock */
    clock_gettime(CLOCK_REALTIME, &now);
    /* The time comes first, so that names sort by age across processes. */
    c->name = xprintf("%010lld.%09ld-%u-%d.flb", (long long)now.tv_sec, now.tv_nsec, serial++ % 1000, (int)getpid());
    c->tag = xstrdup(tag);
    c->fd = -1;
    if (!dir)
        return c;
    c->path = xprintf("%s/%s", dir, c->name);
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        goto failed;
    c->fd = open(c->path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (c->fd < 0)
        goto failed;
    struct file_head head = {.tag_len = (uint32_t)strlen(tag)};
    memcpy(head.magic, magic, sizeof magic);
    if (write_all(c->fd, &head, sizeof head) != 0 || write_all(c->fd, tag, head.tag_len) != 0)
        goto failed;
    return c;
failed:
    log_error("[storage] cannot create chunk %s: %s", c->path, strerror(errno));
    chunk_free(c, c->fd >= 0);
    return NULL;
}

int chunk_append(struct chunk *c, const char *data, size_t len, size_t records)
{
    if (c->path) {
        struct batch_head head = {(uint32_t)len, (uint32_t)records, sum(data, len), 0};
        head.check = sum(&head, offsetof(struct batch_head, check));
        off_t end = lseek(c->fd, 0, SEEK_END);
        if (end < 0 || write_all(c->fd, &head, sizeof head) != 0 || write_all(c->fd, data, len) != 0) {
            log_error("[storage] cannot append to chunk %s: %s", c->path, strerror(errno));
            if (end >= 0 && ftruncate(c->fd, end) != 0)
                log_error("[storage] cannot cut chunk %s: %s", c->path, strerror(errno));
            return -1;
        }
    } else {
        buf_put(&c->data, data, len);
    }
    c->size += len;
    c->records += records;
    return 0;
}

void chunk_seal(struct chunk *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0)
        buf_reserve(out, (size_t)st.st_size + 1);
    ssize_t n;
    while ((n = read(fd, out->data + out->len, out->cap - out->len)) > 0) {
        out->len += (size_t)n;
        buf_reserve(out, 1);
    }
    close(fd);
    return n < 0 ? -1 : 0;
}

/* The next whole batch at *offset, which is moved behind it; false at the end or where the file is torn. */
static bool next_batch(const struct buf *file, size_t *offset, struct batch_head *head, const char **data)
{
    size_t left = file->len - *offset;
    if (left < sizeof *head)
        return false;
    memcpy(head, file->data + *offset, sizeof *head);
    *data = file->data + *offset + sizeof *head;
    if (head->check != sum(head, offsetof(struct batch_head, check)) || head->len > left - sizeof *head ||
        head->sum != sum(*data, head->len))
        return false;
    *offset += sizeof *head + head->len;
    return true;
}

/* Offset of the first batch, or 0 if the head is not whole. */
static size_t batches_at(const struct buf *file, uint32_t *tag_len)
{
    struct file_head head;
    if (file->len < sizeof head)
        return 0;
    memcpy(&head, file->data, sizeof head);
    if (memcmp(head.magic, magic, sizeof magic) != 0 || head.tag_len > file->len - sizeof head)
        return 0;
    *tag_len = head.tag_len;
    return sizeof head + head.tag_len;
}

struct chunk *chunk_load(const char *path)
{
    struct buf file = {0};
    uint32_t tag_len = 0;
    if (read_file(path, &file) != 0) {
        log_error("[storage] cannot read chunk %s: %s", path, strerror(errno));
        buf_free(&file);
        return NULL;
    }
    size_t offset = batches_at(&file, &tag_len), start = offset;
    struct chunk *c = xcalloc(sizeof *c);
    *c = (struct chunk){.path = xstrdup(path), .name = xstrdup(strrchr(path, '/') + 1), .fd = -1, .backlog = true};
    c->tag = xstrndup(offset ? file.data + sizeof(struct file_head) : "", tag_len);
    struct batch_head head;
    for (const char *data; offset && next_batch(&file, &offset, &head, &data);) {
        c->size += head.len;
        c->records += head.records;
    }
    if (offset < file.len && offset) {
        log_warn("[storage] chunk %s: cut %zu bytes that a crash left unfinished", path, file.len - offset);
        if (truncate(path, (off_t)offset) != 0)
            log_error("[storage] cannot cut chunk %s: %s", path, strerror(errno));
    }
    buf_free(&file);
    if (offset > start)
        return c;
    log_warn("[storage] chunk %s holds no whole batch: deleted", path);
    chunk_free(c, true);
    return NULL;
}

int chunk_read(const struct chunk *c, struct buf *own, const char **data)
{
    *data = c->data.data;
    if (!c->path)
        return 0;
    struct buf file = {0};
    uint32_t tag_len;
    size_t offset = read_file(c->path, &file) == 0 ? batches_at(&file, &tag_len) : 0;
    struct batch_head head;
    own->len = 0;
    for (const char *batch; offset && next_batch(&file, &offset, &head, &batch);)
        buf_put(own, batch, head.len);
    buf_free(&file);
    *data = own->data;
    if (own->len == c->size)
        return 0;
    log_error("[storage] chunk %s: %zu of %zu bytes could be read", c->path, own->len, c->size);
    return -1;
}

void chunk_free(struct chunk *c, bool settled)
{
    chunk_seal(c);
    if (settled && c->path && unlink(c->path) != 0)
        log_error("[storage] cannot delete chunk %s: %s", c->path, strerror(errno));
    buf_free(&c->data);
    free(c->path);
    free(c->name);
    free(c->tag);
    free(c);
}
