package fluentbit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// classicFile reads one file of the classic format.
func (r *reader) classicFile(path string) error {
	text, err := r.open(path)
	if err != nil {
		return err
	}
	return r.classicText(path, string(text))
}

func (r *reader) classicText(path, text string) error {
	c := &classic{reader: r, path: path}
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if end := strings.IndexByte(line, 0); end >= 0 {
			line = line[:end]
		}
		c.number = number + 1
		if err := c.line(line); err != nil {
			return fmt.Errorf("%s:%d: %w", path, c.number, err)
		}
	}
	return nil
}

// classic reads the lines of one file.
type classic struct {
	*reader
	path    string
	number  int
	indent  string // what the file's first option has before it; "" before that
	section *Section
	group   bool // inside a group of the section, which holds no option of a plugin
}

// include is how a line that includes other files begins.
const include = "@include "

func (c *classic) line(line string) error {
	switch {
	case line == "" || line[0] == '#':
		return nil
	case len(line) > len(include) && strings.EqualFold(line[:len(include)], include):
		return c.include(line[len(include):])
	case line[0] == '@' && len(line) > 3:
		return c.command(line)
	case line[0] == '[':
		end := strings.IndexByte(line, ']')
		if end < 0 {
			return errors.New("the section's header has no ]")
		}
		c.section, c.group = c.add(kind(line[1:end]), c.path, c.number), false
		return nil
	}
	return c.property(line)
}

// include reads other files. The name is taken as it is, without variables. Without a * it is
// looked for where Fluent Bit was started, and then beside the main file; with one, beside the main
// file alone.
func (c *classic) include(name string) error {
	paths := []string{name}
	switch beside := filepath.Join(c.root, name); {
	case strings.Contains(name, "*"):
		if filepath.IsAbs(name) {
			beside = name
		}
		var err error
		if paths, err = glob(beside); err != nil {
			return err
		}
	case filepath.IsAbs(name):
	default:
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			paths[0] = beside
		}
	}
	for _, path := range paths {
		if err := c.classicFile(path); err != nil {
			if name != strings.TrimSpace(name) {
				return fmt.Errorf("%w (blanks around a name are part of it)", err)
			}
			return err
		}
	}
	return nil
}

// command runs a line such as @SET NAME=value. Fluent Bit ignores commands that it does not know.
func (c *classic) command(line string) error {
	name, rest, ok := strings.Cut(line[1:], " ")
	if !ok {
		return fmt.Errorf("%s has no value: write @SET NAME=value or @INCLUDE file", line)
	}
	if strings.EqualFold(name, "SET") {
		key, value, ok := strings.Cut(trim(rest), "=")
		if !ok {
			return errors.New("write @SET NAME=value")
		}
		c.env.set(key, value)
	}
	return nil
}

// property reads an indented line. The first one of a file shows how far its options are indented:
// all that comes later must be indented by the same blanks, or by as many again in a group.
func (c *classic) property(line string) error {
	if c.indent == "" {
		n := 1
		for n < len(line) && isBlank(line[n]) {
			n++
		}
		if c.indent = line[:n]; n == len(line) {
			return nil
		}
		if !isBlank(line[0]) {
			return errors.New("an option must be indented")
		}
	}
	rest, ok := strings.CutPrefix(line, c.indent)
	if !ok {
		return fmt.Errorf("the line is indented otherwise than the file's first "+
			"option, which has %s", blanks(c.indent))
	}
	if rest != "" && isBlank(rest[0]) {
		deeper := 0
		for deeper < len(rest) && isBlank(rest[deeper]) {
			deeper++
		}
		if deeper != len(c.indent) {
			return fmt.Errorf("the line is indented more than the file's first "+
				"option, which has %s", blanks(c.indent))
		}
		rest = rest[deeper:]
	} else {
		c.group = false
	}
	if rest == "" || rest[0] == '#' {
		return nil
	}
	key, value, ok := strings.Cut(rest, " ")
	switch {
	case !ok:
		return fmt.Errorf("%s has no value: write it behind a space", clip(key))
	case key[0] == '[':
		if !strings.Contains(rest, "]") || c.section == nil {
			return errors.New("a group is [NAME], inside a section")
		}
		c.group = true
	case value == "":
		return fmt.Errorf("%s has an empty value", clip(key))
	case c.section == nil:
		return fmt.Errorf("%s stands before the first section", clip(key))
	case !c.group:
		c.section.Properties = append(c.section.Properties,
			Property{Key: strings.ToLower(trim(key)), Value: trim(value), Line: c.number})
	}
	return nil
}

// kinds are the names of sections that mean something. Fluent Bit takes any beginning of a name for
// the name, in this order.
var kinds = []struct{ name, kind string }{
	{"service", "service"}, {"parser", "parser"}, {"multiline_parser", ""},
	{"stream_processor", ""}, {"plugins", "plugins"},
	{"upstream_servers", ""}, {"custom", "custom"}, {"customs", "custom"}, {"input", "input"},
	{"inputs", "input"},
	{"filter", "filter"}, {"filters", "filter"}, {"output", "output"}, {"outputs", "output"},
}

func kind(name string) string {
	for _, k := range kinds {
		if name != "" && len(name) <= len(k.name) && strings.EqualFold(name, k.name[:len(name)]) {
			return k.kind
		}
	}
	return ""
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trim takes away what isspace(3) does.
func trim(s string) string { return strings.Trim(s, " \t\n\v\f\r") }

func blanks(s string) string {
	switch spaces := strings.Count(s, " "); {
	case spaces == len(s):
		return fmt.Sprintf("%d spaces", spaces)
	case spaces == 0:
		return fmt.Sprintf("%d tabs", len(s))
	}
	return "tabs and spaces"
}

// clip keeps a line that is no option from filling an error.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
