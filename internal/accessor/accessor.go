// Package accessor finds what Fluent Bit's record accessors name: a field of a record, or its tag
// or a part of that. In go the accessor's text, once, and then tags and bodies in msgpack; out
// comes plain text, or JSON of it, appended to the caller's buffer. It never allocates for a
// record, and never changes one.
package accessor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/document"
)

// Accessor names a place in a record, or its tag. It is safe for concurrent use.
type Accessor struct {
	path []step // into the body; nil for the tag
	part int    // of the tag, from 0; wholeTag for all of it
}

// step is one key of a map, or one element of an array.
type step struct {
	key   string
	index int // of an array's element, from 0; -1 if key counts
}

const wholeTag = -1

// Parse reads a record accessor, as Fluent Bit writes it, at text's start, which is a '$', and
// returns what follows it. Its errors say what to write instead.
func Parse(text string) (a *Accessor, rest string, err error) {
	end := 1
	for end < len(text) && isKeyByte(text[end]) {
		end++
	}
	name := text[1:end]
	rest = text[end:]
	if name == "" && !strings.HasPrefix(rest, "['") {
		return nil, "", errors.New("a $ must be followed by the name of a field, as in " +
			"$kubernetes['namespace_name'] or $['a-b'], or by TAG")
	}
	var path []step
	for strings.HasPrefix(rest, "[") {
		s, after, err := parseStep(rest)
		if err != nil {
			return nil, "", err
		}
		path, rest = append(path, s), after
	}
	if name == "" {
		return &Accessor{path: path}, rest, nil
	}
	if name != "TAG" {
		return &Accessor{path: append([]step{{name, -1}}, path...)}, rest, nil
	}
	switch {
	case len(path) == 0:
		return &Accessor{part: wholeTag}, rest, nil
	case len(path) == 1 && path[0].index >= 0:
		return &Accessor{part: path[0].index}, rest, nil
	}
	return nil, "", errors.New("$TAG takes one number, as in $TAG[2]")
}

// isKeyByte tells what the first name of an accessor may hold. '-' and '.' end
// it, since they are what names of indices are joined by.
func isKeyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' ||
		c == '@' || c >= utf8.RuneSelf
}

// parseStep reads ['key'] or [number].
func parseStep(text string) (step, string, error) {
	end := strings.IndexByte(text, ']')
	if len(text) > 1 && text[1] == '\'' {
		if end = strings.Index(text, "']"); end >= 2 {
			return step{text[2:end], -1}, text[end+2:], nil
		}
		end = -1
	}
	if end < 0 {
		return step{}, "", fmt.Errorf("%q has no closing bracket; write ['key'] or [0]", text)
	}
	n, err := strconv.ParseUint(text[1:end], 10, 31)
	if err != nil {
		return step{}, "", fmt.Errorf("%q is no number; write a key in quotes, as in ['key']",
			text[1:end])
	}
	return step{index: int(n)}, text[end+1:], nil
}

// AppendText appends what the accessor stands for, as it is; ok is false, and dst comes back with
// its length, if it is not there or is not text, a number or a bool. body starts with the record's
// body.
func (a *Accessor) AppendText(dst []byte, tag string, body []byte) (out []byte, ok bool) {
	if a.path == nil {
		part, ok := tagPart(tag, a.part)
		return append(dst, part...), ok
	}
	value, ok := a.find(body)
	if !ok {
		return dst, false
	}
	return appendScalar(dst, value)
}

// find returns where the accessor's value starts in a body.
func (a *Accessor) find(body []byte) (value []byte, ok bool) {
	for _, s := range a.path {
		if body, ok = s.find(body); !ok {
			return nil, false
		}
	}
	return body, true
}

// tagPart is the part of a tag between dots.
func tagPart(tag string, part int) (string, bool) {
	if part == wholeTag {
		return tag, true
	}
	for ; part > 0; part-- {
		_, after, found := strings.Cut(tag, ".")
		if !found {
			return "", false
		}
		tag = after
	}
	tag, _, _ = strings.Cut(tag, ".")
	return tag, true
}

// find returns where the step's value starts in b. Of equal keys it takes the
// last one, as documents do.
func (s step) find(b []byte) (value []byte, ok bool) {
	if s.index >= 0 {
		elements, b, ok := chunk.ReadArrayHeader(b)
		if !ok || uint64(s.index) >= uint64(elements) {
			return nil, false
		}
		for range s.index {
			n, err := chunk.Skip(b)
			if err != nil {
				return nil, false
			}
			b = b[n:]
		}
		return b, true
	}
	pairs, b, ok := chunk.ReadMapHeader(b)
	if !ok {
		return nil, false
	}
	for ; pairs > 0; pairs-- {
		key, rest, isText := chunk.ReadString(b)
		if !isText {
			n, err := chunk.Skip(b)
			if err != nil {
				return nil, false
			}
			rest = b[n:]
		}
		if isText && string(key) == s.key {
			value = rest
		}
		if pairs == 1 { // where the kubernetes filter puts its map: nothing to look for behind it
			break
		}
		if _, after, ok := chunk.ReadString(rest); ok {
			b = after
			continue
		}
		n, err := chunk.Skip(rest)
		if err != nil {
			return nil, false
		}
		b = rest[n:]
	}
	return value, value != nil
}

// appendScalar appends the plain text of the value at b's start: a number as documents have it.
func appendScalar(dst, b []byte) (out []byte, ok bool) {
	if s, _, ok := chunk.ReadString(b); ok {
		return append(dst, s...), true
	}
	if negative, v, _, ok := chunk.ReadInteger(b); ok {
		if negative {
			return strconv.AppendInt(dst, int64(v), 10), true
		}
		return strconv.AppendUint(dst, v, 10), true
	}
	if v, bits, _, ok := chunk.ReadFloat(b); ok {
		return document.AppendFloat(dst, v, bits), true
	}
	if len(b) > 0 && (b[0] == 0xc2 || b[0] == 0xc3) {
		return strconv.AppendBool(dst, b[0] == 0xc3), true
	}
	return dst, false
}
