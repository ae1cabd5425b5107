//go:build ignore

#define _GNU_SOURCE
#include "engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi.h"
#include "buf.h"
#include "chunk.h"
#include "clock.h"
#include "dispatch.h"
#include "http.h"
#include "log.h"
#include "proxy.h"
#include "router.h"
#include "storage.h"
#include "worker.h"

static const double tick = 0.05; /* seconds between looks at the files when there is nothing to do */

struct loaded {
    struct proxy *proxy;
    struct loaded *next;
};

static int load_plugins(struct engine *e, const struct property *list, bool reload)
{
    for (; list; list = list->next) {
        struct proxy *proxy = proxy_load(list->value, reload);
        if (!proxy)
            return -1;
        struct loaded *l = xcalloc(sizeof *l), **end = &e->loaded;
        l->proxy = proxy;
        while (*end)
            end = &(*end)->next;
        *end = l;
    }
    return 0;
}

static int add_output(struct engine *e, const struct output_config *config)
{
    struct output *o = xcalloc(sizeof *o), **end = &e->outputs;
    while (*end)
        end = &(*end)->next;
    *end = o;
    o->config = config;
    o->name = config->id;
    for (const struct loaded *l = e->loaded; l && !o->proxy; l = l->next)
        if (strcasecmp(proxy_name(l->proxy), config->name) == 0)
            o->proxy = l->proxy;
    if (!o->proxy) {
        log_error("[config] output plugin '%s' cannot be loaded: no shared object registered that name", config->name);
        return -1;
    }
    return router_prepare(o, e);
}

static void add_input(struct engine *e, const struct input_config *config, int number)
{
    struct input *in = xcalloc(sizeof *in), **end = &e->inputs;
    while (*end)
        end = &(*end)->next;
    *end = in;
    in->config = config;
    in->engine = e;
    in->name = xprintf("tail.%d", number);
    if (config->filesystem)
        in->dir = xprintf("%s/%s", e->config->service.storage_path, in->name);
}

struct engine *engine_new(const struct config *c, const struct property *extra, size_t chunk_size, bool reload)
{
    struct engine *e = xcalloc(sizeof *e);
    *e = (struct engine){.config = c, .chunk_size = chunk_size, .results = results_new()};
    int rc = load_plugins(e, extra, reload), n = 0;
    if (rc == 0)
        rc = load_plugins(e, c->plugins, reload);
    for (const struct input_config *in = c->inputs; in; in = in->next)
        add_input(e, in, n++);
    for (const struct output_config *o = c->outputs; o && rc == 0; o = o->next)
        rc = add_output(e, o);
    if (rc == 0)
        return e;
    engine_free(e);
    return NULL;
}

/* Moves the chunk from its input's open ones to those that wait to be dispatched. */
static void seal(struct engine *e, struct chunk **at)
{
    struct chunk *c = *at, **end = &e->ready;
    *at = c->next;
    c->next = NULL;
    chunk_seal(c);
    while (*end)
        end = &(*end)->next;
    *end = c;
}

static void seal_all(struct engine *e)
{
    for (struct input *in = e->inputs; in; in = in->next)
        while (in->open)
            seal(e, &in->open);
}

int engine_append(struct input *in, const char *tag, const char *data, size_t len, size_t n)
{
    struct chunk **at = &in->open;
    atomic_fetch_add(&in->records, n);
    atomic_fetch_add(&in->record_bytes, len);
    while (*at && strcmp((*at)->tag, tag) != 0)
        at = &(*at)->next;
    if (!*at) {
        if (!router_any(in->engine, tag)) {
            log_debug("[input chunk] no matching routes for tag %s: %zu records discarded", tag, n);
            return 0;
        }
        if (in->dir && storage_prepare(in->engine->config->service.storage_path) != 0)
            return -1;
        *at = chunk_new(tag, in->dir);
        if (!*at)
            return -1;
        (*at)->in = in;
        in->chunks++;
    }
    if (chunk_append(*at, data, len, n) != 0)
        return -1;
    in->bytes += len;
    if ((*at)->size >= in->engine->chunk_size)
        seal(in->engine, at);
    return 0;
}

static int sink_append(void *ctx, const char *tag, const struct buf *records, size_t n)
{
    return engine_append(ctx, tag, records->data, records->len, n);
}

/* Mem_Buf_Limit holds for memory, the number of chunks (when asked for) for the filesystem. */
static bool sink_full(void *ctx)
{
    struct input *in = ctx;
    bool full = in->dir ? in->config->pause_overlimit && in->chunks >= in->engine->config->service.max_chunks_up
                        : in->config->mem_limit && in->bytes >= in->config->mem_limit;
    if (full != in->paused)
        log_warn("[input] %s %s (%s overlimit)", in->name, full ? "paused" : "resume", in->dir ? "storage buf" : "mem buf");
    in->paused = full;
    return full;
}

