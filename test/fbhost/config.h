/*
 * Fluent Bit's classic configuration format, as far as fbhost knows it.
 * In: a file. Out: a checked struct config, or an error line that names file, line, key and section.
 */
#ifndef FBHOST_CONFIG_H
#define FBHOST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct property {
    char *key;
    char *value; /* NULL when the expanded value is empty */
    struct property *next;
};

struct service {
    double flush;         /* Flush: seconds between flushes, default 1 */
    int grace;            /* Grace: seconds to wait at shutdown, default 5; -1 waits for ever */
    bool http;            /* HTTP_Server */
    char *http_listen;    /* HTTP_Listen, default 0.0.0.0 */
    char *http_port;      /* HTTP_Port, default 2020 */
    bool health_check;    /* Health_Check: /api/v1/health answers only then, as in the core */
    bool hot_reload;      /* Hot_Reload */
    bool reload_waits;    /* Hot_Reload.Ensure_Thread_Safety: a reload waits for every chunk, default on */
    int base, cap;        /* scheduler.base and scheduler.cap: seconds, defaults 5 and 2000 */
    char *storage_path;   /* storage.path */
    size_t max_chunks_up; /* storage.max_chunks_up, default 128 */
};

enum parser { PARSER_NONE, PARSER_CRI, PARSER_JSON, PARSER_MULTILINE_CRI };

struct input_config {
    char *alias, *tag;
    char **paths, **exclude; /* NULL-terminated globs */
    enum parser parser;
    char *cri_keys[4];       /* names that Parser cri gives to the parts of a line */
    bool cri_time_keep;
    char *db;                /* NULL: offsets are not kept */
    size_t mem_limit;        /* Mem_Buf_Limit in bytes, 0 for none */
    bool filesystem;         /* storage.type filesystem */
    bool pause_overlimit;    /* storage.pause_on_chunks_overlimit */
    bool skip_long, skip_empty, from_head;
    size_t max_line;         /* Buffer_Max_Size in bytes, default 32000 */
    double refresh, rotate_wait; /* seconds, defaults 60 and 5 */
    char *path_key, *offset_key;
    struct input_config *next;
};

enum { RETRY_UNLIMITED = -1, RETRY_NONE = 0 };

struct output_config {
    char *name, *alias, *match, *match_regex;
    char *id;        /* opensearch_irsa.0 */
    int log_level;   /* -1: the service's */
    int workers;     /* 0: flushes run on the engine's thread */
    int retry_limit; /* attempts after the first, RETRY_NONE or RETRY_UNLIMITED */
    struct property *properties; /* what the plugin may ask for */
    struct output_config *next;
};

struct config {
    struct service service;
    struct input_config *inputs;
    struct output_config *outputs;
    struct property *plugins;  /* values are paths of shared objects */
    char *cri_keys[4];         /* each input has a copy: the parser may come after it */
    bool cri_time_keep;
    void *memory; /* everything above that was allocated */
};

/* NULL after the error has been logged. Free with config_free. */
struct config *config_load(const char *path);
void config_free(struct config *c);

#endif
