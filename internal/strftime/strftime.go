// Package strftime renders times by the formats of C's strftime, in UTC and in English. Its input
// is a format's text, once, and then seconds since 1970; its output is text appended to the
// caller's buffer.
package strftime

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Format is a format taken apart.
type Format []Part

// Part is literal text and the conversion after it.
type Part struct {
	Literal string
	Verb    byte // 'Y' of %Y; 0 = none
}

// maxSec is the last second that a year of four digits can name, 9999-12-31T23:59:59Z.
const maxSec = 253402300799

// composed are conversions that stand for others.
var composed = map[byte]string{
	'c': "%a %b %e %H:%M:%S %Y",
	'D': "%m/%d/%y",
	'F': "%Y-%m-%d",
	'h': "%b",
	'n': "\n",
	'r': "%I:%M:%S %p",
	'R': "%H:%M",
	't': "\t",
	'T': "%H:%M:%S",
	'x': "%m/%d/%y",
	'X': "%H:%M:%S",
	'Z': "UTC",
	'z': "+0000",
}

const (
	byDay    = "aAbBCdegGjmuUVwWyY" // conversions that change with the day
	byHour   = "HIklpP"
	byMinute = "M"
	bySecond = "sS"
)

// Compile takes text apart. Its errors name the conversion at fault.
func Compile(text string) (Format, error) {
	var f Format
	var literal []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			literal = append(literal, text[i])
			continue
		}
		i++
		if i == len(text) {
			return nil, errors.New("it ends in a lone %; write %% for a percent sign")
		}
		verb := text[i]
		switch expansion, ok := composed[verb]; {
		case verb == '%':
			literal = append(literal, '%')
		case ok:
			inner, err := Compile(expansion)
			if err != nil {
				return nil, err
			}
			for _, p := range inner {
				literal = append(literal, p.Literal...)
				if p.Verb != 0 {
					f = append(f, Part{string(literal), p.Verb})
					literal = literal[:0]
				}
			}
		case period(verb) != 0:
			f = append(f, Part{string(literal), verb})
			literal = literal[:0]
		default:
			return nil, fmt.Errorf("unknown conversion %%%c; write %%%% for a percent sign, or "+
				"one of strftime's, such as %%Y %%m %%d %%H", rune(verb))
		}
	}
	if len(literal) > 0 {
		f = append(f, Part{Literal: string(literal)})
	}
	return f, nil
}

// period is for how many seconds on end, from a multiple of it on, a conversion
// gives the same; 0 if there is no such conversion.
func period(verb byte) int64 {
	for i, verbs := range []string{bySecond, byMinute, byHour, byDay} {
		for j := range len(verbs) {
			if verbs[j] == verb {
				return []int64{1, 60, 3600, 86400}[i]
			}
		}
	}
	return 0
}

// Period is for how long, in seconds, from a multiple of it on, the rendered text stays the same.
func (f Format) Period() int64 {
	p := int64(86400)
	for _, part := range f {
		if part.Verb != 0 {
			p = min(p, period(part.Verb))
		}
	}
	return p
}

// Append appends the time sec (seconds since 1970, any).
func (f Format) Append(dst []byte, sec int64) []byte {
	t := time.Unix(sec, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	for _, p := range f {
		dst = append(dst, p.Literal...)
		switch p.Verb {
		case 'Y':
			dst = appendPadded(dst, year, 4)
		case 'm':
			dst = appendPadded(dst, int(month), 2)
		case 'd':
			dst = appendPadded(dst, day, 2)
		case 'H':
			dst = appendPadded(dst, hour, 2)
		case 'M':
			dst = appendPadded(dst, minute, 2)
		case 'S':
			dst = appendPadded(dst, second, 2)
		case 0:
		default:
			dst = appendRare(dst, p.Verb, t)
		}
	}
	return dst
}

// Patch writes sec over text, which Append has written for another time. It
// returns false if not all conversions have a fixed width; text is then spoiled.
func (f Format) Patch(text []byte, sec int64) bool {
	if sec < 0 || sec > maxSec {
		return false
	}
	t := time.Unix(sec, 0).UTC()
	year, month, day := t.Date()
	of := int(sec % 86400)
	at := 0
	for i := range f {
		at += len(f[i].Literal)
		v := 0
		switch f[i].Verb {
		case 'Y':
			putPair(text[at:], year/100)
			at, v = at+2, year%100
		case 'm':
			v = int(month)
		case 'd':
			v = day
		case 'H':
			v = of / 3600
		case 'M':
			v = of / 60 % 60
		case 'S':
			v = of % 60
		case 0:
			continue
		default:
			return false
		}
		putPair(text[at:], v)
		at += 2
	}
	return true
}

// appendRare appends the conversions that few formats use.
func appendRare(dst []byte, verb byte, t time.Time) []byte {
	hour12 := (t.Hour()+11)%12 + 1
	isoYear, isoWeek := t.ISOWeek()
	yday, wday := t.YearDay()-1, int(t.Weekday()) // both from 0
	switch verb {
	case 'a':
		return append(dst, t.Weekday().String()[:3]...)
	case 'A':
		return append(dst, t.Weekday().String()...)
	case 'b':
		return append(dst, t.Month().String()[:3]...)
	case 'B':
		return append(dst, t.Month().String()...)
	case 'C':
		return appendPadded(dst, t.Year()/100, 2)
	case 'e':
		return appendSpaced(dst, t.Day())
	case 'g':
		return appendPadded(dst, isoYear%100, 2)
	case 'G':
		return appendPadded(dst, isoYear, 4)
	case 'I':
		return appendPadded(dst, hour12, 2)
	case 'j':
		return appendPadded(dst, yday+1, 3)
	case 'k':
		return appendSpaced(dst, t.Hour())
	case 'l':
		return appendSpaced(dst, hour12)
	case 'p':
		return append(dst, [2]string{"AM", "PM"}[t.Hour()/12]...)
	case 'P':
		return append(dst, [2]string{"am", "pm"}[t.Hour()/12]...)
	case 's':
		return strconv.AppendInt(dst, t.Unix(), 10)
	case 'u':
		return appendPadded(dst, (wday+6)%7+1, 1)
	case 'U':
		return appendPadded(dst, (yday+7-wday)/7, 2)
	case 'V':
		return appendPadded(dst, isoWeek, 2)
	case 'w':
		return appendPadded(dst, wday, 1)
	case 'W':
		return appendPadded(dst, (yday+7-(wday+6)%7)/7, 2)
	case 'y':
		return appendPadded(dst, t.Year()%100, 2)
	}
	return dst
}

// appendPadded appends v with zeros up to the width; v is not negative in the
// years that a chunk can name.
func appendPadded(dst []byte, v, width int) []byte {
	if width == 2 && uint(v) < 100 {
		return append(dst, byte('0'+v/10), byte('0'+v%10))
	}
	if width == 4 && uint(v) < 10000 {
		return append(dst, byte('0'+v/1000), byte('0'+v/100%10), byte('0'+v/10%10), byte('0'+v%10))
	}
	for limit := 10; width > 1; width-- {
		if v < limit {
			dst = append(dst, '0')
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(v), 10)
}

func appendSpaced(dst []byte, v int) []byte {
	if v < 10 {
		dst = append(dst, ' ')
	}
	return strconv.AppendInt(dst, int64(v), 10)
}

// putPair writes v, 0 to 99, as two digits.
func putPair(b []byte, v int) { b[0], b[1] = byte('0'+v/10), byte('0'+v%10) }
