//go:build ignore

#define _GNU_SOURCE
#include "dispatch.h"

#include <stdlib.h>
#include <sys/random.h>

#include "abi.h"
#include "buf.h"
#include "chunk.h"
#include "clock.h"
#include "engine.h"
#include "log.h"
#include "proxy.h"
#include "router.h"
#include "worker.h"

static void flush(struct engine *e, struct job *job)
{
    e->running++;
    if (job->output->config->workers > 0) {
        workers_push(job->output, job);
        return;
    }
    job_run(job);
    results_put(e->results, job);
}

void dispatch_ready(struct engine *e)
{
    struct chunk *c = e->ready;
    if (!c)
        return;
    e->ready = c->next;
    c->next = NULL;
    for (const struct output *o = e->outputs; o; o = o->next)
        c->users += router_match(o, c->tag);
    if (c->users == 0) {
        log_warn("[input chunk] no matching route for chunk %s", c->name);
        chunk_free(c, false);
        return;
    }
    for (struct output *o = e->outputs; o; o = o->next) {
        if (!router_match(o, c->tag))
            continue;
        struct job *job = xcalloc(sizeof *job);
        *job = (struct job){.chunk = c, .output = o};
        e->jobs++;
        flush(e, job);
    }
}

void dispatch_retries(struct engine *e, double now)
{
    for (struct job **at = &e->retries, *job; (job = *at);) {
        if (job->due > now) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        flush(e, job);
    }
}

void retries_now(struct engine *e)
{
    for (struct job *job = e->retries; job; job = job->next)
        job->due = 0;
}

/* Seconds to the next attempt: a whole number between base and min(cap, base * 2^n), and one more. */
static int backoff(const struct engine *e, int n)
{
    const struct service *s = &e->config->service;
    unsigned random = 0;
    int limit = s->base;
    while (n-- > 0 && limit < s->cap)
        limit = limit < s->cap - limit ? 2 * limit : s->cap;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = 0;
    return s->base + (int)(random % (unsigned)(limit - s->base + 1)) + 1;
}

static const char *input_name(const struct chunk *c) { return c->in ? c->in->name : "storage_backlog.0"; }

static void settle(struct engine *e, struct job *job)
{
    struct chunk *c = job->chunk;
    e->jobs--;
    free(job);
    if (--c->users > 0)
        return;
    if (c->in) {
        c->in->bytes -= c->size;
        c->in->chunks--;
    }
    chunk_free(c, true);
}

static void drop(struct engine *e, struct job *job)
{
    atomic_fetch_add(&job->output->dropped_records, job->chunk->records);
    e->dropped = true;
    settle(e, job);
}

static void keep_for_retry(struct engine *e, struct job *job, double seconds)
{
    job->due = monotonic() + seconds;
    job->next = e->retries;
    e->retries = job;
}

static void retry(struct engine *e, struct job *job)
{
    struct output *o = job->output;
    const struct chunk *c = job->chunk;
    int limit = o->config->retry_limit;
    if (host_abi == ABI_1_9 && e->stopping) {
        /* 1.9 forgets the answer: the task counts as running until the grace period is over. */
        e->running++;
        keep_for_retry(e, job, 1e9);
    } else if (limit == RETRY_NONE) {
        log_info("[engine] chunk '%s' is not retried (no retry config): input=%s > output=%s", c->name, input_name(c),
                 o->name);
        drop(e, job);
    } else if (limit > 0 && job->attempts >= limit) {
        atomic_fetch_add(&o->retries_failed, 1);
        log_warn("[engine] chunk '%s' cannot be retried: input=%s > output=%s", c->name, input_name(c), o->name);
        drop(e, job);
    } else {
        job->attempts++;
        int seconds = e->stopping ? 1 : backoff(e, job->attempts);
        atomic_fetch_add(&o->retries, 1);
        atomic_fetch_add(&o->retried_records, c->records);
        log_warn("[engine] failed to flush chunk '%s', retry in %d seconds: input=%s > output=%s", c->name, seconds,
                 input_name(c), o->name);
        keep_for_retry(e, job, seconds);
    }
}

static void handle(struct engine *e, struct job *job)
{
    struct output *o = job->output;
    const struct chunk *c = job->chunk;
    e->running--;
    switch (job->result) {
    case FLB_OK:
        atomic_fetch_add(&o->proc_records, c->records);
        atomic_fetch_add(&o->proc_bytes, c->size);
        if (job->attempts > 0)
            log_info("[engine] flush chunk '%s' succeeded at retry %d: input=%s > output=%s", c->name, job->attempts,
                     input_name(c), o->name);
        else if (c->backlog)
            log_info("[engine] flush backlog chunk '%s' succeeded: input=%s > output=%s", c->name, input_name(c), o->name);
        settle(e, job);
        break;
    case FLB_RETRY:
        retry(e, job);
        break;
    default:
        atomic_fetch_add(&o->errors, 1);
        log_error("[engine] chunk '%s' is dropped, the output answered ERROR: %zu records, input=%s > output=%s", c->name,
                  c->records, input_name(c), o->name);
        drop(e, job);
        break;
    }
}

void handle_results(struct engine *e, double seconds)
{
    for (struct job *job = results_take(e->results, seconds), *next; job; job = next) {
        next = job->next;
        handle(e, job);
    }
}
