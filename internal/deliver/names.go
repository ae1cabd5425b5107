package deliver

import (
	"fmt"
	"time"

	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/indexname"
)

// names renders index names. It belongs to one flush: templates keep what they rendered last.
type names struct {
	compile.Names
	byClock bool
	buf     []byte
}

func newNames(cfg *config.Config) (names, error) {
	n, err := compile.NewNames(cfg)
	return names{Names: n, byClock: cfg.CurrentTimeIndex}, err
}

// index is the name of a record's index. It is good until the next name is rendered.
func (n *names) index(f *flush, r *chunk.Record) []byte {
	name, ok := n.render(n.Target, f.tag, r)
	if !ok {
		name, _ = n.render(n.Fallback, f.tag, r)
		f.d.otherErrors.Failed(indexTemplateError, func() string {
			return fmt.Sprintf("a record of tag %s lacks a key that Index %q is made of: such "+
				"records go to Fallback_Index, now %s", f.tag, f.d.cfg.Index, name)
		})
	}
	return name
}

// deadLetter is the name of the index that a record's dead letter goes to.
func (n *names) deadLetter(f *flush, r *chunk.Record) []byte {
	if name, ok := n.render(n.DeadLetter, f.tag, r); ok {
		return name
	}
	name, _ := n.render(n.Fallback, f.tag, r)
	n.buf = append(name, "-dead-letter"...)
	return n.buf
}

func (n *names) render(t *indexname.Template, tag string, r *chunk.Record) ([]byte, bool) {
	sec := r.Sec
	if n.byClock {
		sec = time.Now().Unix()
	}
	name, ok := t.Append(n.buf[:0], sec, tag, r.Body)
	n.buf = name
	return name, ok
}
