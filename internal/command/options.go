// Package command is what the commands of deploy/ have in common: the plugin's own options, given
// as -o Name=value, and lines that tell how far a long one is.
package command

import (
	"errors"
	"fmt"
	"strings"

	"out_opensearch_irsa/internal/config"
)

// Options collects options of the [OUTPUT] section that a command gets as -o Name=value, for
// config.Load; it is a flag.Value. Names are in lower case.
type Options map[string]string

// Get returns the value of an option, "" if it is not given.
func (o Options) Get(name string) string { return o[strings.ToLower(name)] }

// String shows nothing: a value may be a secret.
func (Options) String() string { return "" }

// Set takes one Name=value, and refuses a name that no option has.
func (o Options) Set(v string) error {
	name, value, ok := strings.Cut(v, "=")
	if !ok || name == "" {
		return errors.New("write Name=value")
	}
	if !config.IsOption(name) {
		return fmt.Errorf("there is no option %s%s", name, config.DidYouMean(name))
	}
	o[strings.ToLower(name)] = value
	return nil
}
