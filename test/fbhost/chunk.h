/*
 * Chunks: records of one tag back to back, in memory or in a file. A file holds the tag and then batches,
 * each with its length, record count and checksum, so that what a crash tore off is found and cut.
 */
#ifndef FBHOST_CHUNK_H
#define FBHOST_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct input;

struct chunk {
    char *tag;
    char *name;         /* as it appears in the log */
    struct input *in;   /* NULL if a backlog chunk's input is not configured any more */
    char *path;         /* NULL for a chunk in memory */
    int fd;             /* -1 once sealed */
    struct buf data;    /* the records, when in memory */
    size_t size;        /* bytes of records */
    size_t records;
    bool backlog;       /* found on disk at start */
    int users;          /* outputs that have not settled it */
    struct chunk *next;
};

/* dir is NULL for memory; otherwise a directory that is created when missing. NULL after a logged error. */
struct chunk *chunk_new(const char *tag, const char *dir);

/* -1 after a logged error; the chunk is then as it was before. */
int chunk_append(struct chunk *c, const char *data, size_t len, size_t records);

/* No append may follow. */
void chunk_seal(struct chunk *c);

/* Sealed chunk from its file, cut back to its last whole batch. NULL after a logged error or if nothing is left. */
struct chunk *chunk_load(const char *path);

/* Sets *data to the records: the chunk's own memory, or *own filled from the file. -1 after a logged error. */
int chunk_read(const struct chunk *c, struct buf *own, const char **data);

/* Frees c; its file is deleted too if it is settled. */
void chunk_free(struct chunk *c, bool settled);

#endif
