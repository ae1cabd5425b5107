//go:build ignore

#define _GNU_SOURCE
#include "worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "chunk.h"
#include "engine.h"
#include "log.h"
#include "proxy.h"

struct results {
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct job *first, **end;
};

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct job *queue;
    bool quit;
    struct results *results;
};

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

struct results *results_new(void)
{
    struct results *r = xcalloc(sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    init_cond(&r->some);
    r->end = &r->first;
    return r;
}

void results_free(struct results *r)
{
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->some);
    free(r);
}

void results_put(struct results *r, struct job *job)
{
    pthread_mutex_lock(&r->lock);
    job->next = NULL;
    *r->end = job;
    r->end = &job->next;
    pthread_cond_signal(&r->some);
    pthread_mutex_unlock(&r->lock);
}

struct job *results_take(struct results *r, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(seconds * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&r->lock);
    if (!r->first && seconds > 0)
        pthread_cond_timedwait(&r->some, &r->lock, &until);
    struct job *all = r->first;
    r->first = NULL;
    r->end = &r->first;
    pthread_mutex_unlock(&r->lock);
    return all;
}

void job_run(struct job *job)
{
    struct buf own = {0};
    const char *data;
    if (chunk_read(job->chunk, &own, &data) == 0)
        job->result = proxy_flush(job->output->context, data, job->chunk->size, job->chunk->tag);
    else
        job->result = FLB_RETRY; /* the core also spends an attempt on a chunk that it cannot read */
    buf_free(&own);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->quit) {
        struct job *job = w->queue;
        if (!job) {
            pthread_cond_wait(&w->some, &w->lock);
            continue;
        }
        w->queue = job->next;
        pthread_mutex_unlock(&w->lock);
        job_run(job);
        results_put(w->results, job);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

void workers_start(struct output *out, struct results *results)
{
    int n = out->config->workers;
    out->workers = xcalloc((size_t)n * sizeof *out->workers);
    for (int i = 0; i < n; i++) {
        struct worker *w = &out->workers[i];
        w->results = results;
        pthread_mutex_init(&w->lock, NULL);
        init_cond(&w->some);
        int rc = pthread_create(&w->thread, NULL, work, w);
        if (rc != 0) {
            log_error("[output] could not start worker %d of '%s': %s", i, out->name, strerror(rc));
            exit(1);
        }
        log_info("[output:%s:%s] worker #%d started", out->config->name, out->name, i);
    }
}

void workers_push(struct output *out, struct job *job)
{
    struct worker *w = &out->workers[out->next_worker++ % (unsigned)out->config->workers];
    pthread_mutex_lock(&w->lock);
    struct job **end = &w->queue;
    while (*end)
        end = &(*end)->next;
    job->next = NULL;
    *end = job;
    pthread_cond_signal(&w->some);
    pthread_mutex_unlock(&w->lock);
}

struct job *workers_stop(struct output *out)
{
    struct job *left = NULL, **end = &left;
    for (int i = 0; out->workers && i < out->config->workers; i++) {
        struct worker *w = &out->workers[i];
        pthread_mutex_lock(&w->lock);
        w->quit = true;
        pthread_cond_signal(&w->some);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
        for (*end = w->queue; *end; end = &(*end)->next)
            ;
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->some);
        log_info("[output:%s:%s] worker #%d stopped", out->config->name, out->name, i);
    }
    free(out->workers);
    out->workers = NULL;
    return left;
}
