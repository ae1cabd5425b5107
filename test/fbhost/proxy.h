/*
 * The plugin side of the host: a shared object behind Fluent Bit's proxy ABI for Go outputs
 * (src/flb_plugin_proxy.c and src/proxy/go/go.c). Every struct that a plugin sees has a guard behind it:
 * a plugin that writes past the end of this version's layout ends the process with a message.
 */
#ifndef FBHOST_PROXY_H
#define FBHOST_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

enum { FLB_ERROR = 0, FLB_OK = 1, FLB_RETRY = 2 };

struct proxy;          /* one loaded shared object, shared by its [OUTPUT] sections */
struct proxy_context;  /* one [OUTPUT] section's place for the plugin's context */

/* dlopen and FLBPluginRegister; NULL after the error has been logged. reload: a hot reload is under way. */
struct proxy *proxy_load(const char *path, bool reload);
/* Exported, as by the core. */
const char *flb_output_name(void *instance) __attribute__((visibility("default")));

const char *proxy_name(const struct proxy *p); /* as registered; "" if registration failed */

/* FLBPluginInit. config must outlive the context. NULL after the error has been logged. */
struct proxy_context *proxy_init(struct proxy *p, const struct output_config *config);

/* What the core calls once every output is initialized (4.2 and 5.1). */
void proxy_pre_run(struct proxy *p, bool hot_reload);

/*
 * FLBPluginFlushCtx (or FLBPluginFlush), on a stack of the coroutine's size; one of FLB_ERROR, FLB_OK and
 * FLB_RETRY. Call from any thread; data stays the caller's.
 */
int proxy_flush(struct proxy_context *ctx, const void *data, size_t size, const char *tag);

/* FLBPluginExitCtx (or FLBPluginExit) as the version calls it; ctx is freed with its proxy. */
void proxy_exit(struct proxy_context *ctx, bool reload);

/* FLBPluginUnregister, then frees p. The shared object stays loaded: Go cannot be unloaded. */
void proxy_unload(struct proxy *p);

#endif
