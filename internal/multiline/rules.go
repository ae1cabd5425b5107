// Package multiline finds the lines of one stack trace among the records of a chunk. Its input is a
// chunk, record by record in order; its output is what each record is: a document by itself, the
// first line of a trace, whose document holds all its lines, or a further line of one. What it
// finds follows from the chunk's bytes alone, so that a chunk which comes back is joined alike. It
// makes no documents, keeps nothing between chunks and waits for nothing.
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
	// Start and Continue are Go regular expressions of a rule of one's own: of a first line, and of
	// a further one. Without Continue every line that Start does not match is a further one.
	// Without Start there is no such rule.
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
	wanted             beginnings // those of the languages
	own                bool       // there is a rule of one's own
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

// rule is a language, or one's own. Lines come without the line feed at their end.
type rule struct {
	begins []begin                // of a language
	start  func(line []byte) bool // of one's own
	next   func(s state, line []byte) (state, verdict)
}

// begin is a way in which a trace begins, and the state that it then is in.
type begin struct {
	by    beginnings
	state state
}

var builtIn = map[string]rule{
	"go":     {begins: []begin{{beginsGoPanic, goPanic}, {beginsGoServing, goGoroutine}}, next: nextGo},
	"java":   {begins: []begin{{beginsJava, javaTrace}}, next: nextJava},
	"python": {begins: []begin{{beginsPython, pythonFrames}}, next: nextPython},
	"ruby":   {begins: []begin{{beginsRuby, rubyTrace}}, next: nextRuby},
}

// Compile checks options. Its errors say what to write instead.
func Compile(o Options) (*Rules, error) {
	r := &Rules{key: o.Key, maxLines: o.MaxLines, maxBytes: o.MaxBytes}
	if o.Start != "" {
		own, err := newPatternRule(o.Start, o.Continue)
		if err != nil {
			return nil, err
		}
		r.rules, r.own = append(r.rules, own), true
	}
	for i, name := range o.Languages {
		if slices.Contains(o.Languages[:i], name) {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		language, ok := builtIn[name]
		if !ok {
			return nil, fmt.Errorf("there is no language %q: write some of %s, with commas "+
				"between them", name, strings.Join(Languages, ", "))
		}
		r.rules = append(r.rules, language)
		for _, b := range language.begins {
			r.wanted |= b.by
		}
	}
	if len(r.rules) == 0 {
		return nil, errors.New("there is no rule")
	}
	return r, nil
}

// start tells which rule a trace's first line begins.
func (r *Rules) start(line []byte) (rule int, s state, ok bool) {
	found := findBeginnings(line)
	if found&r.wanted == 0 && !r.own {
		return 0, 0, false
	}
	for i := range r.rules {
		if start := r.rules[i].start; start != nil && start(line) {
			return i, 0, true
		}
		for _, b := range r.rules[i].begins {
			if found&b.by != 0 {
				return i, b.state, true
			}
		}
	}
	return 0, 0, false
}
