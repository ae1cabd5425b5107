//go:build ignore

#define _GNU_SOURCE
#include "tail.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi.h"
#include "buf.h"
#include "lines.h"
#include "log.h"
#include "offsets.h"

enum { READ_SIZE = 256 * 1024 };

struct file {
    char *path;
    dev_t dev;
    ino_t ino;
    int fd;
    off_t offset;       /* of the first byte that is not in a record the sink has taken */
    bool skip_to_newline; /* inside a line that is too long */
    bool dropped;         /* not read any more: a line was too long */
    double rotated_at;  /* 0 while path still leads to this file */
    struct lines *lines;
    struct file *next;
};

struct tail {
    const struct input_config *config;
    struct tail_sink sink;
    struct tail_stats *stats;
    size_t batch;
    struct offsets *offsets;
    struct file *files;
    bool scanned;     /* the first scan is over: files found later are read from their head */
    double next_scan;
    char *buffer;
    size_t buffer_size;
    struct buf records;
};

static void close_file(struct tail *t, struct file **at)
{
    struct file *f = *at;
    struct stat st;
    *at = f->next;
    if (fstat(f->fd, &st) == 0 && st.st_nlink == 0)
        offsets_remove(t->offsets, f->dev, f->ino); /* its inode number may come back as another file */
    log_info("[input:tail] inotify_fs_remove(): inode=%llu file=%s", (unsigned long long)f->ino, f->path);
    atomic_fetch_add(&t->stats->closed, 1);
    close(f->fd);
    lines_free(f->lines);
    free(f->path);
    free(f);
}

static void open_file(struct tail *t, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd < 0 && errno != ENOENT)
            log_error("[input:tail] cannot open %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct file *f = t->files; f; f = f->next) {
        if (f->dev == st.st_dev && f->ino == st.st_ino) {
            close(fd);
            return;
        }
    }
    struct file *f = xcalloc(sizeof *f);
    *f = (struct file){.path = xstrdup(path), .dev = st.st_dev, .ino = st.st_ino, .fd = fd};
    f->lines = lines_new(t->config, path);
    if (offsets_get(t->offsets, f->dev, f->ino, &f->offset)) {
        if (f->offset > st.st_size)
            f->offset = 0;
    } else if (!t->config->from_head && !t->scanned) {
        f->offset = st.st_size;
    }
    offsets_set(t->offsets, f->dev, f->ino, f->offset, f->path);
    struct file **end = &t->files;
    while (*end)
        end = &(*end)->next;
    *end = f;
    atomic_fetch_add(&t->stats->opened, 1);
    log_info("[input:tail] inotify_fs_add(): inode=%llu offset=%lld name=%s", (unsigned long long)f->ino,
             (long long)f->offset, path);
}

static bool excluded(const struct tail *t, const char *path)
{
    for (char **x = t->config->exclude; x && *x; x++)
        if (fnmatch(*x, path, 0) == 0)
            return true;
    return false;
}

static void scan(struct tail *t)
{
    for (char **pattern = t->config->paths; *pattern; pattern++) {
        glob_t g;
        if (glob(*pattern, GLOB_TILDE_CHECK, NULL, &g) != 0) {
            globfree(&g);
            continue;
        }
        for (size_t i = 0; i < g.gl_pathc; i++)
            if (!excluded(t, g.gl_pathv[i]))
                open_file(t, g.gl_pathv[i]);
        globfree(&g);
    }
    t->scanned = true;
}

/* Gives the sink what has been encoded; the file's offset then moves to the line after it. */
static int hand_on(struct tail *t, struct file *f, size_t n, off_t offset)
{
    if (n > 0 && t->sink.append(t->sink.ctx, lines_tag(f->lines), &t->records, n) != 0)
        return -1;
    t->records.len = 0;
    f->offset = offset;
    offsets_set(t->offsets, f->dev, f->ino, f->offset, f->path);
    return 0;
}

static void flush_lines(struct tail *t, struct file *f)
{
    t->records.len = 0;
    hand_on(t, f, lines_flush(f->lines, &t->records), f->offset);
}

