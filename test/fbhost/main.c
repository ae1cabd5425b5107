//go:build ignore

/* fbhost: Fluent Bit's plugin ABI for machines without Fluent Bit. See --help. */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "buf.h"
#include "config.h"
#include "engine.h"
#include "log.h"

enum abi host_abi = ABI_5_1;

static const char *const versions[] = {"1.9.10", "4.2.8", "5.1.1"};

const char *abi_version(void) { return versions[host_abi]; }

struct options {
    const char *file;
    struct property *plugins;
    size_t chunk_size;
    bool once;
};

static const char help[] =
    "fbhost is a stand-in for Fluent Bit, not Fluent Bit: it loads Go output plugins through the same ABI, tails\n"
    "files, packs chunks as Fluent Bit packs them, and flushes, retries and stores them as it does. It runs no\n"
    "filters: records pass the [FILTER] sections of a configuration as they are, which is said at the start.\n"
    "\n"
    "  fbhost -c FILE [-e PLUGIN.so]... [--abi 1.9|4.2|5.1] [--once] [--flush-size BYTES]\n"
    "  fbhost --version\n"
    "\n"
    "  -c FILE             configuration in the classic format; keys that fbhost does not know are errors\n"
    "  -e PLUGIN.so        plugin to load, besides those of Plugins_File\n"
    "  --abi VERSION       whose struct layouts, encodings and quirks: 1.9 (1.9.10), 4.2 (4.2.8), 5.1 (5.1.1, default)\n"
    "  --once              read what there is, wait until every chunk is settled, stop; exit code 2 if one was dropped\n"
    "  --flush-size BYTES  size at which a chunk is full (default 2000000)\n"
    "\n"
    "SIGTERM and SIGINT stop it within Grace seconds; SIGHUP reloads the configuration where Hot_Reload is On.\n";

static int usage(const char *problem)
{
    fprintf(stderr, "fbhost: %s; see --help\n", problem);
    return 1;
}

static void add_plugin(struct options *o, char *path)
{
    struct property **end = &o->plugins;
    while (*end)
        end = &(*end)->next;
    *end = xcalloc(sizeof **end);
    (*end)->value = path;
}

/* -1 to go on, otherwise the exit code. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'}, {"abi", required_argument, NULL, 'a'},
                                          {"once", no_argument, NULL, 'o'},         {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"flush-size", required_argument, NULL, 'f'}, {0}};
    for (int c; (c = getopt_long(argc, argv, "c:e:h", known, NULL)) != -1;) {
        char *end;
        switch (c) {
        case 'c':
            o->file = optarg;
            break;
        case 'e':
            add_plugin(o, optarg);
            break;
        case 'o':
            o->once = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'v':
            puts("fbhost, a stand-in for Fluent Bit (not Fluent Bit)");
            return 0;
        case 'a':
            for (host_abi = ABI_1_9; host_abi <= ABI_5_1 && strncmp(versions[host_abi], optarg, 3) != 0; host_abi++)
                ;
            if (host_abi > ABI_5_1 || strlen(optarg) != 3)
                return usage("--abi must be 1.9, 4.2 or 5.1");
            break;
        case 'f':
            o->chunk_size = strtoul(optarg, &end, 10);
            if (*end || o->chunk_size == 0)
                return usage("--flush-size must be a number of bytes");
            break;
        default:
            return usage("unknown option");
        }
    }
    if (!o->file || optind != argc)
        return usage("-c FILE is needed, and nothing besides options");
    return -1;
}

/* What can go wrong goes wrong before the old engine stops; what fails after that ends the process, as in the core. */
static int reload(const struct options *o, struct config **c, struct engine **e)
{
    int level = log_level;
    log_info("reloading instance pid=%d", (int)getpid());
    struct config *config = config_load(o->file);
    struct engine *engine = config ? engine_new(config, o->plugins, o->chunk_size, true) : NULL;
    if (!engine) {
        if (config)
            config_free(config);
        log_level = level;
        log_error("[reload] reloaded config is invalid. Reloading is halted");
        return 0;
    }
    log_info("[reload] stop everything of the old context");
    engine_stop(*e, true);
    engine_free(*e);
    config_free(*c);
    *c = config;
    *e = engine;
    log_info("[reload] start everything");
    if (engine_start(engine) != 0) {
        log_error("[reload] loaded configuration contains error(s). Reloading is aborted");
        return -1;
    }
    log_info("[reload] successful reload done.");
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.chunk_size = 2000000};
    int code = read_options(argc, argv, &o);
    if (code >= 0)
        return code;

    /* Blocked everywhere, so that the engine takes them between two steps. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);

    log_info("[fbhost] a stand-in for Fluent Bit, not Fluent Bit: version=%s, pid=%d", abi_version(), (int)getpid());
    struct config *c = config_load(o.file);
    struct engine *e = c ? engine_new(c, o.plugins, o.chunk_size, false) : NULL;
    if (!e || engine_start(e) != 0) {
        log_error("[fbhost] cannot start");
        return 1;
    }
    enum engine_end end;
    while ((end = engine_run(e, o.once)) == ENGINE_RELOAD)
        if (reload(&o, &c, &e) != 0)
            return 1;
    bool dropped = engine_stop(e, false);
    engine_free(e);
    config_free(c);
    while (o.plugins) {
        struct property *next = o.plugins->next;
        free(o.plugins);
        o.plugins = next;
    }
    return end == ENGINE_DONE && dropped ? 2 : 0;
}
