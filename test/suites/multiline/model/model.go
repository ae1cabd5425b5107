// Package model joins the lines of a chunk the obvious way: it sorts them by source first, and goes
// through each source's lines with tables of regular expressions, written as those of Fluent Bit's
// parsers are. It is what internal/multiline is held against, by its fuzz tests and by the
// simulation, and shares nothing with it but what the documentation says.
package model

import (
	"regexp"
	"slices"
	"strings"
)

// A Line is a record as far as joining goes.
type Line struct {
	Source  string // equal for the lines of one stream of one container
	Text    string
	HasText bool // else it is no line of a trace, and ends one
}

// Options are those of the section.
type Options struct {
	Languages          []string
	Start, Continue    string // of a rule of one's own
	MaxLines, MaxBytes int
}

// A transition: in one of the states from, a line that matches goes to the state to. An unsure line
// belongs to the trace only if a sure one follows.
type transition struct {
	from    string
	pattern *regexp.Regexp
	to      string
	unsure  bool
	not     bool // a line that does not match
}

func on(from, pattern, to string) transition {
	return transition{from: from, pattern: regexp.MustCompile(pattern), to: to}
}

func unsure(from, pattern, to string) transition {
	t := on(from, pattern, to)
	t.unsure = true
	return t
}

const (
	exception  = `(?s).(?:Exception|Error|Throwable|V8 errors stack trace)(?::|$)`
	goroutine  = `(?s)^(?:goroutine .* \[.*|goroutine \[.*):$|^runtime stack:$`
	pythonHead = `^[\t ]*(?:\+ Exception Group )?Traceback \(most recent call last\):$`
	blank      = `^[\t ]*$`
)

// languages are the rules by name. Each begins in the state start.
var languages = map[string][]transition{
	"go": {
		on("start", `(?s)(?:^|[^a-zA-Z0-9_])panic: |^fatal error: `, "panic"),
		on("start", `(?s)http: panic serving`, "goroutine"),
		unsure("panic", `^$`, "goroutine"),
		on("panic", goroutine, "function"),
		on("panic", `^\t|^\[signal |^panic: `, "panic"),
		on("goroutine", goroutine, "function"),
		unsure("function", `^$`, "goroutine"),
		on("function", `^\t`, "function"),
		on("function", `^created by |^[^\s\v:]*[^\s\v:.]\(`, "place"),
		on("function", `(?s)^\.\.\..*frames elided\.\.\.$`, "function"),
		on("place", `^[\s\v]`, "function"),
	},
	"java": {
		on("start", exception, "trace"),
		on("nested", exception, "trace"),
		on("trace nested", `^[\t ]+(?:eval )?at `, "trace"),
		on("trace nested", `^[\t ]*(?:Caused by|Suppressed):`, "trace"),
		on("trace nested", `^[\t ]*\.\.\. \d+ (?:more|common frames omitted)`, "trace"),
		on("trace nested", `^[\t ]+--- End of inner exception stack trace ---$`, "trace"),
		on("trace nested", `^--- End of stack trace from previous location(?: where exception was thrown)? ---$`, "trace"),
		on("trace nested", `^[\t ]+\[CIRCULAR REFERENCE:`, "trace"),
		on("trace nested", `^[\t ]*nested exception is:`, "nested"),
		unsure("trace", blank, "trace"),
		unsure("nested", blank, "nested"),
	},
	"python": {
		on("start", pythonHead, "frames"),
		unsure("frames", blank, "frames"),
		on("frames", `^[\s\v]`, "frames"),
		on("frames", `^[a-zA-Z_\x{80}-\x{10ffff}][\w\x{80}-\x{10ffff}]*(?:\.[\w\x{80}-\x{10ffff}]+)*(?::|$)`, "raised"),
		unsure("raised", blank, "empty"),
		unsure("empty", `^(?:During handling of the above exception, another exception occurred|The above exception was the direct cause of the following exception):$`, "chain"),
		unsure("chain", blank, "head"),
		on("head", pythonHead, "frames"),
	},
	"ruby": {
		on("start", `(?s)^.+:\d+:in `, "trace"),
		on("trace", `(?s)^[\t ]+from .*:\d+:in `, "trace"),
	},
}

// Rules are compiled Options.
type Rules struct {
	rules              [][]transition
	maxLines, maxBytes int
}

// New compiles options that the plugin takes.
func New(o Options) *Rules {
	r := &Rules{maxLines: o.MaxLines, maxBytes: o.MaxBytes}
	if o.Start != "" {
		rest := transition{from: "entry", pattern: regexp.MustCompile(o.Start), to: "entry",
			not: true}
		if o.Continue != "" {
			rest = on("entry", o.Continue, "entry")
		}
		r.rules = append(r.rules, []transition{on("start", o.Start, "entry"), rest})
	}
	for _, name := range o.Languages {
		r.rules = append(r.rules, languages[name])
	}
	return r
}

func step(rule []transition, state, text string) (to string, unsure, ok bool) {
	for _, t := range rule {
		if slices.Contains(strings.Fields(t.from), state) && t.pattern.MatchString(text) != t.not {
			return t.to, t.unsure, true
		}
	}
	return "", false, false
}

// Join returns the documents that lines become, each as the numbers of its lines, in the order of
// their first ones.
func (r *Rules) Join(lines []Line) [][]int {
	bySource := map[string][]int{}
	for i, l := range lines {
		bySource[l.Source] = append(bySource[l.Source], i)
	}
	var documents [][]int
	for _, of := range bySource {
		documents = append(documents, r.joinSource(lines, of)...)
	}
	slices.SortFunc(documents, func(a, b []int) int { return a[0] - b[0] })
	return documents
}

// joinSource goes through the lines of one source.
func (r *Rules) joinSource(lines []Line, of []int) (documents [][]int) {
	var trace []int // the open one's lines
	sure := 0       // how many of them belong to it for certain
	var rule []transition
	state := ""
	end := func() {
		if len(trace) == 0 {
			return
		}
		documents = append(documents, slices.Clone(trace[:sure]))
		for _, i := range trace[sure:] {
			documents = append(documents, []int{i})
		}
		trace, sure = nil, 0
	}
	size := func() (n int) {
		for _, i := range trace {
			n += len(lines[i].Text) + 1
		}
		return n
	}
	for _, i := range of {
		if !lines[i].HasText {
			end()
			documents = append(documents, []int{i})
			continue
		}
		text := strings.TrimSuffix(strings.TrimSuffix(lines[i].Text, "\n"), "\r")
		if len(trace) > 0 {
			to, unsure, ok := step(rule, state, text)
			if ok && len(trace) < r.maxLines && size()+len(lines[i].Text) <= r.maxBytes {
				trace, state = append(trace, i), to
				if !unsure {
					sure = len(trace)
				}
				continue
			}
			end()
			if ok && !unsure { // the document is full
				trace, sure, state = []int{i}, 1, to
				continue
			}
		}
		for _, one := range r.rules {
			if to, _, ok := step(one, "start", text); ok {
				trace, sure, rule, state = []int{i}, 1, one, to
				break
			}
		}
		if len(trace) == 0 {
			documents = append(documents, []int{i})
		}
	}
	end()
	return documents
}

// Text is the text of a document of these lines.
func Text(lines []Line, document []int) string {
	var b strings.Builder
	for n, i := range document {
		b.WriteString(lines[i].Text)
		if n < len(document)-1 && !strings.HasSuffix(lines[i].Text, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
