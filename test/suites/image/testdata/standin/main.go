// Command standin is a Go output plugin that does nothing, under the name that the linker gives it:
// what aws-for-fluent-bit's own three Go plugins are to ours, another Go runtime in the same
// process.
package main

import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"
)

var name string

//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) int {
	fmt.Fprintln(os.Stderr, "loaded stand-in", name)
	return output.FLBPluginRegister(def, name, "does nothing")
}

//export FLBPluginInit
func FLBPluginInit(unsafe.Pointer) int { return output.FLB_OK }

//export FLBPluginFlush
func FLBPluginFlush(unsafe.Pointer, C.int, *C.char) int { return output.FLB_OK }

//export FLBPluginExit
func FLBPluginExit() int { return output.FLB_OK }

func main() {}
