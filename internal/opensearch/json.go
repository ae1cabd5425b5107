package opensearch

import "bytes"

// skipSpace drops white space from b's start.
func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\t' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}

// splitValue splits b after its first value, which must begin at b[0]. v is empty if b ends before
// it does. A value that is found is not yet known to be JSON, except in what json.Valid has
// accepted.
func splitValue(b []byte) (v, rest []byte) {
	depth := 0
	for i := 0; i < len(b); {
		switch b[i] {
		case '"':
			n := stringLen(b[i:])
			if n == 0 {
				return nil, b
			}
			i += n
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			i += bareLen(b[i:])
			if depth > 0 {
				continue
			}
		}
		if depth <= 0 {
			return b[:i], b[i:]
		}
	}
	return nil, b
}

// stringLen is the length of the string that b begins with, quotes included; 0 if it does not end.
func stringLen(b []byte) int {
	for i := 1; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return 0
		}
		i += n + 1
		escapes := 0
		for b[i-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}

// ends are the bytes that end a number or literal.
var ends = func() (t [256]bool) {
	for _, c := range []byte(",:]}\"{[ \n\t\r") {
		t[c] = true
	}
	return t
}()

// bareLen is the length of the number, literal, white space or punctuation that b begins with: at
// least 1.
func bareLen(b []byte) int {
	n := 1
	for n < len(b) && !ends[b[n]] {
		n++
	}
	return n
}

// member is the value of a key of an object that json.Valid has accepted; nil if there is none.
// Keys with escapes are never found: the bulk API has none.
func member(object []byte, key string) []byte {
	var found []byte
	members(object, func(k, v []byte) bool {
		if string(k) == key {
			found = v
		}
		return found == nil
	})
	return found
}

// firstMember is an object's first key and value; nil if it is empty.
func firstMember(object []byte) (key, val []byte) {
	members(object, func(k, v []byte) bool {
		key, val = k, v
		return false
	})
	return key, val
}

// members calls f for each member of an object that json.Valid has accepted, until it returns
// false. Any other value has none.
func members(object []byte, f func(key, val []byte) bool) {
	if object[0] != '{' {
		return
	}
	for b := skipSpace(object[1:]); b[0] != '}'; {
		if b[0] == ',' {
			b = skipSpace(b[1:])
		}
		n := stringLen(b)
		key := b[1 : n-1]
		b = skipSpace(skipSpace(b[n:])[1:]) // the colon
		var v []byte
		if v, b = splitValue(b); !f(key, v) {
			return
		}
		b = skipSpace(b)
	}
}
