/* The text level of a classic configuration: sections of keys and values, @INCLUDE, @SET and ${VAR}. */
#ifndef FBHOST_SECTIONS_H
#define FBHOST_SECTIONS_H

struct entry {
    char *key, *value; /* value with ${VAR} replaced */
    char *file;
    int line;
    struct entry *next;
};

struct section {
    char *name;
    char *file;
    int line;
    struct entry *entries;
    struct section *next;
};

struct sections {
    struct section *first, *last;
    struct entry *sets; /* @SET variables */
};

/* Appends the file's sections. -1 after the error has been logged; call sections_free either way. */
int sections_read(struct sections *s, const char *path);
void sections_free(struct sections *s);

/* path as seen from the directory of file; the caller frees it. */
char *path_beside(const char *file, const char *path);

#endif
