package document

import (
	"fmt"
	"strings"
	"testing"
)

// TestHashTellsKeysApart has keys that differ at each of the places that are looked at: few of them
// have the same hash, and the lowest six bits, by which a new name is known, have all values.
func TestHashTellsKeysApart(t *testing.T) {
	var keys []string
	for a := 'a'; a <= 'z'; a++ {
		keys = append(keys, string(a))
		for b := 'a'; b <= 'z'; b++ {
			keys = append(keys, string(a)+string(b), string(a)+"-"+string(b),
				string(a)+string(b)+"-")
		}
	}
	for n := range 2000 {
		for _, form := range []string{"key%d", "%04d-key", "%04d-----long-key",
			"a-long-key-----%04d", "long-%04d-key", "a.much.longer.key.of.a.label/%d"} {
			keys = append(keys, fmt.Sprintf(form, n))
		}
	}
	keys = append(keys, "", strings.Repeat("k", 8), strings.Repeat("k", 9), strings.Repeat("k", 10),
		strings.Repeat("k", 16), strings.Repeat("k", 17))
	seen := map[uint32]string{}
	var low [64]int
	same := 0
	for _, key := range keys {
		h := hashKey([]byte(key))
		if other, ok := seen[h]; ok && other != key {
			same++
		}
		seen[h] = key
		low[h&63]++
	}
	if same > len(keys)/100 {
		t.Errorf("%d of %d keys have the hash of another one", same, len(keys))
	}
	for bits, n := range low {
		if n == 0 || n > len(keys)/8 {
			t.Errorf("%d of %d keys have the lowest bits %06b", n, len(keys), bits)
		}
	}
}
