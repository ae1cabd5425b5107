/* The core's log, as lines on stderr. flb_log_print is exported: plugins find it by dlsym. */
#ifndef FBHOST_LOG_H
#define FBHOST_LOG_H

enum { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* Lines above this level are left out; set from [SERVICE] Log_Level. */
extern int log_level;

/* "off", "error", "warn", "warning", "info", "debug" or "trace"; -1 for any other name. */
int log_level_of(const char *name);

/* Same name and arguments as the core's in 1.9, 4.2 and 5.1 (it returns void in all of them). */
void flb_log_print(int level, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), visibility("default")));

/* How a plugin learns the service's level: that of the calling thread's worker. */
void *flb_worker_get(void) __attribute__((visibility("default")));
int flb_worker_log_level(void *worker) __attribute__((visibility("default")));

#define log_at(level, ...)                               \
    do {                                                 \
        if (log_level >= (level))                        \
            flb_log_print(level, NULL, 0, __VA_ARGS__);  \
    } while (0)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
