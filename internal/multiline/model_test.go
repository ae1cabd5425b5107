package multiline

import (
	"fmt"
	"regexp"
	"strings"
)

// The model joins the lines of one chunk the obvious way: it sorts them by source first, and goes
// through each source's lines with tables of regular expressions, written as those of Fluent Bit's
// parsers are. It shares nothing with the package but the roles' meaning.

type modelLine struct {
	source string
	text   string // without the line feed at its end
	raw    string
	has    bool
}

// A modelRule: in a state, a line that matches goes to another one. A line in parentheses belongs to the
// trace only if a line without follows.
type modelRule struct {
	from, pattern, to string
	unsure            bool
}

const modelException = `(?s).(?:Exception|Error|Throwable|V8 errors stack trace)(?::|$)`

var modelRules = map[string][]modelRule{
	"go": {
		{"start", `(?s)(?:^|[^a-zA-Z0-9_])panic: |^fatal error: `, "panic", false},
		{"start", `(?s)http: panic serving`, "goroutine", false},
		{"panic", `^$`, "goroutine", true},
		{"panic", `(?s)^(?:goroutine .* \[.*|goroutine \[.*):$|^runtime stack:$`, "function", false},
		{"panic", `^\t|^\[signal |^panic: `, "panic", false},
		{"goroutine", `(?s)^(?:goroutine .* \[.*|goroutine \[.*):$|^runtime stack:$`, "function", false},
		{"function", `^$`, "goroutine", true},
		{"function", `^\t`, "function", false},
		{"function", `^created by |^[^\s\v:]*[^\s\v:.]\(`, "place", false},
		{"function", `(?s)^\.\.\..*frames elided\.\.\.$`, "function", false},
		{"place", `^[\s\v]`, "function", false},
	},
	"java": {
		{"start", modelException, "trace", false},
		{"nested", modelException, "trace", false},
		{"trace nested", `^[\t ]+(?:eval )?at `, "trace", false},
		{"trace nested", `^[\t ]*(?:Caused by|Suppressed):`, "trace", false},
		{"trace nested", `^[\t ]*\.\.\. \d+ (?:more|common frames omitted)`, "trace", false},
		{"trace nested", `^[\t ]+--- End of inner exception stack trace ---$`, "trace", false},
		{"trace nested", `^--- End of stack trace from previous location(?: where exception was thrown)? ---$`, "trace", false},
		{"trace nested", `^[\t ]+\[CIRCULAR REFERENCE:`, "trace", false},
		{"trace nested", `^[\t ]*nested exception is:`, "nested", false},
		{"trace", `^[\t ]*$`, "trace", true},
		{"nested", `^[\t ]*$`, "nested", true},
	},
	"python": {
		{"start", `^[\t ]*(?:\+ Exception Group )?Traceback \(most recent call last\):$`, "frames", false},
		{"frames", `^[\t ]*$`, "frames", true},
		{"frames", `^[\s\v]`, "frames", false},
		{"frames", `^[a-zA-Z_\x{80}-\x{10ffff}][\w\x{80}-\x{10ffff}]*(?:\.[\w\x{80}-\x{10ffff}]+)*(?::|$)`, "raised", false},
		{"raised", `^[\t ]*$`, "empty", true},
		{"empty", `^(?:During handling of the above exception, another exception occurred|The above exception was the direct cause of the following exception):$`, "chain", true},
		{"chain", `^[\t ]*$`, "head", true},
		{"head", `^[\t ]*(?:\+ Exception Group )?Traceback \(most recent call last\):$`, "frames", false},
	},
	"ruby": {
		{"start", `(?s)^.+:\d+:in `, "trace", false},
		{"trace", `(?s)^[\t ]+from .*:\d+:in `, "trace", false},
	},
}

var modelCompiled = map[string]*regexp.Regexp{}

func modelMatch(pattern, text string) bool {
	re := modelCompiled[pattern]
	if re == nil {
		re = regexp.MustCompile(pattern)
		modelCompiled[pattern] = re
	}
	return re.MatchString(text)
}

func modelStep(language, state, text string) (to string, unsure, ok bool) {
	for _, r := range modelRules[language] {
		if !strings.Contains(" "+r.from+" ", " "+state+" ") || !modelMatch(r.pattern, text) {
			continue
		}
		return r.to, r.unsure, true
	}
	return "", false, false
}

// modelJoin returns the documents: the number of each one's first line, and its text.
func modelJoin(lines []modelLine, languages []string, maxLines, maxBytes int) map[int]string {
	documents := map[int]string{}
	sources := map[string][]int{}
	for i, l := range lines {
		sources[l.source] = append(sources[l.source], i)
	}
	for _, of := range sources {
		modelSource(lines, of, languages, maxLines, maxBytes, documents)
	}
	return documents
}

func modelSource(lines []modelLine, of []int, languages []string, maxLines, maxBytes int, documents map[int]string) {
	var trace []int // the open one's lines
	sure := 0       // how many of them belong to it for certain
	language, state := "", ""
	end := func() {
		if len(trace) == 0 {
			return
		}
		var texts []string
		for _, i := range trace[:sure] {
			texts = append(texts, lines[i].raw)
		}
		documents[trace[0]] = joinTexts(texts)
		for _, i := range trace[sure:] {
			documents[i] = lines[i].raw
		}
		trace, sure = nil, 0
	}
	size := func() (n int) {
		for _, i := range trace {
			n += len(lines[i].raw) + 1
		}
		return n
	}
	for _, i := range of {
		text := lines[i].text
		if !lines[i].has {
			end()
			documents[i] = ""
			continue
		}
		if len(trace) > 0 {
			to, unsure, ok := modelStep(language, state, text)
			fits := len(trace) < maxLines && size()+len(lines[i].raw) <= maxBytes
			if ok && fits {
				trace, state = append(trace, i), to
				if !unsure {
					sure = len(trace)
				}
				continue
			}
			end()
			if ok && !unsure {
				trace, sure, state = []int{i}, 1, to
				continue
			}
		}
		documents[i] = lines[i].raw
		for _, name := range languages {
			if to, _, ok := modelStep(name, "start", text); ok {
				trace, sure, language, state = []int{i}, 1, name, to
				break
			}
		}
	}
	end()
}

func joinTexts(texts []string) string {
	for i, text := range texts[:len(texts)-1] {
		if !strings.HasSuffix(text, "\n") {
			texts[i] = text + "\n"
		}
	}
	return strings.Join(texts, "")
}

func describe(documents map[int]string, n int) string {
	var b strings.Builder
	for i := range n {
		if text, ok := documents[i]; ok {
			fmt.Fprintf(&b, "%d %q\n", i, text)
		}
	}
	return b.String()
}
