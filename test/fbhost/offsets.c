//go:build ignore

#define _GNU_SOURCE
#include "offsets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "log.h"

static const char first_line[] = "fbhost offsets 1\n";

struct row {
    dev_t dev;
    ino_t ino;
    off_t offset;
    char *file; /* for the reader of the database only */
    struct row *next;
};

struct offsets {
    char *path;
    struct row *rows;
    bool changed;
};

static struct row **find(const struct offsets *o, dev_t dev, ino_t ino)
{
    struct row **at = (struct row **)&o->rows;
    while (*at && ((*at)->dev != dev || (*at)->ino != ino))
        at = &(*at)->next;
    return at;
}

bool offsets_get(const struct offsets *o, dev_t dev, ino_t ino, off_t *offset)
{
    const struct row *row = *find(o, dev, ino);
    if (row)
        *offset = row->offset;
    return row != NULL;
}

void offsets_set(struct offsets *o, dev_t dev, ino_t ino, off_t offset, const char *file)
{
    struct row **at = find(o, dev, ino);
    if (!*at) {
        *at = xcalloc(sizeof **at);
        **at = (struct row){.dev = dev, .ino = ino, .offset = -1, .file = xstrdup(file)};
    }
    o->changed = o->changed || (*at)->offset != offset;
    (*at)->offset = offset;
}

void offsets_remove(struct offsets *o, dev_t dev, ino_t ino)
{
    struct row **at = find(o, dev, ino), *row = *at;
    if (!row)
        return;
    *at = row->next;
    free(row->file);
    free(row);
    o->changed = true;
}

static int read_rows(struct offsets *o, FILE *f)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = getline(&line, &cap, f);
    int rc = n == 0 || (n < 0 && feof(f)) || (n > 0 && strcmp(line, first_line) == 0) ? 0 : -1;
    while (rc == 0 && n > 0 && (n = getline(&line, &cap, f)) > 0) {
        unsigned long long dev, ino;
        long long offset;
        int used = 0;
        if (sscanf(line, "%llu %llu %lld %n", &dev, &ino, &offset, &used) != 3 || line[n - 1] != '\n') {
            rc = -1;
            break;
        }
        line[n - 1] = 0;
        offsets_set(o, (dev_t)dev, (ino_t)ino, (off_t)offset, line + used);
    }
    free(line);
    return rc;
}

struct offsets *offsets_open(const char *path)
{
    struct offsets *o = xcalloc(sizeof *o);
    if (!path)
        return o;
    o->path = xstrdup(path);
    FILE *f = fopen(path, "re");
    if (!f && errno == ENOENT)
        return o;
    int rc = f ? read_rows(o, f) : -1;
    if (!f)
        log_error("[input:tail] cannot open DB %s: %s", path, strerror(errno));
    else if (rc != 0)
        log_error("[input:tail] cannot use DB %s: it is not in fbhost's format (a real agent wrote it?); remove it or "
                  "name another file",
                  path);
    if (f)
        fclose(f);
    o->changed = false;
    if (rc == 0)
        return o;
    offsets_close(o);
    return NULL;
}

int offsets_save(struct offsets *o)
{
    if (!o->path || !o->changed)
        return 0;
    char *tmp = xprintf("%s.new", o->path);
    FILE *f = fopen(tmp, "we");
    bool ok = f && fputs(first_line, f) >= 0;
    for (const struct row *r = o->rows; ok && r; r = r->next)
        ok = fprintf(f, "%llu %llu %lld %s\n", (unsigned long long)r->dev, (unsigned long long)r->ino,
                     (long long)r->offset, r->file) > 0;
    if (f && fclose(f) != 0)
        ok = false;
    ok = ok && rename(tmp, o->path) == 0;
    if (!ok)
        log_error("[input:tail] cannot write DB %s: %s", o->path, strerror(errno));
    free(tmp);
    o->changed = !ok;
    return ok ? 0 : -1;
}

void offsets_close(struct offsets *o)
{
    while (o->rows)
        offsets_remove(o, o->rows->dev, o->rows->ino);
    free(o->path);
    free(o);
}
