package document

import (
	"bytes"
	"fmt"

	"out_opensearch_irsa/internal/strftime"
)

// addedFields is what stands before a record's own fields: the event time and the tag.
type addedFields struct {
	format  strftime.Format
	timeKey []byte // in quotes; nil if there is no such field
	tagKey  []byte // in quotes; nil if there is no such field
	digits  int    // of the fraction of a second

	tag      string
	known    bool   // whether tag has been set
	sec      int64  // that text is for
	text     []byte // {"@timestamp":"2026-11-23T14:00:00.123Z","tag":"kube.x"
	stamp    int    // in text: where the time starts,
	fraction int    // its fraction,
	timeEnd  int    // and what follows its field
	tagField []byte // "tag":"kube.x"
}

func newAddedFields(o Options) (addedFields, error) {
	a := addedFields{digits: 3}
	if o.TimeNanos {
		a.digits = 9
	}
	if o.TimeKey != "" {
		text := o.TimeFormat
		if text == "" {
			text = DefaultTimeFormat
		}
		f, err := strftime.Compile(text)
		if err != nil {
			return a, fmt.Errorf("cannot use time format %q: %w", text, err)
		}
		for i, p := range f {
			f[i].Literal = string(appendText(nil, []byte(p.Literal), 0, len(p.Literal)))
		}
		a.format = f
		a.timeKey = AppendString(nil, []byte(o.TimeKey))
	}
	if o.TagKey != "" {
		if a.tagKey = AppendString(nil, []byte(o.TagKey)); bytes.Equal(a.tagKey, a.timeKey) {
			return a, fmt.Errorf("cannot use the key %q for both the time and the tag; choose "+
				"another for one of them", o.TagKey)
		}
	}
	a.compose()
	return a, nil
}

// setTag tells whether the tag is another than before.
func (a *addedFields) setTag(tag string) bool {
	if a.known && a.tag == tag {
		return false
	}
	a.tag, a.known = tag, true
	a.compose()
	return true
}

// compose writes the fields anew; the digits of the time are to be set.
func (a *addedFields) compose() {
	a.tagField = a.tagField[:0]
	if a.tagKey != nil {
		a.tagField = append(append(a.tagField, a.tagKey...), ':', '"')
		a.tagField = appendText(a.tagField, []byte(a.tag), 0, len(a.tag))
		a.tagField = append(a.tagField, '"')
	}
	a.text = append(a.text[:0], '{')
	if a.timeKey != nil {
		a.text = append(append(a.text, a.timeKey...), ':', '"')
		a.stamp = len(a.text)
		a.sec = max(a.sec, 0)
		a.text = append(a.format.Append(a.text, a.sec), '.')
		a.fraction = len(a.text)
		a.text = append(append(a.text, "000000000"[:a.digits]...), 'Z', '"')
		a.timeEnd = len(a.text)
		if a.tagKey != nil {
			a.text = append(a.text, ',')
		}
	}
	a.text = append(a.text, a.tagField...)
}

// ownFields are the added fields that a record has itself: a bit for each field
// there is, in order.
type ownFields uint8

// append appends the opening brace and the fields.
func (a *addedFields) append(dst []byte, sec int64, nsec uint32) []byte {
	if a.timeKey == nil {
		return append(dst, a.text...)
	}
	if sec != a.sec {
		a.setSecond(sec)
	}
	fraction := a.text[a.fraction:]
	ms := int(nsec / 1e6)
	fraction[0] = byte('0' + ms/100)
	putPair(fraction[1:], ms%100)
	if a.digits == 9 {
		rest := int(nsec % 1e6)
		putPair(fraction[3:], rest/1e4)
		putPair(fraction[5:], rest/100%100)
		putPair(fraction[7:], rest%100)
	}
	return append(dst, a.text...)
}

func (a *addedFields) setSecond(sec int64) {
	a.sec = sec
	if !a.format.Patch(a.text[a.stamp:], sec) {
		a.compose()
	}
}

// appendWithout is append without the fields that are the record's own.
func (a *addedFields) appendWithout(dst []byte, own ownFields, sec int64, nsec uint32) []byte {
	if own == 0 {
		return a.append(dst, sec, nsec)
	}
	if a.timeKey != nil && own&1 == 0 { // the tag, then, is the record's own
		dst = a.append(dst, sec, nsec)
		return dst[:len(dst)-len(a.text)+a.timeEnd]
	}
	dst = append(dst, '{')
	if a.timeKey != nil && own&2 == 0 {
		dst = append(dst, a.tagField...)
	}
	return dst
}

// fields is how many there are.
func (a *addedFields) fields() (n int) {
	if a.timeKey != nil {
		n++
	}
	if a.tagKey != nil {
		n++
	}
	return n
}

// appendKeys appends where their keys stand; text is what append wrote,
// at start.
func (a *addedFields) appendKeys(keys []keySpan, text []byte, start int) []keySpan {
	if a.timeKey != nil {
		keys = append(keys, addedKey(a.timeKey, start+1))
	}
	if a.tagKey != nil {
		keys = append(keys, addedKey(a.tagKey, start+len(text)-len(a.tagField)))
	}
	return keys
}

func addedKey(quoted []byte, at int) keySpan {
	return keySpan{start: at, end: at + len(quoted), hash: hashKey(quoted[1 : len(quoted)-1])}
}
