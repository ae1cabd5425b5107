/*
 * The core: inputs' records into chunks, chunks to every output that matches, retries, shutdown. One thread (the
 * caller's) runs everything except flushes of outputs with Workers.
 */
#ifndef FBHOST_ENGINE_H
#define FBHOST_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "tail.h"

struct chunk;

struct input {
    const struct input_config *config;
    struct engine *engine;
    char *name;             /* tail.0 */
    char *dir;              /* where its chunks are; NULL for memory */
    struct tail *tail;
    struct tail_stats files;
    struct chunk *open;     /* growing, one per tag */
    size_t bytes, chunks;   /* not settled yet */
    bool paused;            /* for the log only */
    atomic_ullong records, record_bytes;
    struct input *next;
};

struct output {
    const struct output_config *config;
    const char *name;       /* opensearch_irsa.0 */
    struct proxy *proxy;
    struct proxy_context *context;
    void *match_regex;
    bool match_all;         /* the only output, with the only input, and no rule */
    struct worker *workers;
    unsigned next_worker;
    atomic_ullong proc_records, proc_bytes, errors, retries, retries_failed, dropped_records, retried_records;
    struct output *next;
};

struct engine {
    const struct config *config;
    size_t chunk_size;
    struct input *inputs;
    struct output *outputs;
    struct loaded *loaded;   /* plugins */
    struct http *http;
    struct chunk *ready;     /* full or due: to be dispatched */
    struct job *retries;     /* waiting for their time */
    size_t jobs;             /* handed to an output and not settled */
    size_t running;          /* of those, not waiting for a retry */
    bool stopping, dropped;
    struct results *results; /* from workers */
};

enum engine_end { ENGINE_STOP, ENGINE_RELOAD, ENGINE_DONE };

/*
 * Loads and registers the plugins (first extra, a list whose values are paths) and binds the outputs to them; runs
 * nothing. NULL after a logged error. chunk_size: bytes at which a chunk is full.
 */
struct engine *engine_new(const struct config *c, const struct property *extra, size_t chunk_size, bool reload);

/* Opens the inputs, initializes the outputs, starts workers and replays the backlog. -1 after a logged error. */
int engine_start(struct engine *e);

/* Runs until a signal asks to stop or reload, or, with once, until everything there was is settled. */
enum engine_end engine_run(struct engine *e, bool once);

/* Stops tailing, waits up to Grace for what is under way, calls the exit callbacks. True if a chunk was dropped. */
bool engine_stop(struct engine *e, bool reload);

void engine_free(struct engine *e);

/* For inputs: takes records of one tag. -1 if they could not be stored. */
int engine_append(struct input *in, const char *tag, const char *data, size_t len, size_t n);

#endif
