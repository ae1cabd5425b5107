//go:build ignore

#define _GNU_SOURCE
#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi.h"
#include "buf.h"
#include "engine.h"
#include "log.h"

struct http {
    const struct engine *engine;
    int fd;
    int stop[2]; /* closing the write end ends the thread */
    pthread_t thread;
};

static unsigned long long get(const atomic_ullong *n) { return atomic_load(n); }

static void metrics(const struct engine *e, struct buf *b)
{
    buf_printf(b, "{\"input\":{");
    for (const struct input *in = e->inputs; in; in = in->next)
        buf_printf(b,
                   "\"%s\":{\"records\":%llu,\"bytes\":%llu,\"files_opened\":%llu,\"files_closed\":%llu,"
                   "\"files_rotated\":%llu}%s",
                   in->config->alias ? in->config->alias : in->name, get(&in->records), get(&in->record_bytes),
                   get(&in->files.opened), get(&in->files.closed), get(&in->files.rotated), in->next ? "," : "");
    buf_printf(b, "},\"filter\":{},\"output\":{");
    for (const struct output *o = e->outputs; o; o = o->next)
        buf_printf(b,
                   "\"%s\":{\"proc_records\":%llu,\"proc_bytes\":%llu,\"errors\":%llu,\"retries\":%llu,"
                   "\"retries_failed\":%llu,\"dropped_records\":%llu,\"retried_records\":%llu}%s",
                   o->config->alias ? o->config->alias : o->name, get(&o->proc_records), get(&o->proc_bytes),
                   get(&o->errors), get(&o->retries), get(&o->retries_failed), get(&o->dropped_records),
                   get(&o->retried_records), o->next ? "," : "");
    buf_printf(b, "}}");
}

static void answer(const struct http *h, int fd)
{
    /* Enough for a request line and some headers; a slow or silent client has one second. */
    char request[4096];
    struct timeval second = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    size_t len = 0;
    for (ssize_t n; len < sizeof request - 1; len += (size_t)n) {
        request[len] = 0;
        if (strstr(request, "\r\n\r\n"))
            break;
        n = recv(fd, request + len, sizeof request - 1 - len, 0);
        if (n <= 0)
            return;
    }
    request[len] = 0;
    char *path = strchr(request, ' ');
    if (!path)
        return;
    path[1 + strcspn(path + 1, " ?\r\n")] = 0;
    path++;

    struct buf body = {0}, out = {0};
    const char *status = "200 OK", *type = "application/json";
    if (strcmp(path, "/") == 0) {
        buf_printf(&body, "{\"fluent-bit\":{\"version\":\"%s\",\"edition\":\"fbhost\",\"flags\":[]}}", abi_version());
    } else if (strcmp(path, "/api/v1/metrics") == 0) {
        metrics(h->engine, &body);
    } else if (strcmp(path, "/api/v1/health") == 0 && h->engine->config->service.health_check) {
        type = "text/plain";
        buf_printf(&body, "ok\n");
    } else {
        status = "404 Not Found";
    }
    buf_printf(&out, "HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, type,
               body.len);
    buf_put(&out, body.data, body.len);
    for (size_t sent = 0; sent < out.len;) {
        ssize_t n = send(fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    buf_free(&body);
    buf_free(&out);
}

static void *serve(void *arg)
{
    struct http *h = arg;
    struct pollfd wait[] = {{.fd = h->fd, .events = POLLIN}, {.fd = h->stop[0], .events = POLLIN}};
    while (poll(wait, 2, -1) < 0 ? errno == EINTR : !wait[1].revents) {
        int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        answer(h, fd);
        close(fd);
    }
    return NULL;
}

static int listen_on(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int rc = getaddrinfo(host, port, &hints, &found), on = 1;
    if (rc != 0) {
        log_error("[http_server] cannot listen on %s port %s: %s", host, port, gai_strerror(rc));
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 64) != 0) {
        log_error("[http_server] cannot listen on %s port %s: %s", host, port, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int bound_port(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port);
}

struct http *http_start(const struct engine *e)
{
    const struct service *s = &e->config->service;
    int fd = listen_on(s->http_listen, s->http_port);
    if (fd < 0)
        return NULL;
    struct http *h = xcalloc(sizeof *h);
    *h = (struct http){.engine = e, .fd = fd, .stop = {-1, -1}};
    if (pipe2(h->stop, O_CLOEXEC) != 0 || pthread_create(&h->thread, NULL, serve, h) != 0) {
        log_error("[http_server] cannot start: %s", strerror(errno));
        exit(1);
    }
    log_info("[http_server] listen iface=%s tcp_port=%d", s->http_listen, bound_port(fd));
    return h;
}

void http_stop(struct http *h)
{
    close(h->stop[1]);
    pthread_join(h->thread, NULL);
    close(h->stop[0]);
    close(h->fd);
    free(h);
}
