package deliver

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/chunk"
)

// line is a line of a log, as tail makes a record of it.
type line struct {
	sec  int64
	nsec uint32
	text string
}

// source draws lines whose times are multiples of unit, in ns; of ten texts, so that many are equal
// but for their times. Some lines of a unit below a millisecond are equal to the line before in
// all.
func source(r *rand.Rand, unit, n int) (lines []line) {
	at := 1795444272_000_000_000 + r.IntN(1e9/unit)*unit
	for len(lines) < n {
		lines = append(lines, line{int64(at / 1e9), uint32(at % 1e9),
			fmt.Sprint("text ", r.IntN(10))})
		switch k := r.IntN(20); {
		case k > 0:
			at += unit * (1 + r.IntN(2+2_000_000/unit))
		case unit < 1e6:
			lines = append(lines, lines[len(lines)-1])
			at += unit
		}
	}
	return lines
}

// cuts cuts lines into chunks of least lines or more. Two fine lines that are equal in all stay
// together: cut apart they are one line to whoever has not seen the other chunk, which is the limit
// that Offset_Key lifts.
func cuts(r *rand.Rand, lines []line, least int) (chunks [][]line) {
	for len(lines) > 0 {
		n := min(least+r.IntN(1+r.IntN(40)), len(lines))
		for n < len(lines) && lines[n] == lines[n-1] && lines[n].nsec%1e6 != 0 {
			n++
		}
		if len(lines)-n < least {
			n = len(lines)
		}
		chunks, lines = append(chunks, lines[:n]), lines[n:]
	}
	return chunks
}

// pack makes a chunk of lines, as Fluent Bit 5 writes it.
func pack(lines []line) (b []byte) {
	for _, l := range lines {
		b = append(b, 0x92, 0x92, 0xd7, 0)
		b = binary.BigEndian.AppendUint32(b, uint32(l.sec))
		b = binary.BigEndian.AppendUint32(b, l.nsec)
		b = append(b, 0x80, 0x81, 0xa3, 'l', 'o', 'g', 0xa0|byte(len(l.text)))
		b = append(b, l.text...)
	}
	return b
}

// node makes ids as a flush does, with the memory of one process.
type node struct {
	ledger *ledger
	ids    bulk.IDs
}

// flush returns the ids of a chunk and ends it with OK, or with RETRY.
func (n *node) flush(t *testing.T, data []byte, ok bool) (ids []string) {
	t.Helper()
	c := n.ledger.begin("kube.a", data)
	n.ids.Start("kube.a", c.identity())
	w := chunk.NewWalker(data)
	for {
		var r chunk.Record
		if more, err := w.Next(&r); err != nil {
			t.Fatal(err)
		} else if !more {
			break
		}
		size, err := chunk.Skip(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		var id [bulk.IDSize]byte
		n.ids.Next(&id, int32(len(ids)), r.Sec, r.Nsec, r.Body[:size], false)
		ids = append(ids, string(id[:]))
		w.Advance(size)
	}
	coarse := n.ids.End(func(i int32, id *[bulk.IDSize]byte) { ids[i] = string(id[:]) })
	if ok {
		c.done(coarse)
	} else {
		settled := newBitmap(len(ids))
		settled.set(0)
		c.keep(settled)
	}
	return ids
}

func newNode() *node { return &node{ledger: newLedger(1000)} }

// TestIDsWhateverTheCutting draws logs with times of every unit, and has them read as often as an
// agent may read them: in other chunks, with chunks that come back, after restarts.
func TestIDsWhateverTheCutting(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		unit := []int{1, 1000, 1e6, 1e9}[seed%4]
		lines := source(r, unit, 2+r.IntN(400))
		least := 1
		if unit == 1e6 {
			least = 2 // a line alone in its chunk cannot be told from a finer one
		}
		var first []string
		for reading := range 4 {
			n, ids := newNode(), []string(nil)
			for _, c := range cuts(r, lines, least) {
				data := pack(c)
				if r.IntN(3) == 0 { // a chunk that fails, and one that fails and comes to the next process
					back := n.flush(t, data, false)
					if r.IntN(2) == 0 {
						n = newNode()
					}
					if again := n.flush(t, data, false); !slices.Equal(again, back) {
						t.Fatalf("seed %d: a chunk that came back has other ids", seed)
					}
				}
				ids = append(ids, n.flush(t, data, true)...)
			}
			seen := map[string]int{}
			for i, id := range ids {
				if other, ok := seen[id]; ok {
					t.Fatalf("seed %d: lines %d %v and %d %v share an id", seed, other,
						lines[other], i, lines[i])
				}
				seen[id] = i
			}
			if reading == 0 {
				first = ids
			}
			for i, id := range ids {
				if unit < 1e6 && lines[i].nsec != 0 && id != first[i] {
					t.Fatalf("seed %d: line %d %v has another id in another cutting", seed, i,
						lines[i])
				}
			}
		}
	}
}

