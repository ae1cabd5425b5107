//go:build ignore

#define _GNU_SOURCE
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi.h"
#include "buf.h"
#include "log.h"
#include "sections.h"

/* Keys that fbhost understands or, where the core has them and nothing here depends on them, accepts. */
static const char *const service_keys[] = {
    "Flush", "Grace", "Daemon", "Log_Level", "Plugins_File", "Parsers_File", "HTTP_Server", "HTTP_Listen", "HTTP_Port",
    "Health_Check", "HC_Errors_Count", "HC_Retry_Failure_Count", "HC_Period", "Hot_Reload",
    "Hot_Reload.Ensure_Thread_Safety", "scheduler.base", "scheduler.cap", "storage.path", "storage.sync",
    "storage.checksum", "storage.max_chunks_up", "storage.backlog.mem_limit", "storage.metrics",
    "storage.delete_irrecoverable_chunks", NULL};
static const char *const input_keys[] = {
    "Name", "Alias", "Tag", "Path", "Exclude_Path", "Parser", "multiline.parser", "DB", "DB.sync", "DB.locking",
    "DB.journal_mode", "Mem_Buf_Limit", "storage.type", "storage.pause_on_chunks_overlimit", "Skip_Long_Lines",
    "Skip_Empty_Lines", "Buffer_Chunk_Size", "Buffer_Max_Size", "Refresh_Interval", "Rotate_Wait", "Read_from_Head",
    "Path_Key", "Offset_Key", "Inotify_Watcher", "threaded", NULL};
static const char *const plugins_keys[] = {"Path", NULL};

/* What each version's flb_output_set_property keeps for itself; a name that ends in '*' is a prefix. */
static const char *const swallowed_1_9[] = {
    "match", "match_regex", "alias", "log_level", "host", "port", "ipv6", "retry_limit", "net.*", "tls", "tls.verify",
    "tls.debug", "tls.vhost", "tls.ca_path", "tls.ca_file", "tls.crt_file", "tls.key_file", "tls.key_passwd",
    "storage.total_limit_size", "workers", NULL};
static const char *const swallowed_4_2[] = {
    "match", "match_regex", "alias", "log_level", "log_suppress_interval", "host", "port", "ipv6", "retry_limit",
    "net.*", "tls", "tls.verify", "tls.verify_hostname", "tls.debug", "tls.vhost", "tls.ca_path", "tls.ca_file",
    "tls.crt_file", "tls.key_file", "tls.key_passwd", "tls.min_version", "tls.max_version", "tls.ciphers",
    "storage.total_limit_size", "workers", NULL};
static const char *const swallowed_5_1[] = {
    "match", "match_regex", "alias", "log_level", "log_suppress_interval", "host", "port", "ipv6", "retry_limit",
    "net.*", "oauth2*", "tls", "tls.verify", "tls.verify_hostname", "tls.debug", "tls.vhost", "tls.ca_path",
    "tls.ca_file", "tls.crt_file", "tls.key_file", "tls.key_passwd", "tls.min_version", "tls.max_version",
    "tls.ciphers", "tls.proxy.verify", "tls.proxy.verify_hostname", "tls.proxy.ca_path", "tls.proxy.ca_file",
    "storage.total_limit_size", "workers", NULL};

static bool listed(const char *const *list, const char *key)
{
    for (; *list; list++) {
        size_t n = strlen(*list);
        bool prefix = (*list)[n - 1] == '*';
        if (prefix ? strncasecmp(*list, key, n - 1) == 0 : strcasecmp(*list, key) == 0)
            return true;
    }
    return false;
}

/* Memory that lives as long as its config: a list of blocks, each behind its link. */
static void *keep(struct config *c, size_t size)
{
    void **block = xcalloc(sizeof(void *) * 2 + size);
    *block = c->memory;
    c->memory = block;
    return block + 2;
}

static char *keep_str(struct config *c, const char *s, size_t len)
{
    char *copy = keep(c, len + 1);
    memcpy(copy, s, len);
    return copy;
}

static char *str(struct config *c, const char *s) { return keep_str(c, s, strlen(s)); }

