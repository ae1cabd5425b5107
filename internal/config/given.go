package config

import (
	"errors"
	"strings"
)

// Given collects options that a command gets as -o Name=value, for Load; it is a flag.Value. Names are in lower case.
type Given map[string]string

// Get returns the value of an option, "" if it is not given.
func (g Given) Get(name string) string { return g[strings.ToLower(name)] }

// String shows nothing: a value may be a secret.
func (Given) String() string { return "" }

// Set takes one Name=value.
func (g Given) Set(v string) error {
	name, value, ok := strings.Cut(v, "=")
	if !ok || name == "" {
		return errors.New("write Name=value")
	}
	g[strings.ToLower(name)] = value
	return nil
}
