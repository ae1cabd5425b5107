package deadletter

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MinLimit is the least limit that AppendJSON keeps to.
const MinLimit = 1 << 10

// AppendJSON appends the record as one JSON object without a newline, of at most limit bytes; 0
// means whatever it takes. What is longer is cut and marked: "truncated" is true, and "record_size"
// is how many bytes the record had. The record itself is cut first, to as much as fits; where it
// does not fit without the record, the other texts are cut too, each to an eighth of what they
// share.
func (r *Record) AppendJSON(dst []byte, limit int) []byte {
	if limit <= 0 {
		limit = math.MaxInt
	}
	limit = max(limit, MinLimit)
	if whole := r.append(dst, share{texts: math.MaxInt,
		record: math.MaxInt}); len(whole)-len(dst) <= limit {
		return whole
	}
	s := share{truncated: true, texts: math.MaxInt}
	size := len(r.append(nil, s))
	if size > limit {
		bare := r.append(nil, share{truncated: true})
		s.texts = (limit - len(bare)) / 8
		size = len(r.append(nil, s))
	}
	s.record = limit - size
	return r.append(dst, s)
}

// share is how many bytes of JSON a record's parts may take: each text, and the record.
type share struct {
	texts, record int
	truncated     bool
}

func (r *Record) append(b []byte, s share) []byte {
	text := func(name, value string) {
		b = append(b, name...)
		b = appendText(b, value, s.texts)
		b = append(b, '"')
	}
	b = append(b, `{"@timestamp":"`...)
	b = timestamp(r.Time).AppendFormat(b, "2006-01-02T15:04:05.000000000Z07:00")
	text(`","tag":"`, r.Tag)
	if r.Index != "" {
		text(`,"index":"`, r.Index)
	}
	if r.ID != "" {
		text(`,"id":"`, r.ID)
	}
	if r.Routing != "" {
		text(`,"routing":"`, r.Routing)
	}
	if r.Status != 0 {
		b = strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10)
	}
	text(`,"type":"`, r.Type)
	text(`,"reason":"`, r.Reason)
	b = strconv.AppendInt(append(b, `,"attempts":`...), int64(r.Attempts), 10)
	size := len(r.Document)
	if size > 0 {
		b = append(b, `,"record":"`...)
		before := len(b)
		b = appendText(b, string(r.Document), s.record)
		s.record -= len(b) - before
		b = append(b, '"')
	}
	if len(r.Raw) > 0 {
		n := len(r.Raw)
		if s.record < base64.StdEncoding.EncodedLen(n) {
			n = s.record / 4 * 3
		}
		b = append(b, `,"record_msgpack":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, r.Raw[:n]), '"')
		size += len(r.Raw)
	}
	if s.truncated || r.Truncated {
		if r.Truncated {
			size = r.RecordSize // it was cut before
		}
		b = append(b, `,"truncated":true,"record_size":`...)
		b = strconv.AppendInt(b, int64(size), 10)
	}
	return append(b, '}')
}

// timestamp is t in UTC, held to the years that RFC 3339 can write: a record's time may be
// anything.
func timestamp(t time.Time) time.Time {
	t = t.UTC()
	switch y := t.Year(); {
	case y < 0:
		return time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case y > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
	}
	return t
}

// appendText appends s as the inside of a JSON string, as encoding/json writes it without
// EscapeHTML: as many of its characters as take up to limit bytes.
func appendText(dst []byte, s string, limit int) []byte {
	for len(s) > 0 {
		if n := plain(s[:max(0, min(len(s), limit))]); n > 0 {
			dst, s, limit = append(dst, s[:n]...), s[n:], limit-n
			continue
		}
		char, size := utf8.DecodeRuneInString(s)
		piece := s[:size]
		switch short := strings.IndexRune("\b\f\n\r\t\"\\", char); {
		case char == utf8.RuneError && size == 1: // not UTF-8
			piece = `\ufffd`
		case short >= 0:
			piece = `\b\f\n\r\t\"\\`[2*short:][:2]
		case char < ' ' || char == '\u2028' || char == '\u2029':
			piece = fmt.Sprintf(`\u%04x`, char)
		}
		if len(piece) > limit {
			break
		}
		limit -= len(piece)
		dst = append(dst, piece...)
		s = s[size:]
	}
	return dst
}

// plain is how many bytes at the beginning of s are ASCII that stands for itself in JSON.
func plain(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(s)
}