int engine_start(struct engine *e)
{
    e->ready = storage_backlog(e->config->service.storage_path);
    for (struct input *in = e->inputs; in; in = in->next) {
        struct tail_sink sink = {in, sink_append, sink_full};
        size_t batch = e->chunk_size < 65536 ? e->chunk_size : 65536;
        in->tail = tail_open(in->config, sink, batch, &in->files);
        if (!in->tail)
            return -1;
    }
    for (struct output *o = e->outputs; o; o = o->next) {
        o->context = proxy_init(o->proxy, o->config);
        if (!o->context)
            return -1;
        if (o->config->workers > 0)
            workers_start(o, e->results);
    }
    for (struct output *o = e->outputs; o; o = o->next)
        proxy_pre_run(o->proxy, e->config->service.hot_reload);
    if (e->config->service.http && !(e->http = http_start(e)))
        return -1;
    return 0;
}

static bool at_end(const struct engine *e)
{
    for (struct input *in = e->inputs; in; in = in->next)
        if (sink_full(in))
            return false;
    return true;
}

static int next_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return sigtimedwait(&set, NULL, &(struct timespec){0});
}

enum engine_end engine_run(struct engine *e, bool once)
{
    double next_flush = monotonic() + e->config->service.flush;
    for (;;) {
        int sig = next_signal();
        if (sig == SIGHUP && host_abi != ABI_1_9) {
            if (e->config->service.hot_reload)
                return ENGINE_RELOAD;
            log_warn("[reload] hot reloading is not enabled");
        } else if (sig > 0) {
            log_info("[engine] caught signal (%s)", sig == SIGINT ? "SIGINT" : sig == SIGHUP ? "SIGHUP" : "SIGTERM");
            return ENGINE_STOP;
        }
        bool more = false;
        double now = monotonic();
        /* The backlog goes first. */
        if (!e->ready || !e->ready->backlog)
            for (struct input *in = e->inputs; in; in = in->next)
                more = tail_poll(in->tail, now) || more;
        if (once && !more && at_end(e) && (!e->ready || !e->ready->backlog)) {
            for (struct input *in = e->inputs; in; in = in->next)
                tail_flush_partial(in->tail);
            seal_all(e);
            if (!e->ready && e->jobs == 0)
                return ENGINE_DONE;
        }
        if (now >= next_flush) {
            seal_all(e);
            next_flush = now + e->config->service.flush;
        }
        dispatch_ready(e);
        dispatch_retries(e, now);
        handle_results(e, more || e->ready ? 0 : tick);
    }
}

/* Jobs whose chunks stay: on disk for the next start, or lost with the memory they are in. */
static void abandon(struct engine *e, struct job *list)
{
    for (struct job *next; list; list = next) {
        struct chunk *c = list->chunk;
        next = list->next;
        if (--c->users == 0) {
            if (!c->path)
                log_warn("[engine] chunk '%s' of %zu records was in memory and is lost", c->name, c->records);
            e->dropped = e->dropped || !c->path;
            chunk_free(c, false);
        }
        free(list);
    }
}

bool engine_stop(struct engine *e, bool reload)
{
    int grace = reload && e->config->service.reload_waits ? -1 : e->config->service.grace;
    for (struct input *in = e->inputs; in; in = in->next) {
        tail_flush_partial(in->tail);
        tail_close(in->tail);
        in->tail = NULL;
    }
    seal_all(e);
    if (grace >= 0)
        log_warn("[engine] service will shutdown in max %d seconds", grace);
    else
        log_warn("[engine] service will shutdown when all remaining tasks are flushed");
    e->stopping = true;
    if (host_abi != ABI_1_9)
        retries_now(e);
    /* 1.9 waits for tasks that are running, the later versions for every chunk. */
    double start = monotonic();
    while (e->ready || (host_abi == ABI_1_9 ? e->running : e->jobs) > 0) {
        if (grace >= 0 && monotonic() - start >= grace && !e->ready)
            break;
        dispatch_ready(e);
        dispatch_retries(e, monotonic());
        handle_results(e, tick);
    }
    log_info("[engine] service has stopped (%zu pending tasks)", e->jobs);

    for (struct output *o = e->outputs; o; o = o->next) {
        struct job *left = workers_stop(o);
        proxy_exit(o->context, reload);
        abandon(e, left);
    }
    /* Flushes that ended after the engine did: as in the core nobody reads their results any more. */
    abandon(e, results_take(e->results, 0));
    abandon(e, e->retries);
    e->retries = NULL;
    return e->dropped;
}

void engine_free(struct engine *e)
{
    if (e->http)
        http_stop(e->http);
    for (struct loaded *l = e->loaded, *next; l; l = next) {
        next = l->next;
        proxy_unload(l->proxy);
        free(l);
    }
    for (struct output *o = e->outputs, *next; o; o = next) {
        next = o->next;
        router_forget(o);
        free(o);
    }
    for (struct input *in = e->inputs, *next; in; in = next) {
        next = in->next;
        free(in->name);
        free(in->dir);
        free(in);
    }
    results_free(e->results);
    free(e);
}
