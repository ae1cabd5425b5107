package multiline

import "bytes"

// beginnings are the ways in which the languages' traces begin: a set, of those that a line has.
type beginnings uint8

const (
	beginsGoPanic   beginnings = 1 << iota // panic: or fatal error:
	beginsGoServing                        // http: panic serving
	beginsJava                             // Exception, Error or Throwable as the end of a name, with a colon behind it or nothing
	beginsPython
	beginsRuby // file:12:in
)

// findBeginnings goes through a line once. All but Python's have a colon, or end the line, so
// nothing else is looked at.
func findBeginnings(line []byte) (set beginnings) {
	if len(line) == 0 {
		return 0
	}
	switch line[0] {
	case 'T', '+', ' ', '\t':
		if isPythonStart(line) {
			set = beginsPython
		}
	}
	if isException(line) {
		set |= beginsJava
	}
	for at := 0; ; at++ {
		n := bytes.IndexByte(line[at:], ':')
		if n < 0 {
			return set
		}
		if at += n; at > 0 {
			set |= beginningAt(line[:at], line[at+1:])
		}
	}
}

// beginningAt is the beginning that a colon is a part of, with what stands before and after it.
func beginningAt(before, after []byte) beginnings {
	switch c := before[len(before)-1]; {
	case c == 'c':
		rest, ok := bytes.CutSuffix(before, []byte("panic"))
		if ok && len(after) > 0 && after[0] == ' ' &&
			(len(rest) == 0 || !isWord(rest[len(rest)-1])) {
			return beginsGoPanic
		}
	case c == 'p':
		if bytes.HasSuffix(before, []byte("http")) &&
			bytes.HasPrefix(after, []byte(" panic serving")) {
			return beginsGoServing
		}
	case c == 'r' && string(before) == "fatal error" && len(after) > 0 && after[0] == ' ':
		return beginsGoPanic
	case c == 'n', c == 'r', c == 'e':
		if isException(before) {
			return beginsJava
		}
	case c >= '0' && c <= '9' && bytes.HasPrefix(after, []byte("in ")):
		file := bytes.TrimRight(before, "0123456789")
		if len(file) > 1 && file[len(file)-1] == ':' {
			return beginsRuby
		}
	}
	return 0
}

// isException tells whether text ends in Exception, Error or Throwable, or V8's words, with
// something before it.
func isException(text []byte) bool {
	name := ""
	switch text[len(text)-1] {
	case 'n':
		name = "Exception"
	case 'r':
		name = "Error"
	case 'e':
		if name = "Throwable"; len(text) > 2 && text[len(text)-2] == 'c' {
			name = "V8 errors stack trace"
		}
	default:
		return false
	}
	return len(text) > len(name) && string(text[len(text)-len(name):]) == name
}
