//go:build ignore

#define _GNU_SOURCE
#include "storage.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "chunk.h"
#include "log.h"

int storage_prepare(const char *path)
{
    char *part = xstrdup(path);
    int rc = 0;
    for (char *p = part + 1; rc == 0; p++) {
        char c = *p;
        if (c && c != '/')
            continue;
        *p = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST) {
            log_error("[storage] cannot create %s: %s", part, strerror(errno));
            rc = -1;
        }
        *p = c;
        if (!c)
            break;
    }
    free(part);
    return rc;
}

static const char *file_name(const char *path) { return strrchr(path, '/') + 1; }

static int by_age(const void *a, const void *b)
{
    return strcmp(file_name(*(char *const *)a), file_name(*(char *const *)b));
}

struct chunk *storage_backlog(const char *path)
{
    if (!path)
        return NULL;
    char *pattern = xprintf("%s/*/*.flb", path);
    struct chunk *first = NULL, **end = &first;
    glob_t g;
    if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0) {
        qsort(g.gl_pathv, g.gl_pathc, sizeof *g.gl_pathv, by_age);
        for (size_t i = 0; i < g.gl_pathc; i++) {
            *end = chunk_load(g.gl_pathv[i]);
            if (*end) {
                log_info("[input:storage_backlog] register %s: %zu records", (*end)->path, (*end)->records);
                end = &(*end)->next;
            }
        }
    }
    globfree(&g);
    free(pattern);
    return first;
}