static int bad(const struct entry *e, const char *section, const char *want)
{
    log_error("[config] %s:%d: cannot use %s for key %s in section [%s]: it must be %s", e->file, e->line, e->value,
              e->key, section, want);
    return -1;
}

static int check_keys(const struct section *s, const char *const *known)
{
    for (const struct entry *e = s->entries; e; e = e->next) {
        if (listed(known, e->key))
            continue;
        struct buf all = {0};
        for (int i = 0; known[i]; i++)
            buf_printf(&all, "%s%s", i ? ", " : "", known[i]);
        log_error("[config] %s:%d: unknown key %s in section [%s]; keys known there: %.*s", e->file, e->line, e->key,
                  s->name, (int)all.len, all.data);
        buf_free(&all);
        return -1;
    }
    return 0;
}

static bool is(const struct entry *e, const char *key) { return strcasecmp(e->key, key) == 0; }

static int get_bool(const struct entry *e, const char *section, bool *out)
{
    static const char *const on[] = {"on", "true", "yes", NULL}, *const off[] = {"off", "false", "no", NULL};
    if (!listed(on, e->value) && !listed(off, e->value))
        return bad(e, section, "on or off");
    *out = listed(on, e->value);
    return 0;
}

static int get_number(const struct entry *e, const char *section, double min, double *out)
{
    char *end;
    *out = strtod(e->value, &end);
    if (end == e->value || (*end && strcasecmp(end, "s") != 0) || !(*out >= min) || *out > 1e9)
        return bad(e, section, "a number of that range");
    return 0;
}

/* K, M and G are powers of a thousand, as in the core. */
static int get_size(const struct entry *e, const char *section, size_t *out)
{
    char *end;
    double v = strtod(e->value, &end);
    static const char *const units[] = {"", "k", "kb", "m", "mb", "g", "gb", "b", NULL};
    static const double factors[] = {1, 1e3, 1e3, 1e6, 1e6, 1e9, 1e9, 1};
    for (int i = 0; units[i]; i++) {
        if (end != e->value && v >= 0 && v < 1e9 && strcasecmp(end, units[i]) == 0) {
            *out = (size_t)(v * factors[i]);
            return 0;
        }
    }
    return bad(e, section, "a size such as 32k or 5M");
}

static char **get_list(struct config *c, const char *value)
{
    size_t n = 1;
    for (const char *p = value; *p; p++)
        n += *p == ',';
    char **list = keep(c, (n + 1) * sizeof *list), **next = list;
    for (const char *p = value; *p;) {
        size_t len = strcspn(p, ",");
        size_t blank = strspn(p, " \t");
        size_t end = len;
        while (end > blank && strchr(" \t", p[end - 1]))
            end--;
        if (end > blank)
            *next++ = keep_str(c, p + blank, end - blank);
        p += len + (p[len] == ',');
    }
    return list;
}

static int read_plugins_file(struct config *c, const char *path);
static int read_parsers_file(struct config *c, const char *path);

static int read_beside(struct config *c, const struct entry *e, int (*read)(struct config *, const char *))
{
    char *path = path_beside(e->file, e->value);
    int rc = read(c, path);
    free(path);
    return rc;
}

