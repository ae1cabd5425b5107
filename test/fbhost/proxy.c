//go:build ignore

#define _GNU_SOURCE
#include "proxy.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi.h"
#include "buf.h"
#include "coroutine.h"
#include "log.h"

enum { TYPE_OUTPUT = 2, PROXY_GOLANG = 11 };

/* struct flb_plugin_proxy_def: 1.9's ends after description, 4.2's after event_type. */
struct plugin_def {
    int type;
    int proxy;
    int flags;
    char *name;
    char *description;
    int event_type;
    void *config_map;
};

/* struct flb_api: 1.9's has the first function alone. */
struct api {
    const char *(*output_get_property)(const char *, const struct output_config *);
    const char *(*input_get_property)(const char *, void *);
    void *(*output_get_cmt_instance)(void *);
    void *(*input_get_cmt_instance)(void *);
    void (*log_print)(int, const char *, int, const char *, ...);
    int (*input_log_check)(void *, int);
    int (*output_log_check)(const struct output_config *, int);
    const char *(*custom_get_property)(const char *, void *);
    int (*custom_log_check)(void *, int);
};

/* struct flb_plugin_proxy_context: the plugin writes remote_context in init. */
struct remote {
    void *remote_context;
    struct proxy *proxy;
};

/* struct flbgo_output_plugin, the argument of FLBPluginInit; the same in every version. */
struct go_plugin {
    char *name;
    void *api;
    const void *o_ins;
    struct remote *context;
    int (*cb_init)(struct go_plugin *);
    int (*cb_flush)(const void *, size_t, const char *);
    int (*cb_flush_ctx)(void *, const void *, size_t, char *);
    int (*cb_exit)(void);
    int (*cb_exit_ctx)(void *);
};

struct proxy {
    void *dso;
    struct plugin_def *def;
    struct api *api;
    struct go_plugin *go; /* NULL if registration failed: no output can use this proxy */
    char *name;           /* the core's own copy: the plugin frees def's on unregistering */
    bool unregistered;
    struct proxy_context *contexts; /* every one made; freed with the proxy, since 1.9 uses them after their exit */
};

struct proxy_context {
    struct remote *remote;
    struct proxy *proxy;
    struct proxy_context *next;
};

enum { GUARD = 64, GUARD_BYTE = 0xC3, STALE_BYTE = 0xA5 };

static size_t def_size(void)
{
    return host_abi == ABI_1_9   ? offsetof(struct plugin_def, event_type)
           : host_abi == ABI_4_2 ? offsetof(struct plugin_def, config_map)
                                 : sizeof(struct plugin_def);
}

static size_t api_size(void) { return host_abi == ABI_1_9 ? sizeof(void *) : sizeof(struct api); }

/* size bytes, zeroed or (where the core uses malloc) full of rubbish, with the guard right behind them. */
static void *guarded(size_t size, int fill)
{
    char *p = xmalloc(size + GUARD);
    memset(p, fill, size);
    memset(p + size, GUARD_BYTE, GUARD);
    return p;
}

static void check_guard(const void *p, size_t size, const char *name, const char *after)
{
    const unsigned char *guard = (const unsigned char *)p + size;
    for (int i = 0; i < GUARD; i++) {
        if (guard[i] == GUARD_BYTE)
            continue;
        fprintf(stderr,
                "fbhost: the plugin wrote beyond struct %s in or before %s: byte %d behind its end, in Fluent Bit "
                "%s's layout of %zu bytes; a real agent's heap would now be corrupt\n",
                name, after, i, abi_version(), size);
        abort();
    }
}

static void check_guards(const struct proxy *p, const struct remote *remote, const char *after)
{
    check_guard(p->def, def_size(), "flb_plugin_proxy_def", after);
    check_guard(p->api, api_size(), "flb_api", after);
    if (p->go)
        check_guard(p->go, sizeof *p->go, "flbgo_output_plugin", after);
    if (remote)
        check_guard(remote, sizeof *remote, "flb_plugin_proxy_context", after);
}

