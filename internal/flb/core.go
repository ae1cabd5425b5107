package flb

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include "flush.h"

// These are the core's own functions, looked up in the process that loaded us: every version
// exports them.
typedef void (*log_print_fn)(int, const char *, int, const char *, ...);
typedef void *(*worker_get_fn)(void);
typedef int (*worker_log_level_fn)(void *);
typedef const char *(*output_name_fn)(void *);

static log_print_fn log_print;
static worker_get_fn worker_get;
static worker_log_level_fn worker_log_level;
static output_name_fn output_name;

static void look_up(void) {
    log_print = (log_print_fn) dlsym(RTLD_DEFAULT, "flb_log_print");
    worker_get = (worker_get_fn) dlsym(RTLD_DEFAULT, "flb_worker_get");
    worker_log_level = (worker_log_level_fn) dlsym(RTLD_DEFAULT, "flb_worker_log_level");
    output_name = (output_name_fn) dlsym(RTLD_DEFAULT, "flb_output_name");
}

static int can_print(void) { return log_print != NULL; }

void core_print(int level, const char *text) {
    if (log_print != NULL) {
        log_print(level, NULL, 0, "%s", text);
    } else {
        fprintf(stderr, "%s\n", text);
    }
}

// configured_level is that of the calling thread's worker, or -1 on a thread that is not the
// core's.
static int configured_level(void) {
    void *worker = worker_get != NULL && worker_log_level != NULL ? worker_get() : NULL;
    return worker != NULL ? worker_log_level(worker) : -1;
}

// The third field of the structure that Init gets is the output instance, in every version (struct
// flbgo_output_plugin).
static const char *instance_name(void *plugin) {
    return output_name != NULL ? output_name(((void **) plugin)[2]) : NULL;
}
*/
import "C"

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unsafe"

	"out_opensearch_irsa/internal/logging"
)

// lineLimit keeps a line within the core's message buffer, which is 1 KiB with the time and the
// level in it (struct log_message in flb_log.c) and cuts off the rest without a word.
const lineLimit = 900

type coreFunctions struct{ once sync.Once }

var core coreFunctions

func (c *coreFunctions) init() { c.once.Do(func() { C.look_up() }) }

// level is the service's Log_Level as the calling thread, one of the core's, knows it.
func (c *coreFunctions) level() logging.Level {
	if l := C.configured_level(); l >= 0 {
		return logging.Level(l)
	}
	return logging.Info
}

// instanceName is the section's Alias, or the plugin's name with a number.
func (c *coreFunctions) instanceName(plugin unsafe.Pointer) string {
	if name := C.instance_name(plugin); name != nil {
		return C.GoString(name)
	}
	return Name
}

// write is the logging.Sink of every instance. The core's logger hands a line to its own thread,
// and so to Log_File, only when a thread of the core's prints it; from any other it goes to stderr.
// So a flush that waits prints it, if there is one.
func write(level logging.Level, text string) {
	for _, part := range split(text) {
		if !waiting.print(level, part) {
			printNow(level, part)
		}
	}
}

// split cuts a line into parts that fit the core's message buffer.
func split(text string) (parts []string) {
	for len(text) > lineLimit {
		cut := strings.LastIndexByte(text[:lineLimit], ' ')
		if cut < lineLimit/2 {
			cut = lineLimit
		}
		parts = append(parts, text[:cut]+" …")
		text = "… " + strings.TrimLeft(text[cut:], " ")
	}
	return append(parts, text)
}

func printNow(level logging.Level, text string) {
	if C.can_print() == 0 {
		fmt.Fprintf(os.Stderr, "[%s] [%5s] %s\n", time.Now().Format("2006/01/02 15:04:05"), level, text)
		return
	}
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	C.core_print(C.int(level), c)
}
