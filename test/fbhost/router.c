//go:build ignore

#define _GNU_SOURCE
#include "router.h"

#include <regex.h>
#include <stdlib.h>

#include "buf.h"
#include "engine.h"
#include "log.h"

/* The core's patterns have one special character: *, which stands for any number of characters. */
static bool wildcard(const char *tag, const char *pattern)
{
    for (; *pattern && *pattern != '*'; pattern++, tag++)
        if (*pattern != *tag)
            return false;
    if (!*pattern)
        return !*tag;
    for (;; tag++) {
        if (wildcard(tag, pattern + 1))
            return true;
        if (!*tag)
            return false;
    }
}

int router_prepare(struct output *o, const struct engine *e)
{
    const struct output_config *c = o->config;
    if (c->match_regex) {
        regex_t *regex = xcalloc(sizeof *regex);
        if (regcomp(regex, c->match_regex, REG_EXTENDED | REG_NOSUB) != 0) {
            log_error("[config] cannot compile Match_Regex %s of output %s", c->match_regex, o->name);
            free(regex);
            return -1;
        }
        o->match_regex = regex;
    } else if (!c->match) {
        /* One input and one output belong together without a rule. */
        const struct config *all = e->config;
        o->match_all = all->inputs && !all->inputs->next && !all->outputs->next;
        if (!o->match_all)
            log_warn("[router] NO match rule for %s output instance, unloading.", o->name);
    }
    return 0;
}

void router_forget(struct output *o)
{
    if (o->match_regex)
        regfree(o->match_regex);
    free(o->match_regex);
}

bool router_match(const struct output *o, const char *tag)
{
    return o->match_all || (o->config->match && wildcard(tag, o->config->match)) ||
           (o->match_regex && regexec(o->match_regex, tag, 0, NULL, 0) == 0);
}

bool router_any(const struct engine *e, const char *tag)
{
    for (const struct output *o = e->outputs; o; o = o->next)
        if (router_match(o, tag))
            return true;
    return false;
}
