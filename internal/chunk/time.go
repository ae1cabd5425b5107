package chunk

import (
	"encoding/binary"
	"math"
)

// MaxSec is the last second a four-digit year can name, 9999-12-31T23:59:59Z.
const MaxSec = 253402300799

// Fluent Bit marks the start and the end of a group of records (OpenTelemetry's
// resources and scopes) by records of its own, with these seconds.
const (
	groupStart = -1
	groupEnd   = -2
)

// readTime reads an event time into r, and tells whether it is a group marker's.
//
// A time that exists but makes no sense does not make the record corrupt, since
// its text is worth more than its time: it is brought into the range 1970 to
// 9999, NaN becomes 1970, and too many nanoseconds become 999999999. Something
// that is no time at all is corrupt.
func readTime(b []byte, r *Record) (rest []byte, marker bool, reason string) {
	if len(b) >= 10 && b[0] == 0xd7 && b[1] == 0 { // what all versions write
		return b[10:], eventTime(binary.BigEndian.Uint64(b[2:]), r), ""
	}
	if negative, v, rest, ok := ReadInteger(b); ok {
		r.Nsec = 0
		if negative {
			r.Sec = 0
			marker = int64(v) == groupStart || int64(v) == groupEnd
		} else {
			r.Sec = int64(min(v, MaxSec))
		}
		return rest, marker, ""
	}
	if f, _, rest, ok := ReadFloat(b); ok {
		marker = f == groupStart || f == groupEnd
		floatTime(f, r)
		return rest, marker, ""
	}
	if kind, data, rest, ok := ReadExt(b); ok && kind == 0 && len(data) == 8 {
		return rest, eventTime(binary.BigEndian.Uint64(data), r), ""
	}
	return b, false, "a record's time is neither an event time nor a number"
}

// eventTime takes the eight bytes of an event time apart: seconds and
// nanoseconds, 32 bits each. The seconds are unsigned, as Fluent Bit 5 reads
// them, and so last until 2106; only the two exact values it writes are markers.
func eventTime(v uint64, r *Record) (marker bool) {
	sec, nsec := uint32(v>>32), uint32(v)
	r.Sec, r.Nsec = int64(sec), min(nsec, 999999999)
	return sec >= 1<<32+groupEnd && nsec == 0
}

func floatTime(f float64, r *Record) {
	switch {
	case !(f > 0): // NaN as well
		r.Sec, r.Nsec = 0, 0
	case f >= MaxSec+1:
		r.Sec, r.Nsec = MaxSec, 0
	default:
		whole, fraction := math.Modf(f)
		r.Sec, r.Nsec = int64(whole), uint32(fraction*1e9) // less than 1e9: fraction is at most 1-2^-53
	}
}
