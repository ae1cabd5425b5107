package bulk

import (
	"math/rand/v2"
	"testing"
)

// The times of records come in order at first and then do not; hashes repeat more or less often,
// over several chunks.
func TestDuplicatesAreCountedAsByAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var d duplicates
	for _, different := range []uint64{10, 1000, 1 << 30} {
		for _, inOrder := range []int{0, 5, 20_000, 70_000} {
			d.reset()
			model := map[uint64]uint32{}
			for i := range 70_000 {
				hash := mix(1 + r.Uint64N(different))
				fresh := i < inOrder && model[hash] == 0
				if got := d.count(hash, fresh); got != model[hash] {
					t.Fatalf("%d hashes, %d in order: hash %d occurred %d times before, and %d "+
						"were counted", different, inOrder, i, model[hash], got)
				}
				model[hash]++
			}
		}
	}
}

func BenchmarkDuplicates(b *testing.B) {
	for name, fresh := range map[string]bool{"in-order": true, "out-of-order": false} {
		b.Run(name, func(b *testing.B) {
			var d duplicates
			for i := 0; b.Loop(); i++ {
				if i%10_000 == 0 {
					d.reset()
				}
				d.count(mix(uint64(i)), fresh)
			}
		})
	}
}
