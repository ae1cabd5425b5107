// Command plugin is built as the shared object that Fluent Bit loads (go build
// -buildmode=c-shared). It holds the functions which Fluent Bit looks up by name in its Go proxy
// (src/proxy/go/go.c), and nothing else: each is one call into internal/flb.
package main

import "C"

import (
	"unsafe"

	"out_opensearch_irsa/internal/flb"
)

// FLBPluginRegister tells Fluent Bit the plugin's name. It is called once for each time the shared
// object is loaded, which hot reload does again in the same process.
//
//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) C.int { return C.int(flb.Register(def)) }

// FLBPluginInit makes an instance of one [OUTPUT] section.
//
//export FLBPluginInit
func FLBPluginInit(plugin unsafe.Pointer) C.int { return C.int(flb.Init(plugin)) }

// FLBPluginExitCtx ends the instance.
//
//export FLBPluginExitCtx
func FLBPluginExitCtx(ctx unsafe.Pointer) C.int { return C.int(flb.Exit(ctx)) }

// FLBPluginFlushCtx, which delivers a chunk, is internal/flb/flush.c's.

// There is no FLBPluginUnregister: 1.9 goes on using the name that it would free. A reload costs
// the hundred bytes.

func main() {}
