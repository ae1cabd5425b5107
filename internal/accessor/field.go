package accessor

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"out_opensearch_irsa/internal/document"
)

// Field is what an accessor stands for, as the text of an id, a routing value or a pipeline's name.
// It is safe for concurrent use.
type Field struct{ a *Accessor }

// CompileField takes a record accessor, such as $kubernetes['pod_id'], or the bare name of a field
// at the record's top.
func CompileField(text string) (*Field, error) {
	if text == "" {
		return nil, errors.New("it is empty: write a field such as $trace_id")
	}
	if !strings.HasPrefix(text, "$") {
		return &Field{&Accessor{path: []step{{text, -1}}}}, nil
	}
	a, rest, err := Parse(text)
	if err == nil && rest != "" {
		err = fmt.Errorf("%q follows the field: one field alone is taken here", rest)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use field %q: %w", text, err)
	}
	return &Field{a}, nil
}

// maxField is the longest id that OpenSearch takes, in bytes of UTF-8. It refuses a whole request
// for the sake of a longer one.
const maxField = 512

// Append appends what the field holds as a JSON string, with its quotation marks. ok is false, and
// dst comes back with its length, if the record has no such field, or one that is empty, is longer
// than OpenSearch takes for an id, or is not text, a number or a bool.
func (f *Field) Append(dst []byte, tag string, body []byte) (out []byte, ok bool) {
	var plain [maxField]byte // a longer value moves to the heap
	text, ok := f.a.AppendText(plain[:0], tag, body)
	if !ok || len(text) == 0 || utf8Size(text) > maxField {
		return dst, false
	}
	return document.AppendString(dst, text), true
}

// utf8Size is how many bytes of UTF-8 a server reads in text, in which each byte that is none has
// become U+FFFD.
func utf8Size(text []byte) (n int) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		n, text = n+utf8.RuneLen(r), text[size:]
	}
	return n
}
