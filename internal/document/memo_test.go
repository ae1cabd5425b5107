package document

import (
	"bytes"
	"testing"
)

// TestMemoIsBounded keeps maps and texts of every size around the bounds.
func TestMemoIsBounded(t *testing.T) {
	f := func(in, out int, kept bool) {
		t.Helper()
		var m memo
		body, text := bytes.Repeat([]byte{'i'}, in), bytes.Repeat([]byte{'o'}, out)
		m.keep(body, text, nil)
		got, n := m.find(append(body, "more"...), nil)
		if kept && (n != in || !bytes.Equal(got, text)) || !kept && n != 0 {
			t.Errorf("%d bytes of map, %d of text: kept %d", in, out, n)
		}
	}
	f(minMemo-1, 40, false)
	f(minMemo, 40, true)
	f(maxMemo, 40, true)
	f(maxMemo+1, 40, false)
	f(40, 2*maxMemo, true)
	f(40, 2*maxMemo+1, false)
}

// TestMemoHasTheLastFew keeps more maps than there is room for, and one map at two paths.
func TestMemoHasTheLastFew(t *testing.T) {
	var m memo
	body := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, minMemo) }
	const all = 10
	for i := range all {
		m.keep(body(i), []byte{byte(i)}, nil)
	}
	for i := range all {
		text, n := m.find(body(i), nil)
		if known := i >= all-len(m.known); known != (n > 0) || known && text[0] != byte(i) {
			t.Errorf("map %d: %v, %d bytes", i, text, n)
		}
	}
	labels := &dedotNode{all: true}
	m.keep(body(all), []byte("a_b"), labels)
	if text, n := m.find(body(all), labels); n == 0 || string(text) != "a_b" {
		t.Errorf("%q", text)
	}
	if text, n := m.find(body(all), nil); n != 0 {
		t.Errorf("at another path: %q", text)
	}
}
