//go:build ignore

/*
 * The core's side of the plugin's C functions, for what no core does on purpose: it runs the commands in
 * its arguments, one after the other, and prints what each returned and each line that was logged.
 *
 *   init N         FLBPluginInit; its context is number N from then on
 *   flush N        FLBPluginFlushCtx with one record, on a thread of its own
 *   flushes N      eight of them at once; prints how many returned FLB_OK
 *   null N         a flush of ten bytes at NULL
 *   exit N         FLBPluginExitCtx
 *
 * CORE_LEVEL and CORE_NAME in the environment are the service's Log_Level and the section's Alias. Built
 * with BARE it has none of the functions that the plugin looks up in a core.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plugin_def { /* struct flb_plugin_proxy_def of 5.1 */
    int type, proxy, flags;
    char *name, *description;
    int event_type;
    void *config_map;
};

struct go_plugin { /* struct flbgo_output_plugin */
    char *name;
    void **api; /* struct flb_api: the first function is for properties */
    void *instance;
    void **context; /* struct flb_plugin_proxy_context: the first field is the plugin's */
    void *callbacks[5];
};

enum { CONTEXTS = 10, AT_ONCE = 8 };

static void *contexts[CONTEXTS];
static int (*flush_ctx)(void *, void *, size_t, char *);
static _Thread_local int of_the_core;
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

#ifndef BARE
/* What the plugin looks up in the process. */
void *flb_worker_get(void)
{
    return of_the_core && getenv("CORE_LEVEL") != NULL ? &of_the_core : NULL;
}

int flb_worker_log_level(void *worker)
{
    (void)worker;
    return atoi(getenv("CORE_LEVEL"));
}

const char *flb_output_name(void *instance)
{
    return *(const char **)instance;
}

void flb_log_print(int level, const char *file, int line, const char *format, ...)
{
    va_list args;
    (void)file;
    (void)line;
    pthread_mutex_lock(&printing);
    printf("log %d %s ", level, of_the_core ? "core" : "foreign");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    pthread_mutex_unlock(&printing);
}
#endif

static const char *property(const char *key, void *instance)
{
    char name[64];
    (void)instance;
    snprintf(name, sizeof name, "OPTION_%s", key);
    return getenv(name);
}

static void *look_up(void *so, const char *name)
{
    void *f = dlsym(so, name);
    if (f == NULL) {
        printf("%s\n", dlerror());
        exit(1);
    }
    return f;
}

/* [[time, {}], {"log": "hi"}] */
static unsigned char record[] = {0x92, 0x92, 0xd7, 0, 0x69, 0x4a, 0x11, 0x22, 0, 0, 0, 7, 0x80, 0x81, 0xa3, 'l', 'o', 'g', 0xa2, 'h', 'i'};

static void *flush(void *ctx)
{
    of_the_core = 1;
    return (void *)(long)flush_ctx(ctx, record, sizeof record, "tag");
}

static void *flush_null(void *ctx)
{
    of_the_core = 1;
    return (void *)(long)flush_ctx(ctx, NULL, 10, "tag");
}

static long on_a_thread(void *(*f)(void *), void *ctx)
{
    pthread_t thread;
    void *code;
    pthread_create(&thread, NULL, f, ctx);
    pthread_join(thread, &code);
    return (long)code;
}

static long flushes(void *ctx)
{
    pthread_t threads[AT_ONCE];
    long ok = 0;
    for (int i = 0; i < AT_ONCE; i++)
        pthread_create(&threads[i], NULL, flush, ctx);
    for (int i = 0; i < AT_ONCE; i++) {
        void *code;
        pthread_join(threads[i], &code);
        ok += (long)code == 1;
    }
    return ok;
}

int main(int argc, char **argv)
{
    struct plugin_def def = {0};
    void *api[] = {(void *)property};
    void *so;

    setvbuf(stdout, NULL, _IOLBF, 0);
    of_the_core = 1;
    if (argc < 2 || (so = dlopen(argv[1], RTLD_LAZY)) == NULL) {
        printf("%s\n", argc < 2 ? "no plugin" : dlerror());
        return 1;
    }
    flush_ctx = (int (*)(void *, void *, size_t, char *))look_up(so, "FLBPluginFlushCtx");
    int (*init)(void *) = (int (*)(void *))look_up(so, "FLBPluginInit");
    int (*exit_ctx)(void *) = (int (*)(void *))look_up(so, "FLBPluginExitCtx");
    int code = ((int (*)(void *))look_up(so, "FLBPluginRegister"))(&def);
    printf("register %d %s\n", code, def.name);
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *command = argv[i];
        int n = atoi(argv[i + 1]) % CONTEXTS;
        long result = -1;
        if (strcmp(command, "init") == 0) {
            const char *name = getenv("CORE_NAME"); /* the instance's only field here */
            if (name == NULL)
                name = def.name;
            struct go_plugin plugin = {.name = def.name, .api = api, .instance = &name, .context = &contexts[n]};
            result = init(&plugin);
        } else if (strcmp(command, "flush") == 0) {
            result = on_a_thread(flush, contexts[n]);
        } else if (strcmp(command, "flushes") == 0) {
            result = flushes(contexts[n]);
        } else if (strcmp(command, "null") == 0) {
            result = on_a_thread(flush_null, contexts[n]);
        } else if (strcmp(command, "exit") == 0) {
            result = exit_ctx(contexts[n]);
        }
        pthread_mutex_lock(&printing);
        printf("%s %d: %ld\n", command, n, result);
        pthread_mutex_unlock(&printing);
    }
    return 0;
}
