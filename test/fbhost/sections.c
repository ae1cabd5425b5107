//go:build ignore

#define _GNU_SOURCE
#include "sections.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "log.h"

enum { MAX_INCLUDE_DEPTH = 16 };

char *path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || !slash)
        return xstrdup(path);
    return xprintf("%.*s/%s", (int)(slash - file), file, path);
}

static const char *variable(const struct sections *s, const char *name)
{
    for (const struct entry *e = s->sets; e; e = e->next)
        if (strcasecmp(e->key, name) == 0)
            return e->value;
    return getenv(name);
}

/* Replaces each ${NAME}; a variable that is not set counts as empty, with a warning, as in the core. */
static char *expand(const struct sections *s, const char *in)
{
    struct buf out = {0};
    for (const char *p = in; *p;) {
        const char *end = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
        if (!end) {
            buf_put(&out, p++, 1);
            continue;
        }
        char *name = xstrndup(p + 2, (size_t)(end - p - 2));
        const char *value = variable(s, name);
        if (value)
            buf_put(&out, value, strlen(value));
        else
            log_warn("[env] variable ${%s} is used but not set", name);
        free(name);
        p = end + 1;
    }
    buf_put(&out, "", 1);
    return out.data;
}

static int read_file(struct sections *s, const char *path, int depth);

static int include(struct sections *s, const char *file, int line, const char *pattern, int depth)
{
    char *full = path_beside(file, pattern);
    glob_t g;
    int rc = glob(full, 0, NULL, &g);
    if (rc == GLOB_NOMATCH)
        log_error("[config] %s:%d: cannot include %s: no such file", file, line, full);
    else if (rc != 0)
        log_error("[config] %s:%d: cannot include %s", file, line, full);
    free(full);
    if (rc != 0)
        return -1;
    for (size_t i = 0; i < g.gl_pathc && rc == 0; i++)
        rc = read_file(s, g.gl_pathv[i], depth + 1);
    globfree(&g);
    return rc;
}

static struct entry *new_entry(const char *file, int line, const char *key, size_t key_len, char *value)
{
    struct entry *e = xcalloc(sizeof *e);
    *e = (struct entry){.key = xstrndup(key, key_len), .value = value, .file = xstrdup(file), .line = line};
    return e;
}

static int command(struct sections *s, const char *file, int line, char *text, int depth)
{
    if (strncasecmp(text, "@INCLUDE ", 9) == 0)
        return include(s, file, line, text + 9 + strspn(text + 9, " \t"), depth);
    char *equals = strchr(text, '=');
    if (strncasecmp(text, "@SET ", 5) == 0 && equals) {
        char *key = text + 5 + strspn(text + 5, " \t");
        struct entry *e = new_entry(file, line, key, (size_t)(equals - key), expand(s, equals + 1));
        e->next = s->sets;
        s->sets = e;
        return 0;
    }
    log_error("[config] %s:%d: unknown command %s: known are @INCLUDE and @SET KEY=VALUE", file, line, text);
    return -1;
}

static void add_section(struct sections *s, const char *file, int line, const char *name, size_t len)
{
    struct section *new = xcalloc(sizeof *new);
    *new = (struct section){.name = xstrndup(name, len), .file = xstrdup(file), .line = line};
    *(s->last ? &s->last->next : &s->first) = new;
    s->last = new;
}

/* indent is the first key's indentation in this section: every other key must have the same. */
static int read_line(struct sections *s, const char *file, int line, char *text, char **indent, int depth)
{
    size_t blank = strspn(text, " \t");
    char *p = text + blank;
    if (!*p || *p == '#')
        return 0;
    if (*p == '@' && blank == 0)
        return command(s, file, line, p, depth);
    if (*p == '[') {
        char *close = strchr(p, ']');
        if (!close || close == p + 1) {
            log_error("[config] %s:%d: bad section header %s", file, line, p);
            return -1;
        }
        add_section(s, file, line, p + 1, (size_t)(close - p - 1));
        free(*indent);
        *indent = NULL;
        return 0;
    }
    if (!s->first) {
        log_error("[config] %s:%d: key outside of a section: %s", file, line, p);
        return -1;
    }
    if (!*indent)
        *indent = xstrndup(text, blank);
    if (blank == 0 || strlen(*indent) != blank || strncmp(*indent, text, blank) != 0) {
        log_error("[config] %s:%d: invalid indentation level", file, line);
        return -1;
    }
    size_t key_len = strcspn(p, " \t");
    char *value = p + key_len + strspn(p + key_len, " \t");
    if (!*value) {
        log_error("[config] %s:%d: key %s has no value", file, line, p);
        return -1;
    }
    struct entry **end = &s->last->entries;
    while (*end)
        end = &(*end)->next;
    *end = new_entry(file, line, p, key_len, expand(s, value));
    return 0;
}

static int read_file(struct sections *s, const char *path, int depth)
{
    FILE *f = depth > MAX_INCLUDE_DEPTH ? NULL : fopen(path, "re");
    if (!f) {
        log_error("[config] cannot read %s: %s", path, depth > MAX_INCLUDE_DEPTH ? "nested too deeply" : strerror(errno));
        return -1;
    }
    char *text = NULL, *indent = NULL;
    size_t cap = 0;
    ssize_t n;
    int line = 0, rc = 0;
    while (rc == 0 && (n = getline(&text, &cap, f)) >= 0) {
        line++;
        while (n > 0 && strchr(" \t\r\n", text[n - 1]))
            text[--n] = 0;
        rc = read_line(s, path, line, text, &indent, depth);
    }
    free(indent);
    free(text);
    fclose(f);
    return rc;
}

int sections_read(struct sections *s, const char *path) { return read_file(s, path, 0); }

static void free_entries(struct entry *e)
{
    while (e) {
        struct entry *next = e->next;
        free(e->key);
        free(e->value);
        free(e->file);
        free(e);
        e = next;
    }
}

void sections_free(struct sections *s)
{
    free_entries(s->sets);
    while (s->first) {
        struct section *next = s->first->next;
        free_entries(s->first->entries);
        free(s->first->name);
        free(s->first->file);
        free(s->first);
        s->first = next;
    }
}