static const char *get_property(const char *key, const struct output_config *out)
{
    for (const struct property *p = out->properties; p; p = p->next)
        if (strcasecmp(p->key, key) == 0)
            return p->value;
    return NULL;
}

static int output_log_check(const struct output_config *out, int level)
{
    return (out->log_level < 0 ? log_level : out->log_level) >= level;
}

/* An output plugin has no input or custom instance to ask about, and fbhost has no cmetrics. */
static const char *no_property(const char *key, void *instance)
{
    (void)key;
    (void)instance;
    return NULL;
}

static void *no_instance(void *instance)
{
    (void)instance;
    return NULL;
}

static int service_log_check(void *instance, int level)
{
    (void)instance;
    return log_level >= level;
}

/* What plugins get as their instance is its configuration. */
const char *flb_output_name(void *instance)
{
    const struct output_config *config = instance;
    return config->alias ? config->alias : config->id;
}

static struct api *new_api(void)
{
    struct api all = {get_property,      no_property,      no_instance, no_instance,      flb_log_print,
                      service_log_check, output_log_check, no_property, service_log_check};
    struct api *api = guarded(api_size(), 0);
    memcpy(api, &all, api_size());
    return api;
}

/* Converts dlsym's result to a function pointer of the variable's type. */
#define SYMBOL(variable, dso, name) (*(void **)&(variable) = dlsym(dso, name))

static struct go_plugin *new_go_plugin(struct proxy *p)
{
    struct go_plugin *go = guarded(sizeof *go, STALE_BYTE);
    go->name = xstrdup(p->def->name);
    SYMBOL(go->cb_flush, p->dso, "FLBPluginFlush");
    SYMBOL(go->cb_flush_ctx, p->dso, "FLBPluginFlushCtx");
    SYMBOL(go->cb_exit, p->dso, "FLBPluginExit");
    SYMBOL(go->cb_exit_ctx, p->dso, "FLBPluginExitCtx");
    if (SYMBOL(go->cb_init, p->dso, "FLBPluginInit"))
        return go;
    log_error("[go proxy]: could not load FLBPluginInit symbol");
    free(go->name);
    free(go);
    return NULL;
}

static void plugin_register(struct proxy *p, bool reload)
{
    int (*pre_register)(int), (*reg)(struct plugin_def *);
    if (host_abi != ABI_1_9 && SYMBOL(pre_register, p->dso, "FLBPluginPreRegister") && pre_register(reload) == -1)
        return;
    if (!SYMBOL(reg, p->dso, "FLBPluginRegister")) {
        log_error("[proxy] no symbol FLBPluginRegister");
        return;
    }
    int rc = reg(p->def);
    check_guards(p, NULL, "FLBPluginRegister");
    if (rc == -1 || p->def->proxy != PROXY_GOLANG || p->def->type != TYPE_OUTPUT || !p->def->name) {
        log_error("[proxy] not registered as a Go output plugin (FLBPluginRegister returned %d)", rc);
        return;
    }
    p->name = xstrdup(p->def->name);
    p->go = new_go_plugin(p);
}

struct proxy *proxy_load(const char *path, bool reload)
{
    const char *slash = strrchr(path, '/');
    if (strncmp(slash ? slash + 1 : path, "flb-", 4) == 0) {
        log_error("[plugin] cannot load %s: Fluent Bit takes a file called flb-* for a C plugin, not a Go one", path);
        return NULL;
    }
    void *dso = dlopen(path, RTLD_LAZY);
    if (!dso) {
        log_error("[proxy] error opening plugin %s: '%s'", path, dlerror());
        return NULL;
    }
    struct proxy *p = xcalloc(sizeof *p);
    p->dso = dso;
    p->api = new_api();
    p->def = guarded(def_size(), host_abi == ABI_1_9 ? STALE_BYTE : 0);
    p->def->type = 0;
    plugin_register(p, reload);
    return p;
}

const char *proxy_name(const struct proxy *p) { return p->go ? p->name : ""; }

