//go:build ignore

#define _GNU_SOURCE
#include "lines.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi.h"
#include "buf.h"
#include "clock.h"
#include "config.h"
#include "log.h"
#include "msgpack.h"
#include "parser.h"

enum { FLUSH_SECONDS = 4 }; /* FLB_ML_FLUSH_TIMEOUT */

/* A message of one stream whose last part has not come yet: the first part's fields, the text of all. */
struct partial {
    bool started;
    struct timespec time;
    struct buf head; /* time, stream and _p, packed */
    struct buf text;
    off_t offset;
    double since;
};

struct lines {
    const struct input_config *config;
    char *path, *tag;
    struct partial partial[2]; /* stdout, stderr */
};

/*
 * The tag with its first * replaced by the path. Then as tag_compose does: / \ and : become dots, none at the
 * start, no two in a row and none at the end; other asterisks vanish.
 */
static char *compose_tag(const char *tag, const char *path)
{
    const char *star = tag ? strchr(tag, '*') : NULL;
    if (!star)
        return xstrdup(tag ? tag : "tail.0");
    char *all = xprintf("%.*s%s%s", (int)(star - tag), tag, path, star + 1), *out = all;
    for (const char *p = all; *p; p++) {
        char c = *p == '/' || *p == '\\' || *p == ':' ? '.' : *p;
        if (c == '*' || (c == '.' && (out == all ? *p != '.' : out[-1] == '.')))
            continue;
        *out++ = c;
    }
    if (out > all && out[-1] == '.')
        out--;
    *out = 0;
    return all;
}

struct lines *lines_new(const struct input_config *config, const char *path)
{
    struct lines *l = xcalloc(sizeof *l);
    *l = (struct lines){.config = config, .path = xstrdup(path), .tag = compose_tag(config->tag, path)};
    return l;
}

const char *lines_tag(const struct lines *l) { return l->tag; }

static void pair(struct buf *b, uint32_t *n, const char *key, struct slice value)
{
    mp_str(b, key, strlen(key));
    mp_str(b, value.p, value.len);
    (*n)++;
}

static void path_key(const struct lines *l, struct buf *b, uint32_t *n)
{
    if (l->config->path_key)
        pair(b, n, l->config->path_key, (struct slice){l->path, strlen(l->path)});
}

static void offset_key(const struct lines *l, struct buf *b, uint32_t *n, off_t offset)
{
    if (!l->config->offset_key)
        return;
    mp_str(b, l->config->offset_key, strlen(l->config->offset_key));
    mp_uint(b, (uint64_t)offset);
    (*n)++;
}

/*
 * 1.9 packs a body with a map header of its final size, except where a multiline record gets keys added; 4.2 and 5.1
 * patch the size in, except for a multiline record that gets none.
 */
static void put(const struct lines *l, struct buf *out, const struct timespec *t, const struct buf *fields, uint32_t n)
{
    bool multiline = l->config->parser == PARSER_MULTILINE_CRI;
    bool keys = l->config->path_key || l->config->offset_key;
    record_put(out, t, fields, n, host_abi == ABI_1_9 ? multiline && keys : !multiline || keys);
}

static void put_raw(const struct lines *l, struct slice line, off_t offset, struct buf *out)
{
    struct timespec now;
    struct buf fields = {0};
    uint32_t n = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    bool after = l->config->parser == PARSER_MULTILINE_CRI;
    if (after)
        pair(&fields, &n, "log", line);
    path_key(l, &fields, &n);
    offset_key(l, &fields, &n, offset);
    if (!after)
        pair(&fields, &n, "log", line);
    put(l, out, &now, &fields, n);
    buf_free(&fields);
}

/* A parsed line: 1.9 puts each added key in front of the fields, the later versions behind them. */
static void put_parsed(const struct lines *l, const struct timespec *t, struct buf *parsed, uint32_t n, off_t offset,
                       struct buf *out)
{
    struct buf fields = {0};
    if (host_abi == ABI_1_9) {
        offset_key(l, &fields, &n, offset);
        path_key(l, &fields, &n);
        buf_put(&fields, parsed->data, parsed->len);
    } else {
        buf_put(&fields, parsed->data, parsed->len);
        path_key(l, &fields, &n);
        offset_key(l, &fields, &n, offset);
    }
    put(l, out, t, &fields, n);
    buf_free(&fields);
}

