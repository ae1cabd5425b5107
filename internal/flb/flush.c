#include "flush.h"

#include <stdlib.h>
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

// FLBPluginFlushCtx delivers a chunk. The core owns data and tag, and takes them back when the call
// returns. It waits here and not in Go: a thread that waits in a Go function is handed from one
// scheduler to the other four times, which costs more than twenty lines do; and on the core's
// coroutine stack, 24 KiB in 1.9, Go does no more than start.
int FLBPluginFlushCtx(void *ctx, void *data, size_t length, char *tag)
{
    struct flush f = {.lines = NULL};
    int code, waits = 0;

    if (sem_init(&f.wake, 0, 0) != 0) {
        return 2; // FLB_RETRY
    }
    code = opensearchIRSAStart(ctx, data, length, tag, &f);
    if (code < 0) { // it has begun
        do {
            if (sem_wait(&f.wake) == 0) { // else a signal came
                waits++;
            }
            print_lines(&f);
        } while (!atomic_load(&f.ended) || waits < f.posts); // the last post must be over when f goes
        code = f.code;
    }
    print_lines(&f); // of a start that failed
    sem_destroy(&f.wake);
    return code;
}
