/*
 * Where tail has read to, per file (device and inode), kept in the file that the DB option names. The format is
 * fbhost's own, text, replaced atomically; it is not Fluent Bit's SQLite and a file of another format is refused.
 */
#ifndef FBHOST_OFFSETS_H
#define FBHOST_OFFSETS_H

#include <stdbool.h>
#include <sys/types.h>

struct offsets;

/* path may be NULL: nothing is kept then. NULL after a logged error. */
struct offsets *offsets_open(const char *path);
bool offsets_get(const struct offsets *o, dev_t dev, ino_t ino, off_t *offset);
void offsets_set(struct offsets *o, dev_t dev, ino_t ino, off_t offset, const char *file);
void offsets_remove(struct offsets *o, dev_t dev, ino_t ino);
/* Writes the file if anything changed. -1 after a logged error. */
int offsets_save(struct offsets *o);
void offsets_close(struct offsets *o);

#endif
