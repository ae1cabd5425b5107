package simulation

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// writer writes the lines of a source.
type writer struct {
	*drawing
	src            *source
	index          int
	at             time.Time
	oddity, poison float64

	traces float64 // how likely a stack trace begins, with Multiline
	end    string  // of the lines' texts, with Multiline
	trace  trace
}

func (w *writer) write(n int) {
	w.src.resolution = []time.Duration{1, 1, time.Microsecond, time.Millisecond,
		time.Second}[w.IntN(5)]
	step := time.Duration(1) << (14 + w.IntN(16)) // 16 µs to half a second
	w.at = w.at.Add(time.Duration(w.Int64N(int64(time.Second)))).Truncate(w.src.resolution)
	ids := w.s.option("Id_Key") != ""
	collide := w.oneOf("", "", "few", "equal")
	form := w.IntN(3) // of the core: 1.9, 4.2, 5.1
	lastWhole := -1
	boost := w.src.resolution == time.Microsecond && w.chance(0.5)
	for i := range n {
		l := &line{source: w.index, n: i}
		switch prev := w.IntN(i + 1); {
		case i > 0 && w.traces == 0 && w.chance(0.02): // a twin
			old := w.src.lines[i-1]
			if old.poison != "" || w.chance(0.7) {
				w.advance(step)
			}
			l.body, l.poison, l.odd = old.body, old.poison, "twin of "+old.name()
		default:
			w.advance(step)
			l.body = w.record(l)
			if ids && l.poison == "" && w.chance(0.8) {
				id := any(fmt.Sprintf("id-%s", l.name()))
				switch {
				case collide == "few":
					id = fmt.Sprintf("id-%d.%d", w.index, prev/5)
				case w.chance(0.1):
					id = int64(w.index*100000 + i)
				case w.chance(0.05): // around the longest that there may be; a broken byte grows
					fill := strings.Repeat("x", 495+w.IntN(25)-len(l.name()))
					id = l.name() + fill + w.oneOf("", "\xff", "\xff\xff\xff")
				case w.chance(0.05):
					id = ""
				}
				l.body = w.withID(l.body, id)
			}
		}
		if w.src.resolution < time.Millisecond {
			// Whole milliseconds are rare among finer times: never two of them in one chunk.
			near := lastWhole >= 0 && i-lastWhole <= 1100 // more than a chunk holds
			if boost && !near && w.chance(0.02) {
				w.at = w.at.Truncate(time.Millisecond).Add(time.Millisecond)
			}
			if w.at.Nanosecond()%1e6 == 0 {
				if near || w.at.Nanosecond() == 0 { // a whole second is taken for coarse
					w.at = w.at.Add(w.src.resolution)
				} else {
					lastWhole = i
				}
			}
		}
		l.at = w.at
		l.bytes = w.encode(l, form)
		w.src.lines = append(w.src.lines, l)
	}
	w.cut(n)
}

func (w *writer) advance(step time.Duration) {
	if w.src.resolution == time.Second {
		if w.chance(0.1) {
			w.at = w.at.Add(time.Second)
		}
		return
	}
	w.at = w.at.Add(time.Duration(w.Int64N(int64(step))).Truncate(w.src.resolution))
	if w.chance(0.95) {
		w.at = w.at.Add(w.src.resolution)
	}
}

func (w *writer) withID(o object, id any) object {
	if w.s.option("Id_Key") == "id" {
		return append(o, pair{"id", id})
	}
	return append(o, pair{"nested", object{{"a", int64(1)}, {"id", id}}})
}

func (w *writer) cut(n int) {
	most := 20
	if w.chance(0.3) {
		most = 1000
	}
	var at time.Duration
	gap := w.between(10*time.Millisecond, 8*time.Second)
	for n > 0 {
		c := cut{n: min(n, 1+w.IntN(most)), at: at}
		n -= c.n
		if w.torn && w.chance(0.1) {
			whole := w.src.lines[len(w.src.lines)-n-1].bytes
			whole = bytes.TrimPrefix(whole, w.marker(-1)) // what stands before it is whole
			c.torn = bytes.Clone(whole[:1+w.IntN(len(whole)-1)])
		}
		w.src.cuts = append(w.src.cuts, c)
		if at += w.between(0, gap); at > time.Minute {
			gap = time.Millisecond
		}
	}
}

// encode writes the line as a record of one of the core's forms.
func (w *writer) encode(l *line, form int) []byte {
	var b []byte
	if form > 0 && w.chance(0.01) {
		b = w.marker(-1)
	}
	if form == 0 {
		b = append(b, 0x92)
	} else {
		b = appendSize(append(b, 0x92), 2, w.Rand, 0x90, 15, 0, 0xdc, 0xdd)
	}
	b = w.encodeTime(b, l.at)
	switch form {
	case 1:
		b = append(b, 0xdf, 0, 0, 0, 0)
	case 2:
		b = append(b, 0x80)
	}
	return appendMsgpack(b, l.body, w.Rand)
}

// marker is a group's start or end.
func (w *writer) marker(sec int32) []byte {
	b := []byte{0x92, 0x92, 0xd7, 0x00}
	b = binary.BigEndian.AppendUint32(b, uint32(sec))
	return append(b, 0, 0, 0, 0, 0x80, 0x80)
}

func (w *writer) encodeTime(b []byte, at time.Time) []byte {
	if at.Nanosecond() == 0 && w.chance(0.2) {
		return appendUint(b, uint64(at.Unix()), w.Rand)
	}
	if at.Nanosecond()%(1<<29) == 0 && w.chance(0.2) {
		return appendMsgpack(b, float64(at.Unix()), w.Rand)
	}
	if w.chance(0.9) {
		b = append(b, 0xd7, 0)
	} else {
		b = append(b, 0xc7, 8, 0)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
}
