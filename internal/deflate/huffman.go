package deflate

import (
	"math/bits"
	"slices"
)

// coder makes Huffman codes and writes the head of a block. It is scratch memory.
type coder struct {
	order, sorted [lengthCodes]uint64 // counts and symbols; rarest first in sorted
	tree          [lengthCodes]int
}

// sizes sets how many bits each symbol's code has, 0 where it does not occur, and none more than
// limit. There are two codes at least, since some readers take no fewer.
func (c *coder) sizes(sizes []uint8, counts []uint32, limit int) {
	clear(sizes)
	n := 0
	for s, count := range counts {
		if count > 0 {
			c.order[n] = uint64(count)<<16 | uint64(s)
			n++
		}
	}
	for s := 0; n < 2; s++ {
		if counts[s] == 0 {
			c.order[n] = 1<<16 | uint64(s)
			n++
		}
	}
	order := c.sort(n)
	c.depths(order)
	var having [lengthLimit + 1]int // codes of each size
	space := 0                      // what they take, in codes of limit bits
	for _, depth := range c.tree[:n] {
		size := min(depth, limit)
		having[size]++
		space += 1 << (limit - size)
	}
	for ; space > 1<<limit; space-- { // one of limit bits becomes the sibling of a shorter one, which moves down
		having[limit]--
		size := limit - 1
		for having[size] == 0 {
			size--
		}
		having[size]--
		having[size+1] += 2
	}
	for size := limit; size > 0; size-- {
		for range having[size] {
			sizes[order[0]&0xffff] = uint8(size)
			order = order[1:]
		}
	}
}

// sort returns the first n of order, rarest first. Most symbols of a short body occur so seldom
// that one pass by their counts has them in order.
func (c *coder) sort(n int) []uint64 {
	const often = 255
	var places [often + 2]uint16
	for _, o := range c.order[:n] {
		places[min(o>>16, often)+1]++
	}
	for i := range often {
		places[i+1] += places[i]
	}
	rest := places[often]
	for _, o := range c.order[:n] {
		place := &places[min(o>>16, often)]
		c.sorted[*place] = o
		*place++
	}
	slices.Sort(c.sorted[rest:n])
	return c.sorted[:n]
}

// depths sets the tree's first entries to the depths that the symbols have in a Huffman tree, in
// their order (Moffat and Katajainen, "In-place calculation of minimum-redundancy codes", 1995).
func (c *coder) depths(order []uint64) {
	n := len(order)
	t := c.tree[:n]
	for i, o := range order {
		t[i] = int(o >> 16)
	}
	// From left to right, entries become inner nodes, and those that have a parent its index.
	t[0] += t[1]
	root, leaf := 0, 2
	for next := 1; next < n-1; next++ {
		for child := range 2 {
			weight := 0
			if leaf >= n || root < next && t[root] < t[leaf] {
				weight = t[root]
				t[root] = next
				root++
			} else {
				weight = t[leaf]
				leaf++
			}
			if child == 0 {
				t[next] = weight
			} else {
				t[next] += weight
			}
		}
	}
	// From right to left, they become inner nodes' depths.
	t[n-2] = 0
	for i := n - 3; i >= 0; i-- {
		t[i] = t[t[i]] + 1
	}
	// And those become the leaves' depths.
	inner, next := n-2, n-1
	for free, depth := 1, 0; free > 0; depth++ {
		used := 0
		for ; inner >= 0 && t[inner] == depth; inner-- {
			used++
		}
		for ; free > used; free-- {
			t[next] = depth
			next--
		}
		free = 2 * used
	}
}

// assign sets the codes of the given sizes, as the format defines them.
func assign(codes []code, sizes, extra []uint8) {
	var having, next [16]uint16
	for _, size := range sizes {
		having[size]++
	}
	having[0] = 0
	for size := 1; size < len(next); size++ {
		next[size] = (next[size-1] + having[size-1]) << 1
	}
	for s, size := range sizes {
		if size == 0 {
			continue
		}
		codes[s] = code{
			code: uint32(bits.Reverse16(next[size]) >> (16 - size)), size: uint16(size),
			whole: uint16(size + extra[s]),
		}
		next[size]++
	}
}
