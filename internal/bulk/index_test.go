package bulk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// nested is what the bulk API reads of an action line.
type nested map[string]struct {
	Index   string `json:"_index"`
	ID      string `json:"_id"`
	Routing string `json:"routing"`
}

// lineOf reads item i's action line with encoding/json.
func lineOf(t *testing.T, b *Batch, i int32) (n nested) {
	t.Helper()
	body, _ := b.Body([]int32{i}, nil)
	line, _, _ := strings.Cut(string(body), "\n")
	if err := json.Unmarshal([]byte(line), &n); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return n
}

func TestPathOfABatch(t *testing.T) {
	f := func(path *string, want string, lines ...string) {
		t.Helper()
		b := NewBatch("create", true)
		for range 2 { // the second time with what Reset leaves
			b.Reset(1 << 20)
			if path != nil {
				b.SetPath(*path)
			}
			for _, index := range []string{"a", "b", "a"} {
				add(b, index, `{}`, strings.Repeat("i", IDSize))
			}
			for i, index := range []string{"a", "b", "a"} {
				if b.Index(int32(i)) != index || b.Path(int32(i)) != want ||
					lineOf(t, b, int32(i))["create"].Index != lines[i] {
					t.Fatalf("item %d goes to %q by path %q\n%s", i, b.Index(int32(i)),
						b.Path(int32(i)), b.Buf)
				}
			}
		}
	}
	none, b := "", "b"
	f(nil, "a", "", "b", "")
	f(&none, "", "a", "b", "a")
	f(&b, "b", "a", "", "a")
}

func TestDropIndex(t *testing.T) {
	own := Meta{ID: []byte(`"a\"_index\":\"x\\"`), Routing: []byte(`"r"`)}
	build := func(b *Batch) {
		for i, m := range []*Meta{nil, &own, {Routing: []byte(`"r"`)}, nil, &own, nil} {
			index := []byte{"abc"[i%3]}
			b.Begin(index, m, i)
			if i == 3 {
				b.Abandon()
				continue
			}
			b.Buf = append(b.Buf, `{"_index":"kept"}`...)
			id := [IDSize]byte([]byte(strings.Repeat("i", IDSize)))
			b.End(&id)
		}
	}
	for _, ids := range []bool{true, false} {
		for _, dropIDs := range []bool{true, false} {
			for _, operation := range []string{"create", "upsert"} {
				before, after := NewBatch(operation, ids), NewBatch(operation, ids)
				before.SetPath("")
				build(before)
				ids := []string{before.ID(0), before.ID(1), before.ID(2)}
				if dropIDs {
					before.DropIDs()
					after.DropIDs()
					ids = []string{"", "", ""}
				}
				before.DropIndex()
				before.DropIndex()
				after.DropIndex()
				after.SetPath("")
				build(after)
				all := []int32{0, 1, 2, 3, 4, 5}
				got, _ := before.Body(all, nil)
				want, _ := after.Body(all, nil)
				if string(got) != string(want) || strings.Count(string(got), `"_index":"`) != 5 {
					t.Fatalf("dropped afterwards %s\ndropped before %s", got, want)
				}
				for i := range 3 {
					if before.ID(i) != ids[i] || before.Routing(i) != []string{"", "r", "r"}[i] ||
						before.Path(int32(i)) != []string{"a", "b", "c"}[i] {
						t.Fatalf("item %d: id %q, routing %q, path %q", i, before.ID(i),
							before.Routing(i), before.Path(int32(i)))
					}
				}
				if parts := before.ByIndex([]int32{0, 1, 2, 4, 5}); !reflect.DeepEqual(parts,
					[][]int32{{0}, {1, 4}, {2, 5}}) {
					t.Fatalf("%v", parts)
				}
			}
		}
	}
}

func TestIndicesAreBounded(t *testing.T) {
	b := NewBatch("index", false)
	for i := range 3 * maxIndices {
		if i%maxIndices == 0 {
			b.Reset(1 << 20)
		}
		add(b, fmt.Sprint("i", i), `{}`, "")
		if last := int32(len(b.Items) - 1); b.Index(last) != fmt.Sprint("i", i) {
			t.Fatalf("item %d goes to %s", i, b.Index(last))
		}
	}
	b.Reset(1 << 20)
	if len(b.indices.names) > maxIndices {
		t.Fatalf("%d names are kept", len(b.indices.names))
	}
}
