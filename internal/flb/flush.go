package flb

// #include <stdlib.h>
// #include "flush.h"
import "C"

import (
	"slices"
	"sync"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"out_opensearch_irsa/internal/logging"
)

// begun is what opensearchIRSAStart returns when the flush's code comes later, by flush_end.
const begun = -1

// opensearchIRSAStart begins the delivery of a chunk of length bytes at data, for the instance that
// ctx stands for. Both data and tag are read only until flush_end is called for f.
//
//export opensearchIRSAStart
func opensearchIRSAStart(ctx, data unsafe.Pointer, length C.size_t, tag *C.char, f *C.struct_flush) (code C.int) {
	result := output.FLB_RETRY
	defer func() { code = C.int(result) }()
	defer guard(&result, output.FLB_RETRY, nil)
	in := instances.get(handleOf(ctx))
	if in == nil {
		write(logging.Error, "["+Name+"] a chunk came for an output that has ended; Fluent Bit keeps it")
		return
	}
	w := waiting.add(f)
	defer func() {
		if result != begun { // a panic: f is about to go
			waiting.remove(w)
		}
	}()
	in.deliver.Start(C.GoString(tag), unsafe.Slice((*byte)(data), length), func(settled bool) {
		end := C.int(output.FLB_RETRY)
		if settled {
			end = output.FLB_OK
		}
		waiting.end(w, end)
	})
	result = begun
	return
}

// waiting are the flushes whose threads wait.
var waiting waiters

type waiters struct {
	mu      sync.Mutex // guards flushes, and calls about them
	flushes []*waiter
}

// waiter is one flush. It tells the flush from a later one, whose struct may lie at the same place of a
// stack.
type waiter struct{ f *C.struct_flush }

func (w *waiters) add(f *C.struct_flush) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := &waiter{f}
	w.flushes = append(w.flushes, one)
	return one
}

// end ends the flush, unless it has ended.
func (w *waiters) end(one *waiter, code C.int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.forget(one) {
		C.flush_end(one.f, code)
	}
}

// remove is for a flush whose thread does not wait.
func (w *waiters) remove(one *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(one)
}

// forget tells whether the flush was there. w.mu is held.
func (w *waiters) forget(one *waiter) bool {
	i := slices.Index(w.flushes, one)
	if i < 0 {
		return false
	}
	last := len(w.flushes) - 1
	w.flushes[i] = w.flushes[last]
	w.flushes[last] = nil
	w.flushes = w.flushes[:last]
	return true
}

// print has the thread of one of them print a line, and tells whether there is one.
func (w *waiters) print(level logging.Level, text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.flushes) == 0 {
		return false
	}
	C.flush_print(w.flushes[0].f, C.int(level), C.CString(text))
	return true
}
