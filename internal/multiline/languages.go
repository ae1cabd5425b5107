package multiline

import "bytes"

// The rules accept what Fluent Bit's built-in parsers of the same names accept, and what those
// miss: an exception without a message, whose name ends the line; Go's fatal errors, repanics and
// indented messages; Python's chained exceptions and groups.

// Go: a panic, perhaps a signal, an empty line, and goroutines with their frames.
const (
	goPanic     state = iota // the message, and what follows it up to an empty line
	goGoroutine              // its head comes
	goFunction               // a frame's first line comes, or an empty one before the next goroutine
	goPlace                  // a frame's second line comes
)

func nextGo(s state, line []byte) (state, verdict) {
	switch s {
	case goPanic:
		switch {
		case len(line) == 0:
			return goGoroutine, maybe
		case isGoroutine(line):
			return goFunction, yes
		case line[0] == '\t', bytes.HasPrefix(line, []byte("[signal ")), bytes.HasPrefix(line, []byte("panic: ")):
			return goPanic, yes
		}
	case goGoroutine:
		if isGoroutine(line) {
			return goFunction, yes
		}
	case goFunction:
		switch {
		case len(line) == 0:
			return goGoroutine, maybe
		case line[0] == '\t': // goroutine running on other thread; stack unavailable
			return goFunction, yes
		case bytes.HasPrefix(line, []byte("created by ")), isGoCall(line):
			return goPlace, yes
		case bytes.HasPrefix(line, []byte("...")) && bytes.HasSuffix(line, []byte("frames elided...")):
			return goFunction, yes
		}
	case goPlace:
		if len(line) > 0 && isSpace(line[0]) {
			return goFunction, yes
		}
	}
	return s, no
}

func isGoroutine(line []byte) bool {
	return bytes.HasPrefix(line, []byte("goroutine ")) && line[len(line)-1] == ':' &&
		bytes.Contains(line, []byte(" [")) ||
		string(line) == "runtime stack:"
}

// isGoCall tells whether a line is main.(*T).f(0x1, …) or the like: a name without spaces and
// colons, and a parenthesis behind it.
func isGoCall(line []byte) bool {
	for i, c := range line {
		switch {
		case c == '(' && i > 0 && line[i-1] != '.':
			return true
		case c == ':' || isSpace(c):
			return false
		}
	}
	return false
}

// Java, and what looks alike: C#, JavaScript, Kotlin.
const (
	javaTrace  state = iota
	javaNested       // after "nested exception is:" comes an exception
)

func nextJava(s state, line []byte) (state, verdict) {
	if s == javaNested && findBeginnings(line)&beginsJava != 0 {
		return javaTrace, yes
	}
	text := trimBlanks(line)
	indented := len(text) < len(line)
	if len(text) == 0 {
		return s, maybe
	}
	switch text[0] {
	case 'a', 'e':
		if indented && (bytes.HasPrefix(text, []byte("at ")) ||
			bytes.HasPrefix(text, []byte("eval at "))) {
			return javaTrace, yes
		}
	case 'C', 'S':
		if bytes.HasPrefix(text, []byte("Caused by:")) ||
			bytes.HasPrefix(text, []byte("Suppressed:")) {
			return javaTrace, yes
		}
	case '.':
		if isElision(text) {
			return javaTrace, yes
		}
	case 'n':
		if bytes.HasPrefix(text, []byte("nested exception is:")) {
			return javaNested, yes
		}
	case '[':
		if indented && bytes.HasPrefix(text, []byte("[CIRCULAR REFERENCE:")) {
			return javaTrace, yes
		}
	case '-':
		if indented && string(text) == "--- End of inner exception stack trace ---" ||
			string(line) == "--- End of stack trace from previous location where "+
				"exception was thrown ---" ||
			string(line) == "--- End of stack trace from previous location ---" {
			return javaTrace, yes
		}
	}
	return s, no
}

// isElision tells whether a line is "... 12 more" or "... 12 common frames omitted".
func isElision(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte("... "))
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	return ok && digits > 0 && (bytes.HasPrefix(rest[digits:], []byte(" more")) ||
		bytes.HasPrefix(rest[digits:], []byte(" common frames omitted")))
}

// Python: a head, indented frames, and what was raised; perhaps then the exception that came of it.
const (
	pythonFrames state = iota
	pythonRaised       // the exception was there
	pythonEmpty        // and an empty line
	pythonChain        // and why another trace follows
	pythonHead         // and another empty line
)

const pythonStart = "Traceback (most recent call last):"

func isPythonStart(line []byte) bool {
	return string(bytes.TrimPrefix(trimBlanks(line), []byte("+ Exception Group "))) == pythonStart
}

func nextPython(s state, line []byte) (state, verdict) {
	switch s {
	case pythonFrames:
		switch {
		case len(trimBlanks(line)) == 0:
			return s, maybe // a line of code that is empty
		case isSpace(line[0]):
			return s, yes
		case isPythonName(line):
			return pythonRaised, yes
		}
	case pythonRaised:
		if len(trimBlanks(line)) == 0 {
			return pythonEmpty, maybe
		}
	case pythonEmpty:
		if string(line) == "During handling of the above exception, another exception occurred:" ||
			string(line) == "The above exception was the direct cause of the following exception:" {
			return pythonChain, maybe
		}
	case pythonChain:
		if len(trimBlanks(line)) == 0 {
			return pythonHead, maybe
		}
	case pythonHead:
		if isPythonStart(line) {
			return pythonFrames, yes
		}
	}
	return s, no
}

// isPythonName tells whether a line is the name of an exception, with dots in it or not, alone or
// with a colon behind it.
func isPythonName(line []byte) bool {
	for i, c := range line {
		switch {
		case c == ':':
			return i > 0 && line[i-1] != '.'
		case c == '.' && (i == 0 || line[i-1] == '.'), c != '.' && !isWord(c) && c < 0x80, i == 0 && c >= '0' && c <= '9':
			return false
		}
	}
	return len(line) > 0 && line[len(line)-1] != '.'
}

// Ruby: a line with the place and the message, and further places.
const rubyTrace state = 0

func nextRuby(s state, line []byte) (state, verdict) {
	text := trimBlanks(line)
	if len(text) < len(line) && bytes.HasPrefix(text, []byte("from ")) &&
		findBeginnings(text)&beginsRuby != 0 {
		return s, yes
	}
	return s, no
}

func trimBlanks(line []byte) []byte {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		line = line[1:]
	}
	return line
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