static bool event_time(struct slice s, struct timespec *t)
{
    if (cri_time(s, t))
        return true;
    log_warn("[parser:cri] invalid time format %%Y-%%m-%%dT%%H:%%M:%%S.%%L%%z for '%.*s'", (int)s.len, s.p);
    clock_gettime(CLOCK_REALTIME, t);
    return false;
}

static void put_cri(const struct lines *l, const struct cri_line *cri, off_t offset, struct buf *out)
{
    struct timespec t;
    struct buf fields = {0};
    uint32_t n = 0;
    const struct slice parts[] = {cri->time, cri->stream, cri->flag, cri->text};
    bool valid = event_time(cri->time, &t);
    for (int i = 0; i < 4; i++) {
        bool left_out = parts[i].len == 0 || (i == 0 && (!valid || !l->config->cri_time_keep));
        if (!left_out)
            pair(&fields, &n, l->config->cri_keys[i], parts[i]);
    }
    put_parsed(l, &t, &fields, n, offset, out);
    buf_free(&fields);
}

static size_t flush_partial(struct lines *l, struct partial *p, struct buf *out)
{
    if (!p->started)
        return 0;
    struct buf fields = {0};
    uint32_t n = 3;
    buf_put(&fields, p->head.data, p->head.len);
    pair(&fields, &n, "log", (struct slice){p->text.data, p->text.len});
    path_key(l, &fields, &n);
    offset_key(l, &fields, &n, p->offset);
    put(l, out, &p->time, &fields, n);
    buf_free(&fields);
    p->started = false;
    p->head.len = p->text.len = 0;
    return 1;
}

size_t lines_flush(struct lines *l, struct buf *out)
{
    return flush_partial(l, &l->partial[0], out) + flush_partial(l, &l->partial[1], out);
}

static size_t take_multiline(struct lines *l, struct slice line, off_t offset, struct buf *out)
{
    struct cri_line cri;
    if (!cri_split(line.p, line.len, true, &cri)) {
        size_t n = lines_flush(l, out);
        if (line.len == 0)
            return n;
        put_raw(l, line, offset, out);
        return n + 1;
    }
    struct partial *p = &l->partial[cri.stream.p[3] == 'e']; /* stdout, stderr */
    if (!p->started) {
        uint32_t n = 0;
        p->started = true;
        p->offset = offset;
        event_time(cri.time, &p->time);
        pair(&p->head, &n, "time", cri.time);
        pair(&p->head, &n, "stream", cri.stream);
        pair(&p->head, &n, "_p", cri.flag);
    }
    p->since = monotonic();
    buf_put(&p->text, cri.text.p, cri.text.len);
    return cri.flag.p[0] == 'F' ? flush_partial(l, p, out) : 0;
}

size_t lines_take(struct lines *l, const char *line, size_t len, off_t offset, struct buf *out)
{
    /* Null bytes that a copytruncate left are skipped, and a carriage return belongs to the line's end. */
    while (len > 0 && *line == 0) {
        line++;
        len--;
    }
    if (len == 0 && l->config->skip_empty)
        return 0;
    struct slice whole = {line, len};
    if (len >= 2 && line[len - 1] == '\r')
        whole.len--;

    struct cri_line cri;
    struct buf fields = {0};
    uint32_t n;
    struct timespec now;
    switch (l->config->parser) {
    case PARSER_MULTILINE_CRI:
        return take_multiline(l, whole, offset, out);
    case PARSER_CRI:
        if (!cri_split(whole.p, whole.len, false, &cri))
            break;
        put_cri(l, &cri, offset, out);
        return 1;
    case PARSER_JSON:
        if (!json_fields(whole.p, whole.len, &fields, &n)) {
            buf_free(&fields);
            break;
        }
        clock_gettime(CLOCK_REALTIME, &now);
        put_parsed(l, &now, &fields, n, offset, out);
        buf_free(&fields);
        return 1;
    case PARSER_NONE:
        break;
    }
    put_raw(l, whole, offset, out);
    return 1;
}

bool lines_overdue(const struct lines *l, double now)
{
    for (int i = 0; i < 2; i++)
        if (l->partial[i].started && now - l->partial[i].since >= FLUSH_SECONDS)
            return true;
    return false;
}

void lines_free(struct lines *l)
{
    for (int i = 0; i < 2; i++) {
        buf_free(&l->partial[i].head);
        buf_free(&l->partial[i].text);
    }
    free(l->path);
    free(l->tag);
    free(l);
}
