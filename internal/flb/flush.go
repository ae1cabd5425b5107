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

// opensearchIRSAStart begins the delivery of chunks: f's, and those of the flushes behind it. What
// they point to is read only until flush_end is called for them.
//
//export opensearchIRSAStart
func opensearchIRSAStart(f *C.struct_flush) {
	for f != nil {
		next := f.next // f may have ended when start returns
		start(f)
		f = next
	}
}

func start(f *C.struct_flush) {
	w := waiting.add(f)
	code := output.FLB_RETRY
	defer func() {
		if code != begun {
			waiting.end(w, C.int(code))
		}
	}()
	defer guard(&code, output.FLB_RETRY, nil)
	in := instances.get(handleOf(f.ctx))
	if in == nil {
		write(logging.Error, "["+Name+"] a chunk came for an output that has "+
			"ended; Fluent Bit keeps it")
		return
	}
	in.deliver.Start(C.GoString(f.tag), unsafe.Slice((*byte)(f.data), f.length),
		func(settled bool) {
			end := C.int(output.FLB_RETRY)
			if settled {
				end = output.FLB_OK
			}
			waiting.end(w, end)
		})
	code = begun
}

// begun is no code of the core's: the flush has none yet.
const begun = -1

// waiting are the flushes whose threads wait.
var waiting waiters

type waiters struct {
	mu      sync.Mutex // guards flushes, and calls about them
	flushes []*waiter
}

// waiter is one flush. It tells the flush from a later one, whose struct may lie at the same place
// of a stack.
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
