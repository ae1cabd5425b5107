// Package indexname makes the names of indices: from the text of an option such as Index, and for
// each record its time, tag and body. What it makes is always a name that OpenSearch takes.
package indexname

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"out_opensearch_irsa/internal/accessor"
	"out_opensearch_irsa/internal/strftime"
)

// Template names the index of a record. Its text mixes
//
//	logs-app                          literal text
//	%Y.%m.%d                          strftime of the event time, in UTC
//	$TAG  $TAG[2]                     the tag, or one of its parts between dots, from 0
//	$kubernetes['namespace_name']     a field of the record
//
// It caches the rendered time, so each worker compiles its own; it is not safe
// for concurrent use.
type Template struct {
	segments []segment
}

// segment is a literal and what follows it.
type segment struct {
	literal  string
	time     *timeSegment       // or nil
	accessor *accessor.Accessor // or nil
}

// timeSegment is a sequence of conversions, with its last rendering.
type timeSegment struct {
	format strftime.Format
	period int64
	turn   int64 // the seconds divided by period that text is for
	text   []byte
}

// maxName is what OpenSearch takes, in bytes.
const maxName = 255

// Compile takes the text of an index name apart and checks what it can of
// OpenSearch's rules for names; the error names the place and the remedy.
func Compile(text string) (*Template, error) {
	t, err := compile(text)
	if err != nil {
		return nil, fmt.Errorf("cannot use index name %q: %w", text, err)
	}
	return t, nil
}

func compile(text string) (*Template, error) {
	if text == "" {
		return nil, errors.New("it is empty")
	}
	t := &Template{}
	for rest := text; rest != ""; {
		plain := rest
		if at := strings.IndexByte(rest, '$'); at >= 0 {
			plain = rest[:at]
		}
		rest = rest[len(plain):]
		if err := t.addPlain(plain); err != nil {
			return nil, err
		}
		if rest == "" {
			break
		}
		a, after, err := accessor.Parse(rest)
		if err != nil {
			return nil, err
		}
		t.segments = append(t.segments, segment{accessor: a})
		rest = after
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not valid UTF-8")
	}
	if isDots([]byte(text)) {
		return nil, fmt.Errorf("a name cannot be %q", text)
	}
	length := 0
	for _, s := range t.segments {
		length += len(s.literal)
	}
	if length > maxName {
		return nil, fmt.Errorf("it has %d bytes of text; OpenSearch takes %d", length, maxName)
	}
	return t, nil
}

// addPlain adds text without accessors.
func (t *Template) addPlain(text string) error {
	f, err := strftime.Compile(text)
	if err != nil {
		return err
	}
	for i, p := range f {
		if err := checkLiteral(p.Literal, i == 0 && len(t.segments) == 0); err != nil {
			return err
		}
	}
	switch n := len(f); {
	case n == 0:
	case n == 1 && f[0].Verb == 0:
		t.segments = append(t.segments, segment{literal: f[0].Literal})
	default:
		literal := f[0].Literal
		f[0].Literal = ""
		t.segments = append(t.segments,
			segment{literal: literal, time: &timeSegment{format: f, period: f.Period(), turn: -1}})
	}
	return nil
}

// Append appends the name of the index for a record. body starts with the
// record's body. ok is false, and dst comes back with its length, if a field is
// missing, or is not text, a number or a bool, or if the name comes out empty,
// longer than OpenSearch takes or, by what a record says, hidden as the system's
// own are: the record then needs another index.
func (t *Template) Append(dst []byte, sec int64, tag string, body []byte) (out []byte, ok bool) {
	start := len(dst)
	for i := range t.segments {
		s := &t.segments[i]
		dst = append(dst, s.literal...)
		switch {
		case s.time != nil:
			dst = s.time.append(dst, sec)
		case s.accessor != nil:
			at := len(dst)
			if dst, ok = s.accessor.AppendText(dst, tag, body); !ok {
				return dst[:start], false
			}
			dst = append(dst[:at], legal(dst[at:])...)
		}
	}
	name := dst[start:]
	if n := len(name); n == 0 || n > maxName || strings.IndexByte("-_+", name[0]) >= 0 ||
		name[0] == '.' && t.segments[0].literal == "" || isDots(name) {
		return dst[:start], false
	}
	return dst, true
}

func (s *timeSegment) append(dst []byte, sec int64) []byte {
	turn := sec / s.period // seconds are never negative
	if turn != s.turn {
		s.turn = turn
		s.text = s.format.Append(s.text[:0], sec)
		s.text = legal(s.text)
	}
	return append(dst, s.text...)
}
