package indexname

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// forbidden are the characters that OpenSearch takes in no index name.
const forbidden = "\\/*?\"<>| ,#:"

// checkLiteral checks a literal part; first is true if the name starts with it.
func checkLiteral(s string, first bool) error {
	for _, c := range s {
		switch {
		case c >= 'A' && c <= 'Z' || strings.ToLower(string(c)) != string(c):
			return fmt.Errorf("%q is upper case; OpenSearch takes lower case only", c)
		case c < 0x20 || c == 0x7f || strings.ContainsRune(forbidden, c):
			return fmt.Errorf("OpenSearch takes no %q in a name; leave it out, or write '-'", c)
		}
	}
	if first && s != "" && strings.IndexByte("-_+", s[0]) >= 0 {
		return fmt.Errorf("a name cannot start with %q", s[0])
	}
	return nil
}

// isDots tells the two names that a file system has taken.
func isDots(name []byte) bool { return string(name) == "." || string(name) == ".." }

// legal returns a part of a name in lower case, in valid UTF-8 and without the characters that a
// name cannot have. It changes the part in place, or makes another one of a part that is not ASCII.
func legal(part []byte) []byte {
	if slices.ContainsFunc(part, func(c byte) bool { return c >= utf8.RuneSelf }) {
		part = bytes.ToLower(part)
	}
	for i, c := range part {
		switch {
		case c >= 'A' && c <= 'Z':
			part[i] = c + 'a' - 'A'
		case c <= 0x20 || c == 0x7f || strings.IndexByte(forbidden, c) >= 0:
			part[i] = '-'
		}
	}
	return part
}