static int read_service(struct config *c, const struct section *s)
{
    struct service *v = &c->service;
    int rc = check_keys(s, service_keys);
    for (const struct entry *e = s->entries; e && rc == 0; e = e->next) {
        double n = 0;
        bool on = false;
        if (is(e, "Flush")) {
            rc = get_number(e, s->name, 0.001, &v->flush);
        } else if (is(e, "Grace")) {
            rc = get_number(e, s->name, -1, &n);
            v->grace = (int)n;
        } else if (is(e, "Daemon")) {
            rc = get_bool(e, s->name, &on);
            if (rc == 0 && on)
                rc = bad(e, s->name, "off: fbhost stays in the foreground");
        } else if (is(e, "Log_Level")) {
            log_level = log_level_of(e->value);
            if (log_level < 0) {
                log_level = LOG_INFO;
                rc = bad(e, s->name, "off, error, warn, info, debug or trace");
            }
        } else if (is(e, "Plugins_File")) {
            rc = read_beside(c, e, read_plugins_file);
        } else if (is(e, "Parsers_File")) {
            rc = read_beside(c, e, read_parsers_file);
        } else if (is(e, "HTTP_Server")) {
            rc = get_bool(e, s->name, &v->http);
        } else if (is(e, "HTTP_Listen")) {
            v->http_listen = str(c, e->value);
        } else if (is(e, "HTTP_Port")) {
            rc = get_number(e, s->name, 0, &n);
            v->http_port = str(c, e->value);
        } else if (is(e, "Health_Check")) {
            rc = get_bool(e, s->name, &v->health_check);
        } else if (is(e, "Hot_Reload")) {
            rc = get_bool(e, s->name, &v->hot_reload);
        } else if (is(e, "Hot_Reload.Ensure_Thread_Safety")) {
            rc = get_bool(e, s->name, &v->reload_waits);
        } else if (is(e, "scheduler.base") || is(e, "scheduler.cap")) {
            rc = get_number(e, s->name, 1, &n);
            *(is(e, "scheduler.base") ? &v->base : &v->cap) = (int)n;
        } else if (is(e, "storage.path")) {
            v->storage_path = str(c, e->value);
        } else if (is(e, "storage.max_chunks_up")) {
            rc = get_number(e, s->name, 1, &n);
            v->max_chunks_up = (size_t)n;
        }
    }
    if (rc == 0 && v->cap < v->base) {
        log_error("[config] scheduler.cap must be greater than or equal to scheduler.base");
        rc = -1;
    }
    return rc;
}

static int read_input(struct config *c, const struct section *s)
{
    struct input_config *in = keep(c, sizeof *in);
    *in = (struct input_config){.max_line = 32000, .refresh = 60, .rotate_wait = 5};
    bool tail = false, on;
    int rc = check_keys(s, input_keys);
    for (const struct entry *e = s->entries; e && rc == 0; e = e->next) {
        if (is(e, "Name"))
            tail = strcasecmp(e->value, "tail") == 0;
        else if (is(e, "Alias"))
            in->alias = str(c, e->value);
        else if (is(e, "Tag"))
            in->tag = str(c, e->value);
        else if (is(e, "Path"))
            in->paths = get_list(c, e->value);
        else if (is(e, "Exclude_Path"))
            in->exclude = get_list(c, e->value);
        else if (is(e, "DB"))
            in->db = str(c, e->value);
        else if (is(e, "Mem_Buf_Limit"))
            rc = get_size(e, s->name, &in->mem_limit);
        else if (is(e, "Buffer_Max_Size"))
            rc = get_size(e, s->name, &in->max_line);
        else if (is(e, "storage.pause_on_chunks_overlimit"))
            rc = get_bool(e, s->name, &in->pause_overlimit);
        else if (is(e, "Skip_Long_Lines"))
            rc = get_bool(e, s->name, &in->skip_long);
        else if (is(e, "Skip_Empty_Lines"))
            rc = get_bool(e, s->name, &in->skip_empty);
        else if (is(e, "Read_from_Head"))
            rc = get_bool(e, s->name, &in->from_head);
        else if (is(e, "Inotify_Watcher") || is(e, "threaded") || is(e, "DB.locking"))
            rc = get_bool(e, s->name, &on);
        else if (is(e, "Refresh_Interval"))
            rc = get_number(e, s->name, 0.001, &in->refresh);
        else if (is(e, "Rotate_Wait"))
            rc = get_number(e, s->name, 0, &in->rotate_wait);
        else if (is(e, "Path_Key"))
            in->path_key = str(c, e->value);
        else if (is(e, "Offset_Key"))
            in->offset_key = str(c, e->value);
        else if (is(e, "storage.type")) {
            in->filesystem = strcasecmp(e->value, "filesystem") == 0;
            if (!in->filesystem && strcasecmp(e->value, "memory") != 0)
                rc = bad(e, s->name, "memory or filesystem");
        } else if (is(e, "Parser")) {
            if (strcasecmp(e->value, "cri") == 0)
                in->parser = PARSER_CRI;
            else if (strcasecmp(e->value, "json") == 0)
                in->parser = PARSER_JSON;
            else if (strcasecmp(e->value, "none") != 0)
                rc = bad(e, s->name, "cri, json or none: fbhost builds in no other parser");
        } else if (is(e, "multiline.parser")) {
            in->parser = PARSER_MULTILINE_CRI;
            if (strcasecmp(e->value, "cri") != 0)
                rc = bad(e, s->name, "cri: fbhost builds in no other multiline parser");
        }
    }
    if (rc == 0 && (!tail || !in->paths || !in->paths[0])) {
        log_error("[config] %s:%d: section [%s] needs Name tail (fbhost knows no other input) and a Path", s->file,
                  s->line, s->name);
        rc = -1;
    }
    struct input_config **end = &c->inputs;
    while (*end)
        end = &(*end)->next;
    *end = in;
    return rc;
}

