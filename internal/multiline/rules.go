// Package multiline finds the lines of one stack trace among the records of a chunk. Its input is a
// chunk, record by record in order; its output is what each record is: a document by itself, the first
// line of a trace, whose document holds all its lines, or a further line of one. What it finds follows
// from the chunk's bytes alone, so that a chunk which comes back is joined alike. It makes no
// documents, keeps nothing between chunks and waits for nothing.
package multiline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Options say what is joined.
type Options struct {
	Languages []string // names of built-in rules, as in Languages
	// Start and Continue are Go regular expressions of a rule of one's own: of a first line, and of a
	// further one. Without Continue every line that Start does not match is a further one. Without
	// Start there is no such rule.
	Start, Continue string
	Key             string // of a line's text, at a record's top
	MaxLines        int    // of one document
	MaxBytes        int    // of one document's text, unless its first line alone is longer
}

// Languages are the built-in rules' names.
var Languages = []string{"go", "java", "python", "ruby"}

// Rules are compiled Options, for any number of Joiners.
type Rules struct {
	rules              []rule
	key                string
	maxLines, maxBytes int
}

// state is how far a rule has come in a trace. 0 is each rule's first one.
type state uint8

// verdict tells whether a line belongs to the trace before it.
type verdict uint8

const (
	no    verdict = iota
	maybe         // if a yes follows in the same trace; such a line begins no trace itself
	yes
)

// rule is a language. Lines come without the line feed at their end.
type rule struct {
	start func(line []byte) (state, bool)
	next  func(s state, line []byte) (state, verdict)
}

var builtIn = map[string]rule{
	"go":     {startGo, nextGo},
	"java":   {startJava, nextJava},
	"python": {startPython, nextPython},
	"ruby":   {startRuby, nextRuby},
}

// Compile checks options. Its errors say what to write instead.
func Compile(o Options) (*Rules, error) {
	r := &Rules{key: o.Key, maxLines: o.MaxLines, maxBytes: o.MaxBytes}
	if o.Start != "" {
		own, err := newPatternRule(o.Start, o.Continue)
		if err != nil {
			return nil, err
		}
		r.rules = append(r.rules, own)
	}
	for i, name := range o.Languages {
		if slices.Contains(o.Languages[:i], name) {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		language, ok := builtIn[name]
		if !ok {
			return nil, fmt.Errorf("there is no language %q: write some of %s, with commas between them", name, strings.Join(Languages, ", "))
		}
		r.rules = append(r.rules, language)
	}
	if len(r.rules) == 0 {
		return nil, errors.New("there is no rule")
	}
	return r, nil
}

// start tells which rule a trace's first line begins.
func (r *Rules) start(line []byte) (rule int, s state, ok bool) {
	for i := range r.rules {
		if s, ok := r.rules[i].start(line); ok {
			return i, s, true
		}
	}
	return 0, 0, false
}
