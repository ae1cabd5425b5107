#include "flush.h"

#include <stdlib.h>
#include <time.h>
#include "_cgo_export.h"

void flush_print(struct flush *f, int level, char *text)
{
    struct flush_line *line = malloc(sizeof(*line));
    if (line == NULL) {
        free(text);
        return;
    }
    line->level = level;
    line->text = text;
    line->next = atomic_load(&f->lines);
    while (!atomic_compare_exchange_weak(&f->lines, &line->next, line)) {
    }
    f->posts++;
    sem_post(&f->wake);
}

void flush_end(struct flush *f, int code)
{
    f->code = code;
    f->posts++;
    atomic_store(&f->ended, 1);
    sem_post(&f->wake);
}

// print_lines prints what has come since it was called last, in the order in which it came.
static void print_lines(struct flush *f)
{
    struct flush_line *line = atomic_exchange(&f->lines, NULL), *first = NULL, *next;
    for (; line != NULL; line = next) {
        next = line->next;
        line->next = first;
        first = line;
    }
    for (; first != NULL; first = next) {
        next = first->next;
        core_print(first->level, first->text);
        free(first->text);
        free(first);
    }
}

// The core hands chunks to its workers' threads one after the other. Each call into Go wakes a scheduler
// that is about to sleep again, which costs more than twenty lines do; so what comes within a millisecond
// goes in one call. Nothing waits without Workers, where one flush is under way at a time.
static const struct timespec gather = {.tv_nsec = 1000000};
static _Atomic(struct flush *) arrived; // the latest first
static atomic_int under_way;
static atomic_int side_by_side; // two were under way at once

static void begin(struct flush *f)
{
    struct flush *before, *all, *next, *first = NULL;

    if (atomic_fetch_add(&under_way, 1) > 0) {
        atomic_store(&side_by_side, 1);
    }
    before = atomic_load(&arrived);
    do {
        f->next = before;
    } while (!atomic_compare_exchange_weak(&arrived, &before, f));
    if (before != NULL) {
        return; // whoever came first begins this one too
    }
    if (atomic_load(&side_by_side)) {
        nanosleep(&gather, NULL);
    }
    for (all = atomic_exchange(&arrived, NULL); all != NULL; all = next) {
        next = all->next;
        all->next = first;
        first = all;
    }
    opensearchIRSAStart(first);
}

// FLBPluginFlushCtx delivers a chunk. The core owns data and tag, and takes them back when the call
// returns. It waits here and not in Go: a thread that waits in a Go function is handed from one
// scheduler to the other four times; and on the core's coroutine stack, 24 KiB in 1.9, Go does no more
// than start.
int FLBPluginFlushCtx(void *ctx, void *data, size_t length, char *tag)
{
    struct flush f = {.ctx = ctx, .data = data, .length = length, .tag = tag};
    int waits = 0;

    if (sem_init(&f.wake, 0, 0) != 0) {
        return 2; // FLB_RETRY
    }
    begin(&f);
    do {
        if (sem_wait(&f.wake) == 0) { // else a signal came
            waits++;
        }
        print_lines(&f);
    } while (!atomic_load(&f.ended) || waits < f.posts); // the last post must be over when f goes
    atomic_fetch_sub(&under_way, 1);
    sem_destroy(&f.wake);
    return f.code;
}