static int get_retry_limit(const char *value)
{
    static const char *const unlimited[] = {"no_limits", "false", "off", NULL};
    if (listed(unlimited, value))
        return RETRY_UNLIMITED;
    if (strcasecmp(value, "no_retries") == 0)
        return RETRY_NONE;
    int n = atoi(value);
    if (n > 0)
        return n;
    log_warn("[config] invalid retry_limit. set default.");
    return 1;
}

static int read_output(struct config *c, const struct section *s)
{
    const char *const *swallowed = host_abi == ABI_1_9   ? swallowed_1_9
                                   : host_abi == ABI_4_2 ? swallowed_4_2
                                                         : swallowed_5_1;
    struct output_config *out = keep(c, sizeof *out);
    *out = (struct output_config){.log_level = -1, .retry_limit = 1};
    for (const struct entry *e = s->entries; e; e = e->next) {
        char *value = e->value[0] ? str(c, e->value) : NULL;
        if (is(e, "Name")) {
            out->name = value;
        } else if (!listed(swallowed, e->key)) {
            struct property *p = keep(c, sizeof *p), **end = &out->properties;
            *p = (struct property){.key = str(c, e->key), .value = value};
            while (*end)
                end = &(*end)->next;
            *end = p;
        } else if (is(e, "Match")) {
            out->match = value;
        } else if (is(e, "Match_Regex")) {
            out->match_regex = value;
        } else if (is(e, "Alias")) {
            out->alias = value;
        } else if (is(e, "Workers")) {
            out->workers = value ? atoi(value) : 0;
        } else if (is(e, "Retry_Limit")) {
            out->retry_limit = value ? get_retry_limit(value) : 1;
        } else if (is(e, "Log_Level") && value && (out->log_level = log_level_of(value)) < 0) {
            return bad(e, s->name, "off, error, warn, info, debug or trace");
        } else if (is(e, "tls") && value && (strcasecmp(value, "on") == 0 || strcasecmp(value, "true") == 0)) {
            log_error("[config] %s:%d: %s don't support TLS", e->file, e->line, out->name ? out->name : "output");
            return -1;
        }
    }
    if (!out->name || out->workers < 0) {
        log_error("[config] %s:%d: section [%s] needs a Name, and Workers of 0 or more", s->file, s->line, s->name);
        return -1;
    }
    struct output_config **end = &c->outputs;
    int same = 0;
    for (; *end; end = &(*end)->next)
        same += strcasecmp((*end)->name, out->name) == 0;
    *end = out;
    char id[256];
    snprintf(id, sizeof id, "%s.%d", out->name, same);
    out->id = str(c, id);
    return 0;
}

static int read_plugins(struct config *c, const struct section *s)
{
    for (const struct entry *e = s->entries; e; e = e->next) {
        struct property *p = keep(c, sizeof *p), **end = &c->plugins;
        *p = (struct property){.value = str(c, e->value)};
        while (*end)
            end = &(*end)->next;
        *end = p;
    }
    return check_keys(s, plugins_keys);
}

