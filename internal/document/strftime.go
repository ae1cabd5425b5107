package document

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"out_opensearch_irsa/internal/chunk"
)

// timeFormat is a strftime format taken apart. It renders in UTC and in English.
type timeFormat []timePart

type timePart struct {
	literal string
	verb    byte // the conversion after the literal; 0 = none
}

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

// compileTime takes text apart. Its errors name the conversion at fault.
func compileTime(text string) (timeFormat, error) {
	var f timeFormat
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
			inner, err := compileTime(expansion)
			if err != nil {
				return nil, err
			}
			for _, p := range inner {
				literal = append(literal, p.literal...)
				if p.verb != 0 {
					f = append(f, timePart{string(literal), p.verb})
					literal = literal[:0]
				}
			}
		case period(verb) != 0:
			f = append(f, timePart{string(literal), verb})
			literal = literal[:0]
		default:
			return nil, fmt.Errorf("unknown conversion %%%c; write %%%% for a percent sign, or one of strftime's, such as %%Y %%m %%d %%H", rune(verb))
		}
	}
	if len(literal) > 0 {
		f = append(f, timePart{literal: string(literal)})
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

// period is for how long, in seconds, the rendered text stays the same.
func (f timeFormat) period() int64 {
	p := int64(86400)
	for _, part := range f {
		if part.verb != 0 {
			p = min(p, period(part.verb))
		}
	}
	return p
}

// append appends the time sec (seconds since 1970, any).
func (f timeFormat) append(dst []byte, sec int64) []byte {
	t := time.Unix(sec, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	for _, p := range f {
		dst = append(dst, p.literal...)
		switch p.verb {
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
			dst = appendRare(dst, p.verb, t)
		}
	}
	return dst
}

// patch writes sec over text, which append has written for another time. It
// returns false if not all conversions have a fixed width; text is then spoiled.
func (f timeFormat) patch(text []byte, sec int64) bool {
	if sec < 0 || sec > chunk.MaxSec {
		return false
	}
	t := time.Unix(sec, 0).UTC()
	year, month, day := t.Date()
	of := int(sec % 86400)
	at := 0
	for i := range f {
		at += len(f[i].literal)
		v := 0
		switch f[i].verb {
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
