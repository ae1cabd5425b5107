package bulk

import "slices"

// indices numbers the names of indices. It keeps them from one batch to the next, so that a name
// costs an allocation once.
type indices struct {
	names   []string
	numbers map[string]uint32
	last    uint32 // number that was asked for last
}

// maxIndices bounds what is kept.
const maxIndices = 1 << 10

func (x *indices) reset() {
	if len(x.names) > maxIndices {
		*x = indices{numbers: make(map[string]uint32)}
	}
}

// number returns the number of a name, a new one if it has none.
func (x *indices) number(name []byte) uint32 {
	if int(x.last) < len(x.names) && x.names[x.last] == string(name) {
		return x.last
	}
	n, ok := x.numbers[string(name)]
	if !ok {
		n = uint32(len(x.names))
		x.names = append(x.names, string(name))
		x.numbers[x.names[n]] = n
	}
	x.last = n
	return n
}

// Index returns the index that item i goes to.
func (b *Batch) Index(i int32) string { return b.indices.names[b.Items[i].index] }

// Path returns the index that the path of a request with item i has to name; "" where its lines do.
func (b *Batch) Path(i int32) string {
	if b.withoutIndex {
		return b.Index(i)
	}
	return b.path
}

// ByIndex splits items by their index, each part in their order, for requests that name an index in
// their path alone.
func (b *Batch) ByIndex(items []int32) (parts [][]int32) {
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, func(i,
		j int32) int {
		return int(b.Items[i].index) - int(b.Items[j].index)
	})
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && b.Items[sorted[n]].index == b.Items[sorted[0]].index {
			n++
		}
		parts = append(parts, sorted[:n:n])
		sorted = sorted[n:]
	}
	return parts
}
