package multiline

import (
	"github.com/zeebo/xxh3"

	"out_opensearch_irsa/internal/chunk"
)

// record is what of a record counts here.
type record struct {
	body               []byte
	text               []byte
	valueFrom, valueTo int // of the text's msgpack in body
	// hasText tells that the text is there, and once: where a key is there twice, which of them the
	// document has is not decided here.
	hasText bool
	source  uint64 // tells the stream of one container from others
}

// Keys that tell where a line comes from: those of tail and of Docker's log driver at a record's
// top, and those of the kubernetes filter.
var (
	topKeys = []string{"stream", "source", "file", "container_id"}
	podKeys = []string{"pod_name", "namespace_name", "container_name", "docker_id"}
)

// find returns the text under a key at a body's top, the first one if there are several.
func find(body []byte, key string) (text []byte, ok bool) {
	pairs, b, ok := chunk.ReadMapHeader(body)
	if !ok {
		return nil, false
	}
	for ; pairs > 0; pairs-- {
		name, rest, isText := chunk.ReadString(b)
		if !isText {
			n, err := chunk.Skip(b)
			if err != nil {
				return nil, false
			}
			rest = b[n:]
		}
		value, after, isValueText := chunk.ReadString(rest)
		if isText && string(name) == key {
			return value, isValueText
		}
		if !isValueText {
			n, err := chunk.Skip(rest)
			if err != nil {
				return nil, false
			}
			after = rest[n:]
		}
		b = after
	}
	return nil, false
}

// readRecord reads a whole body.
func readRecord(body []byte, key string) record {
	r := record{body: body}
	count := 0
	eachPair(body, func(name, value []byte) {
		switch {
		case string(name) == key:
			if count++; count == 1 {
				var rest []byte
				r.text, rest, r.hasText = chunk.ReadString(value)
				r.valueFrom, r.valueTo = len(body)-len(value), len(body)-len(rest)
			}
		case string(name) == "kubernetes":
			r.addSource(podKeys, value)
		}
	})
	r.addSource(topKeys, body)
	r.hasText = r.hasText && count == 1
	return r
}

// addSource adds what a map holds under keys to what tells sources apart.
func (r *record) addSource(keys []string, m []byte) {
	eachPair(m, func(name, value []byte) {
		for i, key := range keys {
			if string(name) == key {
				if text, _, ok := chunk.ReadString(value); ok {
					r.source += xxh3.HashSeed(text, uint64(len(key))<<8|uint64(i))
				}
			}
		}
	})
}

// eachPair calls f for the pairs of a map whose keys are text; value begins with the value.
func eachPair(m []byte, f func(name, value []byte)) {
	pairs, b, ok := chunk.ReadMapHeader(m)
	for ; ok && pairs > 0; pairs-- {
		name, rest, isText := chunk.ReadString(b)
		if !isText {
			n, err := chunk.Skip(b)
			if err != nil {
				return
			}
			rest = b[n:]
		}
		if isText {
			f(name, rest)
		}
		n, err := chunk.Skip(rest)
		if err != nil {
			return
		}
		b = rest[n:]
	}
}

// trimEnd takes the end of a line off.
func trimEnd(text []byte) []byte {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	return text
}
