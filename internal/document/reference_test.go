package document

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"out_opensearch_irsa/internal/chunk"
)

var (
	fuzzRecords = flag.Int("records", 10_000, "records that TestReference encodes")
	fuzzSeed    = flag.Uint64("seed", 1, "where TestReference begins; the next sequence of "+
		"records has the next seed")
)

// TestReference compares the encoder with the reference encoder and with an independent reading of
// the record, on sequences of records drawn by seeds. make fuzz-long does millions.
func TestReference(t *testing.T) {
	const sequence = 200
	start, said := time.Now(), time.Now()
	for done := 0; done < *fuzzRecords; done += sequence {
		compareSequence(t, *fuzzSeed+uint64(done/sequence), sequence)
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			fmt.Fprintf(os.Stderr, "%d of %d records, next seed %d, %.0f s\n", done+sequence,
				*fuzzRecords, *fuzzSeed+uint64(done/sequence)+1, time.Since(start).Seconds())
		}
	}
}

// FuzzReference lets the fuzzer draw the seeds.
func FuzzReference(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compareSequence(t, seed, 50) })
}

// compareSequence has one encoder encode related records in turns, corrupt ones and others that are
// no documents among them.
func compareSequence(t *testing.T, seed uint64, records int) {
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	o := g.options()
	warm, tag := newEncoder(t, o), g.tag()
	warm.SetTag(tag)
	pool := make([]*node, 1+g.IntN(12))
	wide := make([]uint64, len(pool))
	for i := range pool {
		pool[i] = g.record()
		if g.oneOf(3) {
			wide[i] = g.Uint64()
		}
	}
	var body []byte
	step := 0
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("seed %d, record %d: %v\n%+v\nbody %x", seed, step, p, o, body)
		}
		if t.Failed() {
			t.Logf("seed %d, record %d\n%+v", seed, step, o)
		}
	}()
	for ; step < records; step++ {
		if g.oneOf(25) {
			tag = g.tag()
			warm.SetTag(tag)
		}
		k := g.IntN(len(pool))
		switch {
		case g.oneOf(40):
			pool[k] = g.record()
		case !g.oneOf(5):
			pool[k] = g.change(pool[k])
		}
		body = pool[k].append(nil, wide[k])
		if g.oneOf(30) { // corrupt, mostly
			at := g.IntN(len(body))
			if g.oneOf(2) {
				body = body[:at]
			} else {
				body[at] = byte(g.Uint32())
			}
		}
		if g.oneOf(2) { // the next record follows
			body = append(body, 0x92, 0xc1, 0xc1, 0xc1)
		}
		body = bytes.Clone(body) // no room behind, as at a chunk's end
		sec, nsec := int64(g.Uint64()>>(28+g.IntN(36)))%(chunk.MaxSec+1), uint32(g.IntN(1e9))
		if g.oneOf(2) {
			sec = 1795432000 + int64(step)
		}
		compare(t, o, warm, tag, sec, nsec, body)
	}
}

func compare(t *testing.T, o Options, warm *Encoder, tag string, sec int64, nsec uint32,
	body []byte) {
	t.Helper()
	kept := bytes.Clone(body)
	got, n, err := warm.Append([]byte("before "), sec, nsec, body)
	cold := newEncoder(t, o)
	cold.SetTag(tag)
	want, wantN, wantErr := cold.AppendReference([]byte("before "), sec, nsec, body)
	if !bytes.Equal(got, want) || n != wantN || !reflect.DeepEqual(err, wantErr) {
		t.Fatalf("encoder   %s, %d, %v\nreference %s, %d, %v\nbody %x", got, n, err, want, wantN,
			wantErr, body)
	}
	if got, n, err := cold.Append([]byte("before "), sec, nsec, body); !bytes.Equal(got, want) ||
		n != wantN || !reflect.DeepEqual(err, wantErr) {
		t.Fatalf("cold encoder %s, %d, %v\nreference    %s, %d, %v\nbody %x", got, n, err, want,
			wantN, wantErr, body)
	}
	if !bytes.Equal(body, kept) {
		t.Fatalf("the body was changed from %x to %x", kept, body)
	}
	var reject *RejectError
	switch {
	case err == nil:
		if !utf8.Valid(got) {
			t.Fatalf("no UTF-8: %q", got)
		}
		check(t, o, got[len("before "):], body[:n], sec, nsec, tag)
	case string(got) != "before ":
		t.Fatalf("%v, and dst comes back as %q", err, got)
	case errors.As(err, &reject):
		if _, rest, err := model(body, nil, renamer(o)); (err == nil ||
			errors.Is(err, errNotModelled)) && err == nil && len(body)-len(rest) != n {
			t.Fatalf("%v: %d bytes, want %d\nbody %x", reject, n, len(body)-len(rest), body)
		}
	}
}

// The records that made the encoder panic, or took it wrong, once.
func TestOnceWrong(t *testing.T) {
	f := func(o Options, bodies ...string) {
		t.Helper()
		e := newEncoder(t, o)
		e.SetTag("x")
		for range 4 {
			for _, text := range bodies {
				body, err := hex.DecodeString(text)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, o, e, "x", 1795432034, 7089123, body)
			}
		}
	}
	hexOf := func(b []byte) string { return hex.EncodeToString(b) }
	f(Options{TimeKey: "@timestamp"},
		hexOf(object(str("@timestamp"), num(1), str("@timestamp"), num(2))))
	f(Options{TagKey: "tag"}, hexOf(object(str("tag"), num(1), str("tag"), num(2))))
	// a shape that fits up to the map in its hole, which is no JSON: the keys of that map are not
	// the record's
	long := str(strings.Repeat("x", 200))
	f(Options{}, hexOf(object(str("log"), long, str("a"), num(1))),
		hexOf(object(str("log"), long, str("a"), num(2))),
		hexOf(object(str("log"), long, str("a"),
			object(str("log"), object(object(object(), num(1)), num(1))))))
}
