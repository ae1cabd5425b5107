// A flush is one call of FLBPluginFlushCtx: a thread of the core's that waits until its chunk is settled.
#ifndef OPENSEARCH_IRSA_FLUSH_H
#define OPENSEARCH_IRSA_FLUSH_H

#include <semaphore.h>
#include <stdatomic.h>

// Ours alone: the core may have functions of the same names.
#define INTERNAL __attribute__((visibility("hidden")))

struct flush_line {
    struct flush_line *next;
    int level;
    char *text;
};

struct flush {
    void *ctx, *data; // what the core called with
    size_t length;
    char *tag;
    struct flush *next; // that begins together with this one
    sem_t wake; // posted for each line, and then for the end
    _Atomic(struct flush_line *) lines; // to print, the latest first
    int posts; // how often wake was posted, or is about to be
    int code; // what the core gets
    atomic_int ended; // posts and code are what they will be
};

// flush_print has the waiting thread print a line. text is its to free. One thread calls this or
// flush_end at a time.
INTERNAL void flush_print(struct flush *f, int level, char *text);

// flush_end ends the wait. f is gone when it returns.
INTERNAL void flush_end(struct flush *f, int code);

// core_print prints a line by the core's logger, on a thread of the core's, or by stderr if there is no
// such logger.
INTERNAL void core_print(int level, const char *text);

#endif
