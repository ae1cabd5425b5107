package simulation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A letter is a dead letter as it was documented.
type letter struct {
	Time   string `json:"@timestamp"`
	Index  string `json:"index"`
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Tag    string `json:"tag"`
	Record string `json:"record"`
	Raw    []byte `json:"record_msgpack"`
	Cut    bool   `json:"truncated"`
}

func (o *oracle) countLetters() {
	for index, docs := range o.d.docs {
		if !strings.HasSuffix(index, deadLetterSuffix) {
			continue
		}
		for _, doc := range docs {
			o.countLetter(doc.raw, "index "+index)
		}
	}
	if o.s.option("Dead_Letter_Path") == "" {
		return
	}
	files, _ := filepath.Glob(o.a.property("Dead_Letter_Path") + "*")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			o.problem("%v", err)
		}
		for in := bufio.NewReader(bytes.NewReader(text)); ; {
			text, err := in.ReadBytes('\n')
			if len(text) > 0 {
				o.countLetter(text, "the file")
			}
			if err != nil {
				break
			}
		}
	}
}

func (o *oracle) countLetter(text []byte, where string) {
	var l letter
	if err := json.Unmarshal(text, &l); err != nil {
		o.problem("in %s is a dead letter that is no JSON, %v: %.300q", where, err, text)
		return
	}
	if t := o.tornOf(&l); t != nil {
		t.letters++
		return
	}
	if o.rules != nil {
		o.texts = append(o.texts, l.Record+string(l.Raw))
	}
	acc := o.ofLetter(&l)
	if acc == nil {
		o.problem("in %s is a dead letter of what nobody wrote: %.500s", where, text)
		return
	}
	acc.letters++
	if l.Reason == "" || l.Tag != acc.tag || l.Index != acc.index {
		o.problem("a dead letter of %s says tag %q, index %q, reason %q", acc, l.Tag, l.Index,
			l.Reason)
	}
	if _, err := jsonForm([]byte(l.Record)); l.Raw == nil && l.Cut != (err != nil) ||
		l.Cut && where == "the file" {
		o.problem("in %s is a dead letter of %s that is marked wrong, truncated %t: %v", where, acc,
			l.Cut, err)
	}
	acc.reasons = append(acc.reasons, l.Type)
}

// tornOf finds the end of a chunk that a letter is of. One that was cut is the beginning of what
// was too large for the domain.
func (o *oracle) tornOf(l *letter) *tornEnd {
	if !l.Cut {
		return o.torn[l.Tag+" "+string(l.Raw)]
	}
	limit := o.s.domain.limit
	for key, t := range o.torn {
		if len(l.Raw) > 0 && strings.HasPrefix(key, l.Tag+" "+string(l.Raw)) && limit > 0 &&
			len(t.raw) > limit/2 {
			return t
		}
	}
	return nil
}

// ofLetter finds whose letter it is. One that was cut to fit has its name at the beginning, and
// must have been too large for the domain when whole.
func (o *oracle) ofLetter(l *letter) *account {
	if l.Raw != nil {
		for _, acc := range o.order {
			for _, p := range acc.pieces {
				if bytes.HasSuffix(p.first.bytes, l.Raw) && len(l.Raw) > 0 {
					return acc
				}
			}
		}
		return nil
	}
	form, err := jsonForm([]byte(l.Record))
	if err == nil {
		return o.accounts[l.Index+" "+form]
	}
	_, name, _ := strings.Cut(l.Record, `"k":"`)
	name, _, _ = strings.Cut(name, `"`)
	for _, acc := range o.byName[name] {
		for _, p := range acc.pieces {
			at, err := time.Parse(time.RFC3339Nano, l.Time)
			if limit := o.s.domain.limit; err == nil && at.Equal(p.first.at) && limit > 0 &&
				len(p.first.bytes) > limit/2 {
				return acc
			}
		}
	}
	return nil
}
