/* The agent's monitoring endpoints: /, /api/v1/health and /api/v1/metrics, one request after another. */
#ifndef FBHOST_HTTP_H
#define FBHOST_HTTP_H

struct engine;
struct http;

/* NULL after a logged error. The engine must outlive the server. */
struct http *http_start(const struct engine *e);
void http_stop(struct http *h);

#endif