/* A parser named cri may rename the four parts of a line: its regex's groups are taken in their order. */
static void read_parser(struct config *c, const struct section *s)
{
    const char *regex = NULL;
    bool cri = false, time_keep = false;
    for (const struct entry *e = s->entries; e; e = e->next) {
        if (is(e, "Name"))
            cri = strcasecmp(e->value, "cri") == 0;
        else if (is(e, "Regex"))
            regex = e->value;
        else if (is(e, "Time_Keep"))
            get_bool(e, s->name, &time_keep);
    }
    if (!cri || !regex)
        return;
    char *keys[4];
    int n = 0;
    for (const char *p = regex; n < 4 && (p = strstr(p, "(?<")); n++) {
        p += 3;
        keys[n] = keep_str(c, p, strcspn(p, ">"));
    }
    if (n == 4) {
        memcpy(c->cri_keys, keys, sizeof keys);
        c->cri_time_keep = time_keep;
    }
}

/* Filters are real Fluent Bit's: a configuration that has some works here too, with the records as the input made them. */
static void pass_filter(const struct section *s)
{
    const char *name = "without a name";
    for (const struct entry *e = s->entries; e; e = e->next)
        if (is(e, "Name"))
            name = e->value;
    log_warn("[config] %s:%d: fbhost runs no filters: records pass filter %s as they are", s->file, s->line, name);
}

/* A file of parsers may hold those of multiline filters, which are passed too. */
static bool beside(const char *only, const char *name)
{
    return strcasecmp(only, "PARSER") == 0 && strcasecmp(name, "MULTILINE_PARSER") == 0;
}

static int each_section(struct config *c, const char *path, const char *only)
{
    struct sections all = {0};
    int rc = sections_read(&all, path);
    for (const struct section *s = all.first; s && rc == 0; s = s->next) {
        if (only && strcasecmp(s->name, only) != 0 && !beside(only, s->name)) {
            log_error("[config] %s:%d: section [%s] does not belong here: only [%s]", s->file, s->line, s->name, only);
            rc = -1;
        } else if (strcasecmp(s->name, "SERVICE") == 0)
            rc = read_service(c, s);
        else if (strcasecmp(s->name, "INPUT") == 0)
            rc = read_input(c, s);
        else if (strcasecmp(s->name, "OUTPUT") == 0)
            rc = read_output(c, s);
        else if (strcasecmp(s->name, "PLUGINS") == 0)
            rc = read_plugins(c, s);
        else if (strcasecmp(s->name, "PARSER") == 0)
            read_parser(c, s);
        else if (strcasecmp(s->name, "FILTER") == 0)
            pass_filter(s);
        else if (only && beside(only, s->name))
            continue;
        else {
            log_error("[config] %s:%d: unknown section [%s]; known: SERVICE, INPUT, FILTER, OUTPUT, PLUGINS, PARSER",
                      s->file, s->line, s->name);
            rc = -1;
        }
    }
    sections_free(&all);
    return rc;
}

static int read_plugins_file(struct config *c, const char *path) { return each_section(c, path, "PLUGINS"); }
static int read_parsers_file(struct config *c, const char *path) { return each_section(c, path, "PARSER"); }

struct config *config_load(const char *path)
{
    struct config *c = xcalloc(sizeof *c);
    c->service = (struct service){.flush = 1,
                                  .grace = 5,
                                  .http_listen = "0.0.0.0",
                                  .http_port = "2020",
                                  .reload_waits = true,
                                  .base = 5,
                                  .cap = 2000,
                                  .max_chunks_up = 128};
    /* conf/parsers.conf of each version: 1.9's has no Time_Keep. */
    memcpy(c->cri_keys, (char *[]){"time", "stream", "logtag", "message"}, sizeof c->cri_keys);
    c->cri_time_keep = host_abi != ABI_1_9;
    int rc = each_section(c, path, NULL);
    for (struct input_config *in = c->inputs; in && rc == 0; in = in->next) {
        memcpy(in->cri_keys, c->cri_keys, sizeof in->cri_keys);
        in->cri_time_keep = c->cri_time_keep;
        if (in->filesystem && !c->service.storage_path) {
            log_error("[config] storage.type filesystem needs storage.path in [SERVICE]");
            rc = -1;
        }
    }
    if (rc != 0) {
        config_free(c);
        return NULL;
    }
    return c;
}

void config_free(struct config *c)
{
    while (c->memory) {
        void *next = *(void **)c->memory;
        free(c->memory);
        c->memory = next;
    }
    free(c);
}