// Finer times keep their ids whatever coarser ones stand among them.
func TestFineIDsAmongCoarseOnes(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		var lines []line
		for range 3 + r.IntN(200) {
			lines = append(lines, source(r, []int{1000, 1e6, 1e9}[r.IntN(3)], 1)[0])
		}
		var readings [2]map[line][]string
		for i := range readings {
			n := newNode()
			readings[i] = map[line][]string{}
			for _, c := range cuts(r, lines, 1) {
				for j, id := range n.flush(t, pack(c), true) {
					if c[j].nsec%1e6 != 0 {
						readings[i][c[j]] = append(readings[i][c[j]], id)
					}
				}
			}
		}
		for l, ids := range readings[0] {
			if !slices.Equal(ids, readings[1][l]) {
				t.Fatalf("seed %d: %v has the ids %q and %q", seed, l, ids, readings[1][l])
			}
		}
	}
}

// Equal lines at coarse times are different lines, in one chunk as in equal chunks.
func TestEqualCoarseLinesAreKept(t *testing.T) {
	for _, nsec := range []uint32{0, 7e6} {
		n, seen := newNode(), map[string]bool{}
		for range 5 {
			for _, id := range n.flush(t, pack([]line{{5, nsec, "x"}, {5, nsec, "x"},
				{5, nsec, "x"}}), true) {
				if seen[id] {
					t.Fatalf("at %d ns two lines share the id %s", nsec, id)
				}
				seen[id] = true
			}
		}
	}
}

// A restart forgets how often the same bytes were settled: a chunk with coarse times that equals
// one from before gets that one's ids. So a chunk that returns is not stored twice, and new lines
// that equal old ones, in the same second and in an equal chunk, are taken for them.
func TestEqualCoarseChunksOverARestart(t *testing.T) {
	data := pack([]line{{5, 0, "x"}, {5, 0, "y"}})
	before, after := newNode(), newNode()
	first, second := before.flush(t, data, true), before.flush(t, data, false)
	if slices.Equal(first, second) {
		t.Fatal("equal chunks in one process share ids")
	}
	if third := after.flush(t, data, true); !slices.Equal(third, first) {
		t.Fatalf("after a restart %q, which are not the first chunk's %q", third, first)
	}
	if fourth := after.flush(t, data, true); !slices.Equal(fourth, second) {
		t.Fatalf("the second after a restart %q, which are not the second before it %q", fourth, second)
	}
}

// TestOffsetKey reads a file with times of a second again, in other chunks and after a restart:
// each line, equal ones too, is stored once. A field of that name that is no number does not count.
func TestOffsetKey(t *testing.T) {
	records := func(value func(i int) string, ordinals ...int) (b []byte) {
		for _, i := range ordinals {
			b = append(b, 0x92, 0x92, 0xd7, 0)
			b = binary.BigEndian.AppendUint32(b, 1795444272)
			b = append(b, 0, 0, 0, 0, 0x80, 0x82)
			b = msgp.AppendString(msgp.AppendString(b, "log"), "the same")
			b = append(msgp.AppendString(b, "offset"), value(i)...)
		}
		return b
	}
	f := func(name string, want int, value func(i int) string, options ...string) {
		t.Helper()
		d := newDomain(t)
		for _, chunks := range [][][]int{{{0, 1, 2, 3}, {4}}, {{0}, {1, 2}, {3, 4}}} {
			out, log := start(t, d, options...)
			for _, ordinals := range chunks {
				if !out.Flush("kube.a", records(value, ordinals...)) {
					t.Fatalf("%s: not settled\n%s", name, log)
				}
			}
		}
		if got := d.in("eks-log"); got != want {
			t.Errorf("%s: %d documents, want %d", name, got, want)
		}
	}
	offset := func(i int) string { return string(msgp.AppendUint64(nil, uint64(70_000*i))) }
	f("with Offset_Key", 5, offset, "Offset_Key offset")
	f("with an accessor", 5, offset, "Offset_Key $offset")
	f("without it", 10, offset)
	f("another key", 10, offset, "Offset_Key place")
	f("text", 10, func(i int) string { return string(msgp.AppendString(nil, fmt.Sprint("v", i))) },
		"Offset_Key offset")
}
