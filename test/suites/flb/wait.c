//go:build ignore

/*
 * internal/flb/flush.c by itself, for the thread sanitizer: threads flush, others print lines by them and
 * end them, as internal/flb's waiters do, and signals come in between. Each line has to be printed once,
 * in order, by the thread of its flush, before the flush returns, with the code that it was ended with.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flush.h"

enum { FLUSHERS = 6, ENDERS = 3, EACH = 1500, MOST_LINES = 5, IMMEDIATE = 1 };

struct job {
    struct flush *f;
    struct job *next;
    int posted;  /* lines */
    int printed; /* by the thread of the flush */
    int code;
    pthread_t thread;
};

int FLBPluginFlushCtx(void *ctx, void *data, size_t length, char *tag);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* the waiters' */
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct job *jobs;
static int flushers = FLUSHERS;
static _Thread_local struct job *mine;

static void fail(const char *what)
{
    printf("%s\n", what);
    fflush(stdout);
    abort();
}

void opensearchIRSAStart(struct flush *f)
{
    struct flush *next;
    for (; f != NULL; f = next) {
        struct job *j = f->ctx;
        next = f->next;
        j->f = f;
        pthread_mutex_lock(&mutex);
        if (f->tag != NULL) { /* a start that fails, after a line */
            j->posted = 1;
            flush_print(f, 0, strdup("0"));
            flush_end(f, IMMEDIATE);
        } else {
            j->next = jobs;
            jobs = j;
            pthread_cond_signal(&more);
        }
        pthread_mutex_unlock(&mutex);
    }
}

void core_print(int level, const char *text)
{
    if (mine == NULL || !pthread_equal(mine->thread, pthread_self()))
        fail("a line is printed by another thread");
    if (atoi(text) != mine->printed || level != mine->printed)
        fail("lines are out of order");
    mine->printed++;
}

static void *flush(void *arg)
{
    unsigned seed = (unsigned)(size_t)arg;
    for (int i = 0; i < EACH; i++) {
        struct job j = {.code = rand_r(&seed) % 3, .thread = pthread_self()};
        int immediate = i % 10 == 0;
        mine = &j;
        int code = FLBPluginFlushCtx(&j, NULL, 0, immediate ? "now" : NULL);
        if (code != (immediate ? IMMEDIATE : j.code))
            fail("a flush returns another code");
        if (j.printed != j.posted)
            fail("a flush returns before its lines are printed");
        mine = NULL;
    }
    pthread_mutex_lock(&mutex);
    flushers--;
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *end(void *arg)
{
    unsigned seed = 100 + (unsigned)(size_t)arg;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (jobs == NULL && flushers > 0)
            pthread_cond_wait(&more, &mutex);
        if (jobs == NULL)
            break;
        struct job *j = jobs;
        int lines = rand_r(&seed) % (MOST_LINES + 1);
        for (int i = 0; i < lines; i++) {
            char text[16];
            snprintf(text, sizeof text, "%d", j->posted);
            flush_print(j->f, j->posted++, strdup(text));
            if (rand_r(&seed) % 4 == 0) { /* others have their turn, perhaps with the same flush */
                pthread_mutex_unlock(&mutex);
                sched_yield();
                pthread_mutex_lock(&mutex);
                if (jobs != j)
                    break;
            }
        }
        if (jobs != j)
            continue;
        jobs = j->next;
        flush_end(j->f, j->code);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void interrupted(int signal) { (void)signal; }

int main(void)
{
    pthread_t flusher[FLUSHERS], ender[ENDERS];
    struct sigaction action = {.sa_handler = interrupted}; /* without SA_RESTART: sem_wait returns */
    sigaction(SIGUSR1, &action, NULL);
    for (size_t i = 0; i < FLUSHERS; i++)
        pthread_create(&flusher[i], NULL, flush, (void *)i);
    for (size_t i = 0; i < ENDERS; i++)
        pthread_create(&ender[i], NULL, end, (void *)i);
    for (int running = 1; running;) {
        pthread_mutex_lock(&mutex);
        running = flushers > 0;
        pthread_mutex_unlock(&mutex);
        for (size_t i = 0; running && i < FLUSHERS; i++)
            pthread_kill(flusher[i], SIGUSR1);
        sched_yield();
    }
    for (size_t i = 0; i < FLUSHERS; i++)
        pthread_join(flusher[i], NULL);
    for (size_t i = 0; i < ENDERS; i++)
        pthread_join(ender[i], NULL);
    printf("%d flushes\n", FLUSHERS * EACH);
    return 0;
}