struct proxy_context *proxy_init(struct proxy *p, const struct output_config *config)
{
    struct proxy_context *ctx = xcalloc(sizeof *ctx);
    ctx->proxy = p;
    ctx->remote = guarded(sizeof *ctx->remote, 0);
    ctx->remote->proxy = p;
    ctx->next = p->contexts;
    p->contexts = ctx;

    /* One go_plugin serves all of the sections that name this plugin: each init overwrites the one before. */
    p->go->api = p->api;
    p->go->o_ins = config;
    p->go->context = ctx->remote;
    int rc = p->go->cb_init(p->go);
    check_guards(p, ctx->remote, "FLBPluginInit");
    if (rc > 0)
        return ctx;
    log_error("[go proxy]: plugin '%s' failed to initialize", p->name);
    return NULL;
}

void proxy_pre_run(struct proxy *p, bool hot_reload)
{
    int (*pre_run)(int);
    if (host_abi != ABI_1_9 && SYMBOL(pre_run, p->dso, "FLBPluginOutputPreRun"))
        pre_run(hot_reload);
}

struct flush {
    struct proxy_context *ctx;
    const void *data;
    size_t size;
    char *tag;
    int result;
};

static void flush(void *arg)
{
    struct flush *f = arg;
    struct go_plugin *go = f->ctx->proxy->go;
    if (go->cb_flush_ctx)
        f->result = go->cb_flush_ctx(f->ctx->remote->remote_context, f->data, f->size, f->tag);
    else if (go->cb_flush)
        f->result = go->cb_flush(f->data, f->size, f->tag);
}

int proxy_flush(struct proxy_context *ctx, const void *data, size_t size, const char *tag)
{
    struct flush f = {ctx, data, size, xstrdup(tag), FLB_ERROR};
    coroutine_run(flush, &f);
    free(f.tag);
    check_guards(ctx->proxy, ctx->remote, "FLBPluginFlushCtx");
    return f.result == FLB_OK || f.result == FLB_RETRY ? f.result : FLB_ERROR;
}

static void unregister(struct proxy *p)
{
    void (*cb)(struct plugin_def *);
    if (p->go && !p->unregistered && SYMBOL(cb, p->dso, "FLBPluginUnregister")) {
        cb(p->def);
        check_guards(p, NULL, "FLBPluginUnregister");
    }
    p->unregistered = true;
}

void proxy_exit(struct proxy_context *ctx, bool reload)
{
    struct go_plugin *go = ctx->proxy->go;
    void (*pre_exit)(int);
    if (host_abi != ABI_1_9 && SYMBOL(pre_exit, ctx->proxy->dso, "FLBPluginOutputPreExit"))
        pre_exit(reload);
    /*
     * 1.9 does not pass this section's context but what go_plugin points to, the one that was initialized
     * last, then unregisters and frees the plugin. With a second section of the same plugin it uses what it
     * has freed. 1.9.10 was seen to crash there; here the same context is told to exit once more instead.
     */
    struct remote *told = ctx->remote;
    if (host_abi == ABI_1_9) {
        told = go->context;
        if (ctx->proxy->unregistered)
            log_warn("[fbhost] two sections of one plugin: Fluent Bit 1.9 uses freed memory here and may crash");
    }
    if (go->cb_exit_ctx)
        go->cb_exit_ctx(told->remote_context);
    else if (go->cb_exit)
        go->cb_exit();
    check_guards(ctx->proxy, ctx->remote, "FLBPluginExitCtx");
    if (host_abi == ABI_1_9)
        unregister(ctx->proxy);
}

void proxy_unload(struct proxy *p)
{
    unregister(p);
    for (struct proxy_context *ctx = p->contexts, *next; ctx; ctx = next) {
        next = ctx->next;
        free(ctx->remote);
        free(ctx);
    }
    if (p->go)
        free(p->go->name);
    free(p->go);
    free(p->def);
    free(p->api);
    free(p->name);
    free(p);
}
