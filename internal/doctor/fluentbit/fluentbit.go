// Package fluentbit reads Fluent Bit's configuration as Fluent Bit does: the classic format and
// YAML, with included files, @SET and the environment filled in. Its input is a path; its output is
// the sections in their order, with what each option says and where it stands. It follows the
// readers of 1.9.10 and 5.1.1, odd rules included, so that what it takes Fluent Bit takes, and it
// looks into no option's meaning.
package fluentbit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Config is a whole configuration.
type Config struct {
	// Sections are in the order in which they stand, those of included files where they are
	// included.
	Sections []*Section
}

// A Section is one of [SERVICE], [INPUT], [OUTPUT], …
type Section struct {
	// Kind is service, parser, plugins, custom, input, filter or output; "" for any other.
	Kind string
	// Path and Line are where it begins.
	Path string
	Line int
	// Properties are its options, in their order. A key may be there twice.
	Properties []Property
}

// A Property is one option of a section.
type Property struct {
	// Key is in lower case.
	Key string
	// Value is what Fluent Bit sees: trimmed, with variables filled in.
	Value string
	// Line is where it stands in its section's file.
	Line int
	// Unset names the variables in it that are not set and have no default: they are filled in as
	// nothing.
	Unset []string
}

// Get returns the value of an option, "" if it is not given. Of an option given twice a plugin sees
// the first.
func (s *Section) Get(key string) string {
	for _, p := range s.Properties {
		if strings.EqualFold(p.Key, key) {
			return p.Value
		}
	}
	return ""
}

// Of returns the sections of one kind.
func (c *Config) Of(kind string) []*Section {
	var out []*Section
	for _, s := range c.Sections {
		if s.Kind == kind {
			out = append(out, s)
		}
	}
	return out
}

// Read reads the configuration at path. getenv reads the environment.
func Read(path string, getenv func(string) string) (*Config, error) {
	r := &reader{config: &Config{}, env: newEnvironment(getenv)}
	absolute, err := filepath.Abs(path)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", path, err)
	}
	r.root = filepath.Dir(absolute)
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		err = r.yamlFile(path)
	default:
		err = r.classicFile(path)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range r.config.Sections {
		for i := range s.Properties {
			p := &s.Properties[i]
			p.Value, p.Unset = r.env.expand(p.Value)
		}
	}
	return r.config, nil
}

// reader is one reading.
type reader struct {
	config *Config
	env    *environment
	root   string // folder of the main file
	read   []os.FileInfo
}

// maxFiles is how many files Fluent Bit takes in all.
const maxFiles = 1000

// open reads one file, which may be read once.
func (r *reader) open(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read %q: it is no file", path)
	}
	for _, before := range r.read {
		if os.SameFile(before, info) {
			return nil, fmt.Errorf("%s is included twice", path)
		}
	}
	if r.read = append(r.read, info); len(r.read) > maxFiles {
		return nil, fmt.Errorf("more than %d files are included", maxFiles)
	}
	text, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", path, err)
	}
	return text, nil
}

// glob finds the files that a pattern matches. A pattern without a match keeps Fluent Bit from
// starting.
func glob(pattern string) ([]string, error) {
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("cannot include %q: %w", pattern, err)
	}
	return found, nil
}

// add begins a section. There is one [SERVICE]: a second one goes on with it.
func (r *reader) add(kind, path string, line int) *Section {
	if kind == "service" {
		if all := r.config.Of(kind); len(all) > 0 {
			return all[0]
		}
	}
	s := &Section{Kind: kind, Path: path, Line: line}
	r.config.Sections = append(r.config.Sections, s)
	return s
}
