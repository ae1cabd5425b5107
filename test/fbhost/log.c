//go:build ignore

#define _GNU_SOURCE
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

int log_level = LOG_INFO;

static const char *const names[] = {"off", "error", "warn", "info", "debug", "trace"};

int log_level_of(const char *name)
{
    if (strcasecmp(name, "warning") == 0)
        return LOG_WARN;
    for (int i = 0; i <= LOG_TRACE; i++)
        if (strcasecmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* Any thread here is as good as a worker of the core's: what counts is that a plugin finds the level through it. */
void *flb_worker_get(void)
{
    return &log_level;
}

int flb_worker_log_level(void *worker)
{
    return *(const int *)worker;
}

/* As in the core, the level is the caller's to look at: see the macros. */
void flb_log_print(int level, const char *file, int line, const char *fmt, ...)
{
    (void)file;
    (void)line;

    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);

    /* The core cuts a line at 4 KiB, header and newline included. */
    char text[4096 - sizeof(size_t)];
    char fraction[8] = "";
    if (host_abi != ABI_1_9)
        snprintf(fraction, sizeof fraction, ".%03d", (int)(now.tv_nsec / 1000000));
    int len = snprintf(text, sizeof text, "[%i/%02i/%02i %02i:%02i:%02i%s] [%5s] ", tm.tm_year + 1900, tm.tm_mon + 1,
                       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction,
                       level >= 0 && level <= LOG_TRACE ? names[level] : "help");
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + len, sizeof text - 1 - (size_t)len, fmt, args);
    va_end(args);
    size_t size = strlen(text);
    text[size++] = '\n';
    ssize_t n = write(STDERR_FILENO, text, size);
    (void)n; /* there is nowhere else to say it */
}
