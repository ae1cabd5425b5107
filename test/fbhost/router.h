/* Which outputs a tag goes to. */
#ifndef FBHOST_ROUTER_H
#define FBHOST_ROUTER_H

#include <stdbool.h>

struct engine;
struct output;

/* Compiles the output's rule. -1 after a logged error. Call router_forget in the end either way. */
int router_prepare(struct output *o, const struct engine *e);
void router_forget(struct output *o);

bool router_match(const struct output *o, const char *tag);
bool router_any(const struct engine *e, const char *tag);

#endif
