/* Runs a function on a stack as small as a Fluent Bit coroutine's, with a guard page below it. */
#ifndef FBHOST_COROUTINE_H
#define FBHOST_COROUTINE_H

/* Returns when fn has returned. Each thread keeps one such stack and frees it when it ends. */
void coroutine_run(void (*fn)(void *), void *arg);

#endif
