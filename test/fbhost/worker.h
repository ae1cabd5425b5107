/* Flushes: a job is one chunk for one output; workers run jobs, each from its own queue, and report results. */
#ifndef FBHOST_WORKER_H
#define FBHOST_WORKER_H

#include <stdbool.h>

struct chunk;
struct output;

struct job {
    struct chunk *chunk;
    struct output *output;
    int attempts;  /* retries so far */
    double due;    /* monotonic seconds of the next one */
    int result;    /* FLB_OK, FLB_RETRY or FLB_ERROR once it has run */
    struct job *next;
};

struct results;

struct results *results_new(void);
void results_free(struct results *r);
/* Waits up to seconds for a result; NULL if there is none. The list is in the order of completion. */
struct job *results_take(struct results *r, double seconds);
void results_put(struct results *r, struct job *job);

/* Runs the job on this thread and sets its result. */
void job_run(struct job *job);

/* Starts the output's worker threads; ends the process if there can be none. */
void workers_start(struct output *out, struct results *results);
/* To the workers in turn, as the core does: a job waits for its worker even when another one is idle. */
void workers_push(struct output *out, struct job *job);
/* Waits for running flushes; returns the jobs that no worker had begun. */
struct job *workers_stop(struct output *out);

#endif
