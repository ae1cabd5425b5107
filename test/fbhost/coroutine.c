//go:build ignore

#define _GNU_SOURCE
#include "coroutine.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "abi.h"
#include "buf.h"

struct coroutine {
    ucontext_t caller, callee;
    char *stack;
    size_t page, size;
    void (*fn)(void *);
    void *arg;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
 * FLB_CORO_STACK_SIZE_BYTE: 3/2 of PTHREAD_STACK_MIN, which is 16 KiB on x86-64 and 128 KiB on arm64;
 * 5.1 has a floor of 64 KiB.
 */
static size_t stack_size(void)
{
#ifdef __aarch64__
    size_t size = 3 * 131072 / 2;
#else
    size_t size = 3 * 16384 / 2;
#endif
    return host_abi == ABI_5_1 && size < 65536 ? 65536 : size;
}

static void destroy(void *p)
{
    struct coroutine *c = p;
    munmap(c->stack, c->page + c->size);
    free(c);
}

static void make_key(void) { pthread_key_create(&key, destroy); }

/* Not inlined: getcontext returns twice as far as the compiler knows. */
static __attribute__((noinline)) struct coroutine *mine(void)
{
    pthread_once(&once, make_key);
    struct coroutine *c = pthread_getspecific(key);
    if (c)
        return c;
    c = xcalloc(sizeof *c);
    c->page = (size_t)sysconf(_SC_PAGESIZE);
    c->size = (stack_size() + c->page - 1) / c->page * c->page;
    c->stack = mmap(NULL, c->page + c->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->stack == MAP_FAILED || mprotect(c->stack, c->page, PROT_NONE) != 0) {
        perror("fbhost: cannot map a coroutine's stack");
        abort();
    }
    pthread_setspecific(key, c);
    return c;
}

/* makecontext passes ints only: a pointer goes in two halves. */
static void enter(unsigned high, unsigned low)
{
    struct coroutine *c = (struct coroutine *)((uintptr_t)high << 16 << 16 | (uintptr_t)low);
    c->fn(c->arg);
}

void coroutine_run(void (*fn)(void *), void *arg)
{
    struct coroutine *c = mine();
    c->fn = fn;
    c->arg = arg;
    getcontext(&c->callee);
    c->callee.uc_stack.ss_sp = c->stack + c->page;
    c->callee.uc_stack.ss_size = c->size;
    c->callee.uc_link = &c->caller;
    uintptr_t p = (uintptr_t)c;
    makecontext(&c->callee, (void (*)(void))enter, 2, (unsigned)(p >> 16 >> 16), (unsigned)p);
    swapcontext(&c->caller, &c->callee);
}
