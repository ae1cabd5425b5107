package deliver

import (
	"bytes"

	"out_opensearch_irsa/internal/accessor"
	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/config"
)

// meta reads what records bring for their action lines. It belongs to one flush.
type meta struct {
	compile.Fields

	out bulk.Meta
	buf []byte
}

// newMeta returns nil where no option names a field.
func newMeta(cfg *config.Config) (*meta, error) {
	fields, err := compile.NewFields(cfg)
	if fields == (compile.Fields{}) {
		return nil, err
	}
	return &meta{Fields: fields}, err
}

// of returns what a record brings, good until the next call; nil from a nil meta.
func (m *meta) of(tag string, body []byte) *bulk.Meta {
	if m == nil {
		return nil
	}
	m.buf = m.buf[:0]
	m.out.ID, m.out.Routing, m.out.Pipeline = m.append(m.ID, tag, body),
		m.append(m.Routing, tag, body), m.append(m.Pipeline, tag, body)
	return &m.out
}

// hasID tells whether the record that of was called with last has an id of its own.
func (m *meta) hasID() bool { return m != nil && m.out.ID != nil }

// hasOffset tells whether a record holds its line's place in its file, so that it differs from any
// other line's whatever their times. It is a number, as tail writes it.
func (m *meta) hasOffset(tag string, body []byte) bool {
	if m == nil {
		return false
	}
	text := m.append(m.Offset, tag, body)
	return len(text) > 2 && len(bytes.Trim(text[1:len(text)-1], "0123456789")) == 0
}

func (m *meta) append(f *accessor.Field, tag string, body []byte) []byte {
	if f == nil {
		return nil
	}
	start := len(m.buf)
	out, ok := f.Append(m.buf, tag, body)
	m.buf = out
	if !ok {
		return nil
	}
	return out[start:len(out):len(out)]
}
