package document

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"out_opensearch_irsa/internal/chunk"
)

// accessor is a reference into a record, or to its tag.
type accessor struct {
	path []step // into the body; nil for the tag
	part int    // of the tag, from 0; wholeTag for all of it
}

// step is one key of a map, or one element of an array.
type step struct {
	key   string
	index int // of an array's element, from 0; -1 if key counts
}

const wholeTag = -1

// parseAccessor reads a record accessor, as Fluent Bit writes it, at text's
// start, which is a '$'.
func parseAccessor(text string) (*accessor, string, error) {
	end := 1
	for end < len(text) && isKeyByte(text[end]) {
		end++
	}
	name, rest := text[1:end], text[end:]
	if name == "" && !strings.HasPrefix(rest, "['") {
		return nil, "", errors.New("a $ must be followed by the name of a field, as in $kubernetes['namespace_name'] or $['a-b'], or by TAG")
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
		return &accessor{path: path}, rest, nil
	}
	if name != "TAG" {
		return &accessor{path: append([]step{{name, -1}}, path...)}, rest, nil
	}
	switch {
	case len(path) == 0:
		return &accessor{part: wholeTag}, rest, nil
	case len(path) == 1 && path[0].index >= 0:
		return &accessor{part: path[0].index}, rest, nil
	}
	return nil, "", errors.New("$TAG takes one number, as in $TAG[2]")
}

// isKeyByte tells what the first name of an accessor may hold. '-' and '.' end
// it, since they are what names of indices are joined by.
func isKeyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '@' || c >= utf8.RuneSelf
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
		return step{}, "", fmt.Errorf("%q is no number; write a key in quotes, as in ['key']", text[1:end])
	}
	return step{index: int(n)}, text[end+1:], nil
}

// append appends what the accessor stands for, made legal for an index name; ok
// is false if it is not there or is not text, a number or a bool.
func (a *accessor) append(dst []byte, tag string, body []byte) (out []byte, ok bool) {
	start := len(dst)
	if a.path == nil {
		part, ok := tagPart(tag, a.part)
		if !ok {
			return dst, false
		}
		for _, r := range part {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	} else {
		if body, ok = a.find(body); !ok {
			return dst, false
		}
		if dst, ok = appendScalar(dst, body, true); !ok {
			return dst, false
		}
	}
	makeLegal(dst[start:])
	return dst, true
}

// find returns where the accessor's value starts in a body.
func (a *accessor) find(body []byte) (value []byte, ok bool) {
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

// appendScalar appends the plain text of the value at b's start, in lower case if fold is true.
func appendScalar(dst, b []byte, fold bool) (out []byte, ok bool) {
	if s, _, ok := chunk.ReadString(b); ok {
		if !fold {
			return append(dst, s...), true
		}
		for len(s) > 0 {
			r, n := utf8.DecodeRune(s)
			dst, s = utf8.AppendRune(dst, unicode.ToLower(r)), s[n:]
		}
		return dst, true
	}
	if negative, v, _, ok := chunk.ReadInteger(b); ok {
		if negative {
			return strconv.AppendInt(dst, int64(v), 10), true
		}
		return appendUint(dst, v), true
	}
	if v, bits, _, ok := chunk.ReadFloat(b); ok {
		return appendFloat(dst, v, bits), true
	}
	if len(b) > 0 && (b[0] == 0xc2 || b[0] == 0xc3) {
		return strconv.AppendBool(dst, b[0] == 0xc3), true
	}
	return dst, false
}
