package deliver

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"out_opensearch_irsa/internal/accessor"
	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/config"
)

// meta reads what records bring for their action lines. It belongs to one flush.
type meta struct {
	id, routing, pipeline, offset *accessor.Field // nil where the option is not given, or names no field

	out bulk.Meta
	buf []byte
}

// newMeta returns nil where no option names a field.
func newMeta(cfg *config.Config) (*meta, error) {
	m := &meta{}
	var failed []error
	compile := func(option, text string) *accessor.Field {
		if text == "" {
			return nil
		}
		f, err := accessor.CompileField(text)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", option, err))
		}
		return f
	}
	m.id, m.routing, m.offset = compile("Id_Key", cfg.IDKey), compile("Routing_Key", cfg.RoutingKey), compile("Offset_Key", cfg.OffsetKey)
	if strings.HasPrefix(cfg.Pipeline, "$") {
		m.pipeline = compile("Pipeline", cfg.Pipeline)
	}
	if m.id == nil && m.routing == nil && m.pipeline == nil && m.offset == nil {
		return nil, errors.Join(failed...)
	}
	return m, errors.Join(failed...)
}

// of returns what a record brings, good until the next call; nil from a nil meta.
func (m *meta) of(tag string, body []byte) *bulk.Meta {
	if m == nil {
		return nil
	}
	m.buf = m.buf[:0]
	m.out.ID, m.out.Routing, m.out.Pipeline = m.append(m.id, tag, body), m.append(m.routing, tag, body), m.append(m.pipeline, tag, body)
	return &m.out
}

// hasID tells whether the record that of was called with last has an id of its own.
func (m *meta) hasID() bool { return m != nil && m.out.ID != nil }

// hasOffset tells whether a record holds its line's place in its file, so that it differs from any other
// line's whatever their times. It is a number, as tail writes it.
func (m *meta) hasOffset(tag string, body []byte) bool {
	if m == nil {
		return false
	}
	text := m.append(m.offset, tag, body)
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
