/*
 * An output plugin for fbhost's tests: what it is called with goes to files.
 *
 * Options: Out FILE (every flush: tag length, tag, size, bytes; lengths are 32 bits, little endian), Events FILE
 * (a line for every other call), Label TEXT (in those lines), Retry_First N (answer RETRY to the first N flushes),
 * Answer error, Init_Result N, Stack N (use N bytes of stack in a flush), Wait_For FILE (a flush returns only once
 * FILE exists). RECORDER_OVERRUN=1 in the environment makes it write event_type and config_map, as newer SDKs do.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

struct def {
    int type, proxy, flags;
    char *name, *description;
    int event_type;
    void *config_map;
};

struct api {
    const char *(*get)(const char *key, void *instance);
};

struct context {
    void *remote_context;
};

struct plugin {
    char *name;
    struct api *api;
    void *instance;
    struct context *context;
};

struct recorder {
    FILE *out;
    char events[512], label[64], wait[512];
    int retry_first, stack;
    int answer;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void event(const char *file, const char *what, const char *label)
{
    FILE *f = file && *file ? fopen(file, "a") : NULL;
    if (!f)
        return;
    fprintf(f, "%s%s%s\n", what, *label ? " " : "", label);
    fclose(f);
}

int FLBPluginRegister(struct def *def)
{
    def->type = 2;
    def->proxy = 11;
    def->flags = 0;
    def->name = strdup("recorder");
    def->description = strdup("records what it is given");
    if (getenv("RECORDER_OVERRUN")) {
        def->event_type = 0;
        def->config_map = NULL;
    }
    event(getenv("RECORDER_EVENTS"), "register", "");
    return 0;
}

void FLBPluginUnregister(struct def *def)
{
    free(def->name);
    free(def->description);
    event(getenv("RECORDER_EVENTS"), "unregister", "");
}

int FLBPluginInit(struct plugin *p)
{
    const char *v;
    struct recorder *r = calloc(1, sizeof *r);
    if ((v = p->api->get("OUT", p->instance)))
        r->out = fopen(v, "ab");
    if ((v = p->api->get("events", p->instance)))
        snprintf(r->events, sizeof r->events, "%s", v);
    if ((v = p->api->get("label", p->instance)))
        snprintf(r->label, sizeof r->label, "%s", v);
    if ((v = p->api->get("wait_for", p->instance)))
        snprintf(r->wait, sizeof r->wait, "%s", v);
    r->retry_first = (v = p->api->get("retry_first", p->instance)) ? atoi(v) : 0;
    r->stack = (v = p->api->get("stack", p->instance)) ? atoi(v) : 0;
    r->answer = (v = p->api->get("answer", p->instance)) && strcasecmp(v, "error") == 0 ? 0 : 1;
    p->context->remote_context = r;
    char seen[128];
    snprintf(seen, sizeof seen, "init match=%d host=%d", p->api->get("Match", p->instance) != NULL,
             p->api->get("Host", p->instance) != NULL);
    event(r->events, seen, r->label);
    return (v = p->api->get("init_result", p->instance)) ? atoi(v) : 1;
}

int FLBPluginFlushCtx(void *context, const void *data, size_t size, char *tag)
{
    struct recorder *r = context;
    if (r->stack) {
        volatile char *p = alloca((size_t)r->stack);
        for (int i = r->stack - 1; i >= 0; i -= 64)
            p[i] = 1;
    }
    while (*r->wait && access(r->wait, F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    pthread_mutex_lock(&lock);
    int answer = r->retry_first > 0 ? 2 : r->answer;
    r->retry_first -= r->retry_first > 0;
    if (r->out) {
        uint32_t n = (uint32_t)strlen(tag), m = (uint32_t)size;
        fwrite(&n, 4, 1, r->out);
        fwrite(tag, n, 1, r->out);
        fwrite(&m, 4, 1, r->out);
        fwrite(data, size, 1, r->out);
        fflush(r->out);
    }
    event(r->events, answer == 1 ? "flush ok" : answer == 2 ? "flush retry" : "flush error", r->label);
    pthread_mutex_unlock(&lock);
    return answer;
}

int FLBPluginExitCtx(void *context)
{
    struct recorder *r = context;
    event(r->events, "exit", r->label);
    if (r->out)
        fclose(r->out);
    r->out = NULL; /* 1.9 may call this twice; what it points to is left to the process's end for that reason */
    return 0;
}
