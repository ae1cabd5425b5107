package document

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestShapes encodes records, in turns, by one encoder, which learns from them,
// and each by one that has learned nothing.
func TestShapes(t *testing.T) {
	f := func(name string, o Options, turns int, bodies ...[]byte) {
		t.Helper()
		warm := newEncoder(t, o)
		for turn := range turns {
			tag := fmt.Sprint("tag", turn/7)
			warm.SetTag(tag)
			cold := newEncoder(t, o)
			cold.SetTag(tag)
			body := bodies[turn%len(bodies)]
			want, n, err := cold.Append(nil, int64(turn), 0, body)
			if err != nil || n != len(body) {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
			check(t, o, want, body, int64(turn), 0, tag)
			got, n, err := warm.Append(nil, int64(turn), 0, body)
			if err != nil || n != len(body) || !bytes.Equal(got, want) {
				t.Fatalf("%s, turn %d: got %s, %d, %v, want %s", name, turn, got, n, err, want)
			}
		}
	}
	long := func(n int, c string) []byte { return str(strings.Repeat(c, n)) }
	o := Options{TimeKey: "t", TagKey: "tag", Dedot: []string{"k.labels"}}

	f("long values", o, 9, object(str("log"), long(3*maxPiece, "a")),
		object(str("log"), long(2*maxPiece, "\"")))
	const fixed = maxFixed - 8
	f("more that is fixed than is kept", o, 9, object(str("a"), num(1)),
		object(str("a"), long(fixed, "a"), str("b"), long(fixed, "b"), str("c"), long(fixed, "c"),
			str("d"), long(fixed, "d"), str("e"), long(fixed, "e")))
	five := func(a, b, c, d, e []byte) []byte {
		return object(str("a"), a, str("b"), b, str("c"), c, str("d"), d, str("e"), e)
	}
	small, large := five(num(1), num(2), num(3), num(4), num(5)),
		five(long(fixed, "a"), long(fixed, "b"), long(fixed, "c"), long(fixed, "d"),
			long(fixed, "e"))
	other := object(str("o"), num(1), str("p"), str("text"))
	f("more that is fixed than is kept, of another tag's shape", o, 4*14,
		small, small, other, other, small, other, small, // one tag
		large, other, small, large, other, small, large) // another one
	f("late differences", o, 20,
		object(str("a"), str("xxxxxxxxxxxxxxxxxxxxxxxx"), str("log"), num(1),
			str("key_number_one_is_long"), num(1)),
		object(str("a"), str("xxxxxxxxxxxxxxxxxxxxxxxx"), str("log"), num(2),
			str("key_number_two_is_long"), num(1)),
		object(str("a"), str("xxxxxxxxxxxxxxxxxxxxxxxx"), str("log"), num(3),
			str("key_number_0ne_is_long"), num(1)),
		object(str("a"), str("xxxxxxxxxxxxxxxxxxxxxxxy"), str("log"), num(3),
			str("key_number_0ne_is_long"), num(1)))
	f("holes of every kind", o, 40,
		object(str("v"), num(1)), object(str("v"), str("s")),
		object(str("v"), list(num(1), object(str("a.b"), num(1)))),
		object(str("v"), flt(2)), object(str("v"), raw("\xc0")), object(str("v"),
			object(str("v"), num(1))), object(str("v"), object()))
	f("containers in a hole", o, 12,
		object(str("k"), object(str("labels"), list(num(1)))),
		object(str("k"), object(str("labels"), list(object(str("a.b"), num(1))))),
		object(str("k"), object(str("labels"),
			list(object(str("a.b"), num(1), str("a_b"), num(2))))))
	f("own time and tag", o, 40,
		object(str("t"), num(1), str("a"), num(1)), object(str("tag"), num(1), str("a"), num(2)),
		object(str("tag"), num(1), str("t"), num(2)), object(str("a"), num(1), str("t"),
			num(2)), object(str("a"), num(1)), object())
	f("own time, no tag", Options{TimeKey: "t"}, 20, object(str("t"), num(1)),
		object(str("t"), num(2)), object(str("u"), num(2)))
	f("duplicates", o, 20,
		object(str("a"), num(1), str("a"), num(1)), object(str("a"), num(1), str("a"), num(2)),
		object(str("m"), object(str("a"), num(1), str("a"), num(1))), object(str("m"),
			object(str("a"), num(1), str("a"), num(2))))

	var many [][]byte
	for i := range 2 * maxPlaces {
		many = append(many, str(fmt.Sprint("key", i/2)), num(int64(i)))
	}
	f("many values", o, 6, object(many...))

	// more sets of keys than shapes, until the encoder rests
	var sets [][]byte
	for i := range 5 * maxShapes {
		sets = append(sets, object(str(fmt.Sprint("key", i)), num(int64(i)), str("k"), object(
			str("labels"), object(str("a.b"), long(minMemo, "x")), str("n"), num(int64(i%6)))))
	}
	f("many sets of keys", o, 2*restRecords, sets...)
}

// TestShapesAreLeftAlone has nothing but new sets of keys: for 32 records shapes are tried, and
// then for 512 they are not. Records of a known shape count for as many new ones.
func TestShapesAreLeftAlone(t *testing.T) {
	e := newEncoder(t, Options{})
	n := 0
	encode := func(body []byte) (misses, rest int) {
		t.Helper()
		if _, _, err := e.Append(nil, 0, 0, body); err != nil {
			t.Fatal(err)
		}
		return e.shapes.misses, e.shapes.rest
	}
	unknown := func() []byte { n++; return object(str(fmt.Sprint("key", n)), num(1)) }
	known := object(str("known"), num(1))
	for range 2 {
		if misses, _ := encode(known); misses != 1 {
			t.Fatalf("%d misses after the first record", misses)
		}
		for range 3 {
			if misses, _ := encode(known); misses != 0 {
				t.Fatalf("%d misses more than hits", misses)
			}
		}
		for i := range 31 {
			if misses, rest := encode(unknown()); misses != i+1 || rest != 0 {
				t.Fatalf("record %d: %d misses, rest %d", i, misses, rest)
			}
		}
		encode(object(str("known"), num(1))) // forgotten: too many others came
		for i := range 512 {
			if misses, rest := encode(known); misses != 0 || rest != 511-i {
				t.Fatalf("record %d: %d misses, rest %d", i, misses, rest)
			}
		}
		e.shapes.known = nil
	}
}

// TestEncoderKeepsNoMoreThanItMay is about memory between records.
func TestEncoderKeepsNoMoreThanItMay(t *testing.T) {
	e := newEncoder(t, Options{TimeKey: "t"})
	var many [][]byte
	for i := range maxKeptKeys {
		many = append(many, str(fmt.Sprint("key", i)), num(1))
	}
	for _, body := range [][]byte{object(many...), object(str("a"), num(1)), str("no map")} {
		_, _, _ = e.Append(nil, 0, 0, body) // of which the last one fails
		if e.src != nil || cap(e.keys) > maxKeptKeys || cap(e.sort) > 2*maxKeptKeys {
			t.Errorf("%d bytes of the chunk are kept, %d keys, %d numbers", len(e.src), cap(e.keys),
				cap(e.sort))
		}
	}
}

// TestShapesAreUsed makes sure that what the benchmarks measure is what shapes do:
// after a few records of a kind, none is encoded in full.
func TestShapesAreUsed(t *testing.T) {
	for name, data := range map[string][]byte{"cri": criChunk(500), "k8s": k8sChunk(500, false),
		"k8s, one pod": k8sChunk(500, true)} {
		e := newEncoder(t, Options{TimeKey: "@timestamp"})
		encodeChunk(t, e, nil, data)
		if e.shapes.misses > 0 || e.shapes.rest > 0 || len(e.shapes.known) != 1 {
			t.Errorf("%s: %d misses more than hits, %d records to rest, %d shapes", name,
				e.shapes.misses, e.shapes.rest, len(e.shapes.known))
		}
		// another tag is another pod, of the same shape: one record to learn it
		e.SetTag("another")
		e.shapes.misses = 0
		encodeChunk(t, e, nil, split(t, data, 5)[0])
		if e.shapes.misses > 1 {
			t.Errorf("%s: %d misses after a change of the tag", name, e.shapes.misses)
		}
	}
}
