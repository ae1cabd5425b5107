package document

import (
	"bytes"
	"fmt"

	"out_opensearch_irsa/internal/strftime"
)

// head is what stands before a record's own fields: the event time and the tag.
type head struct {
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

func newHead(o Options) (head, error) {
	h := head{digits: 3}
	if o.TimeNanos {
		h.digits = 9
	}
	if o.TimeKey != "" {
		text := o.TimeFormat
		if text == "" {
			text = DefaultTimeFormat
		}
		f, err := strftime.Compile(text)
		if err != nil {
			return h, fmt.Errorf("cannot use time format %q: %w", text, err)
		}
		for i, p := range f {
			f[i].Literal = string(appendText(nil, []byte(p.Literal), 0, len(p.Literal)))
		}
		h.format = f
		h.timeKey = AppendString(nil, []byte(o.TimeKey))
	}
	if o.TagKey != "" {
		if h.tagKey = AppendString(nil, []byte(o.TagKey)); bytes.Equal(h.tagKey, h.timeKey) {
			return h, fmt.Errorf("cannot use the key %q for both the time and the tag; choose another for one of them", o.TagKey)
		}
	}
	h.compose()
	return h, nil
}

// setTag tells whether the tag is another than before.
func (h *head) setTag(tag string) bool {
	if h.known && h.tag == tag {
		return false
	}
	h.tag, h.known = tag, true
	h.compose()
	return true
}

// compose writes the fields anew; the digits of the time are to be set.
func (h *head) compose() {
	h.tagField = h.tagField[:0]
	if h.tagKey != nil {
		h.tagField = append(append(h.tagField, h.tagKey...), ':', '"')
		h.tagField = appendText(h.tagField, []byte(h.tag), 0, len(h.tag))
		h.tagField = append(h.tagField, '"')
	}
	h.text = append(h.text[:0], '{')
	if h.timeKey != nil {
		h.text = append(append(h.text, h.timeKey...), ':', '"')
		h.stamp = len(h.text)
		h.sec = max(h.sec, 0)
		h.text = append(h.format.Append(h.text, h.sec), '.')
		h.fraction = len(h.text)
		h.text = append(append(h.text, "000000000"[:h.digits]...), 'Z', '"')
		h.timeEnd = len(h.text)
		if h.tagKey != nil {
			h.text = append(h.text, ',')
		}
	}
	h.text = append(h.text, h.tagField...)
}

// ownFields are the head's fields that a record has itself: a bit for each field
// there is, in order.
type ownFields uint8

// append appends the opening brace and the fields.
func (h *head) append(dst []byte, sec int64, nsec uint32) []byte {
	if h.timeKey == nil {
		return append(dst, h.text...)
	}
	if sec != h.sec {
		h.setSecond(sec)
	}
	fraction := h.text[h.fraction:]
	ms := int(nsec / 1e6)
	fraction[0] = byte('0' + ms/100)
	putPair(fraction[1:], ms%100)
	if h.digits == 9 {
		rest := int(nsec % 1e6)
		putPair(fraction[3:], rest/1e4)
		putPair(fraction[5:], rest/100%100)
		putPair(fraction[7:], rest%100)
	}
	return append(dst, h.text...)
}

func (h *head) setSecond(sec int64) {
	h.sec = sec
	if !h.format.Patch(h.text[h.stamp:], sec) {
		h.compose()
	}
}

// appendWithout is append without the fields that are the record's own.
func (h *head) appendWithout(dst []byte, own ownFields, sec int64, nsec uint32) []byte {
	if own == 0 {
		return h.append(dst, sec, nsec)
	}
	if h.timeKey != nil && own&1 == 0 { // the tag, then, is the record's own
		dst = h.append(dst, sec, nsec)
		return dst[:len(dst)-len(h.text)+h.timeEnd]
	}
	dst = append(dst, '{')
	if h.timeKey != nil && own&2 == 0 {
		dst = append(dst, h.tagField...)
	}
	return dst
}

// fields is how many fields the head has.
func (h *head) fields() (n int) {
	if h.timeKey != nil {
		n++
	}
	if h.tagKey != nil {
		n++
	}
	return n
}

// appendKeys appends where the head's keys stand; text is the head as written,
// at start.
func (h *head) appendKeys(keys []keySpan, text []byte, start int) []keySpan {
	if h.timeKey != nil {
		keys = append(keys, span1(h.timeKey, start+1))
	}
	if h.tagKey != nil {
		keys = append(keys, span1(h.tagKey, start+len(text)-len(h.tagField)))
	}
	return keys
}

func span1(quoted []byte, at int) keySpan {
	return keySpan{start: at, end: at + len(quoted), hash: hashKey(quoted[1 : len(quoted)-1])}
}