/* Encodes the whole lines of data, which was read at the file's offset. Stops early when the sink is full. */
static int take_lines(struct tail *t, struct file *f, const char *data, size_t len)
{
    const char *p = data, *end = data + len;
    off_t base = f->offset;
    size_t n = 0;
    t->records.len = 0;
    for (const char *newline; p < end && (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
        size_t size = (size_t)(newline - p);
        if (f->skip_to_newline)
            f->skip_to_newline = false;
        else if (size >= t->config->max_line && t->config->skip_long)
            log_warn("[input:tail] file=%s has a line of %zu bytes, more than Buffer_Max_Size: skipped", f->path, size);
        else
            n += lines_take(f->lines, p, size, base + (p - data), &t->records);
        if (t->records.len < t->batch)
            continue;
        if (hand_on(t, f, n, base + (newline + 1 - data)) != 0)
            return -1;
        n = 0;
        if (t->sink.full(t->sink.ctx))
            return 0;
    }
    return hand_on(t, f, n, base + (p - data));
}

/* True if something was read. */
static bool read_file(struct tail *t, struct file *f)
{
    struct stat st;
    if (f->dropped || fstat(f->fd, &st) != 0)
        return false;
    if (st.st_size < f->offset) {
        log_info("[input:tail] file truncated: inode=%llu file=%s", (unsigned long long)f->ino, f->path);
        f->offset = 0;
        f->skip_to_newline = false;
        offsets_set(t->offsets, f->dev, f->ino, 0, f->path);
    }
    if (st.st_size == f->offset)
        return false;
    ssize_t n = pread(f->fd, t->buffer, t->buffer_size, f->offset);
    if (n <= 0)
        return false;
    off_t before = f->offset;
    if (take_lines(t, f, t->buffer, (size_t)n) != 0)
        return false;
    if (f->offset != before)
        return true;
    /* Not one whole line. It waits for its newline unless it is too long already. */
    if ((size_t)n < t->config->max_line)
        return false;
    if (!t->config->skip_long) {
        log_error("[input:tail] file=%s requires a larger buffer size, lines are too long. Skipping file.", f->path);
        f->dropped = true;
        return false;
    }
    if (!f->skip_to_newline)
        log_warn("[input:tail] file=%s have long lines. Skipping long lines.", f->path);
    f->skip_to_newline = true;
    f->offset += n;
    offsets_set(t->offsets, f->dev, f->ino, f->offset, f->path);
    return true;
}

/* Finds out whether the file's name leads elsewhere now. True if the file has been left for good. */
static bool rotated_away(struct tail *t, struct file *f, double now, bool *rescan)
{
    struct stat st;
    bool gone = stat(f->path, &st) != 0;
    if (!gone && st.st_dev == f->dev && st.st_ino == f->ino) {
        f->rotated_at = 0;
        return false;
    }
    if (f->rotated_at == 0) {
        f->rotated_at = now;
        *rescan = true; /* the new file under the old name, at once */
        atomic_fetch_add(&t->stats->rotated, 1);
        log_info("[input:tail] inode=%llu handle rotation(): %s", (unsigned long long)f->ino, f->path);
    }
    return now - f->rotated_at >= t->config->rotate_wait;
}

bool tail_poll(struct tail *t, double now)
{
    bool more = false, rescan = false;
    if (now >= t->next_scan) {
        scan(t);
        t->next_scan = now + t->config->refresh;
    }
    for (struct file **at = &t->files, *f; (f = *at) && !t->sink.full(t->sink.ctx);) {
        bool got = read_file(t, f);
        bool left = !got && rotated_away(t, f, now, &rescan);
        more = more || got;
        if (left || lines_overdue(f->lines, now))
            flush_lines(t, f);
        if (left)
            close_file(t, at);
        else
            at = &f->next;
    }
    offsets_save(t->offsets);
    if (rescan) {
        scan(t);
        offsets_save(t->offsets);
    }
    return more || rescan;
}

void tail_flush_partial(struct tail *t)
{
    for (struct file *f = t->files; f; f = f->next)
        flush_lines(t, f);
    offsets_save(t->offsets);
}

struct tail *tail_open(const struct input_config *config, struct tail_sink sink, size_t batch, struct tail_stats *stats)
{
    struct offsets *offsets = offsets_open(config->db);
    if (!offsets)
        return NULL;
    struct tail *t = xcalloc(sizeof *t);
    *t = (struct tail){.config = config, .sink = sink, .stats = stats, .batch = batch, .offsets = offsets};
    t->buffer_size = config->max_line > READ_SIZE ? config->max_line : READ_SIZE;
    t->buffer = xmalloc(t->buffer_size);
    return t;
}

void tail_close(struct tail *t)
{
    while (t->files)
        close_file(t, &t->files);
    offsets_save(t->offsets);
    offsets_close(t->offsets);
    buf_free(&t->records);
    free(t->buffer);
    free(t);
}
