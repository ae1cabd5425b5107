/* storage.path: a directory with one directory of chunk files per input. */
#ifndef FBHOST_STORAGE_H
#define FBHOST_STORAGE_H

struct chunk;

/* Creates the directory if it is missing. -1 after a logged error. */
int storage_prepare(const char *path);

/* Every chunk that is there, oldest first. path may be NULL: there are none then. */
struct chunk *storage_backlog(const char *path);

#endif
