// Package flb is the edge to Fluent Bit's C core. Its input is the core's calls, with its pointers;
// it passes on plain Go values, and returns one of the core's return codes. It holds the table of
// instances and writes log lines through the core. It knows nothing of OpenSearch: what is done
// with a chunk is internal/deliver's.
package flb

import "C"

import (
	"errors"
	"os"
	"strings"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
)

// Name is what an [OUTPUT] section writes behind Name.
const Name = "opensearch_irsa"

// Register fills the core's definition of the plugin.
func Register(def unsafe.Pointer) (code int) {
	defer guard(&code, output.FLB_ERROR, nil)
	return output.FLBPluginRegister(def, Name, "Amazon OpenSearch Service, signed "+
		"with the pod's IAM role")
}

// Init reads the section's options and makes its instance. Anything but FLB_OK ends Fluent Bit's
// start.
func Init(plugin unsafe.Pointer) (code int) {
	core.init()
	log := logging.New(write, core.level(), core.instanceName(plugin))
	defer guard(&code, output.FLB_ERROR, log)

	cfg, err := config.Load(func(name string) string {
		return output.FLBPluginConfigKey(plugin,
			name)
	}, os.Getenv)
	if err = errors.Join(err, compile.Check(cfg)); err != nil {
		for mistake := range strings.SplitSeq(err.Error(), "\n") {
			log.Errorf("%s", mistake)
		}
		return output.FLB_ERROR
	}
	d, err := deliver.New(cfg, log)
	if err != nil {
		log.Errorf("%v", err)
		return output.FLB_ERROR
	}
	output.FLBPluginSetContext(plugin, instances.add(&instance{d, log}))
	return output.FLB_OK
}

// Exit ends the instance that ctx stands for. 1.9 calls it with the last instance's ctx for every
// instance of the plugin, so a second call for the same one is no error.
func Exit(ctx unsafe.Pointer) (code int) {
	defer guard(&code, output.FLB_OK, nil)
	if in := instances.remove(handleOf(ctx)); in != nil {
		in.deliver.Close()
	}
	return output.FLB_OK
}

// guard keeps a panic inside: one that leaves an export ends the whole agent. It is called by
// defer.
func guard(code *int, otherwise int, log *logging.Logger) {
	r := recover()
	if r == nil {
		return
	}
	if log == nil {
		log = logging.New(write, logging.Error, Name)
	}
	log.Recovered("a call of the core's", r)
	*code = otherwise
}

func handleOf(ctx unsafe.Pointer) handle {
	h, ok := output.FLBPluginGetContext(ctx).(handle)
	if !ok {
		return 0
	}
	return h
}
