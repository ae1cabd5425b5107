package replay

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// counts are how many dead letters had which outcome.
type counts [outcomes]int

func (c *counts) add(items []*item) {
	for _, l := range items {
		c[l.outcome]++
	}
}

// kept is how many stay.
func (c *counts) kept() int {
	return c[unsent] + c[refused] + c[damaged] + c[truncated] + c[noRecord]
}

func (c *counts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d replayed, %d existed, %d refused again, %d damaged, %d truncated, %d "+
		"without a document",
		c[replayed], c[existed], c[refused], c[damaged], c[truncated], c[noRecord])
	if c[unsent] > 0 {
		fmt.Fprintf(&b, ", %d not sent", c[unsent])
	}
	return b.String()
}

// maxReasons is how many reasons are shown of those why items are refused.
const maxReasons = 20

// reasons counts why items are refused, by index and type, with one reason of each.
type reasons struct {
	groups map[[2]string]*reason
}

type reason struct {
	index, typ, example string
	count               int
}

func (r *reasons) add(items []*item) {
	for _, l := range items {
		if l.outcome != refused {
			continue
		}
		key := [2]string{l.record.Index, l.record.Type}
		if r.groups == nil {
			r.groups = make(map[[2]string]*reason)
		}
		if r.groups[key] == nil {
			example := strings.TrimSuffix(l.record.Reason+": "+l.remedy, ": ")
			r.groups[key] = &reason{index: key[0], typ: key[1], example: example}
		}
		r.groups[key].count++
	}
}

func (r *reasons) write(out io.Writer) {
	var all []*reason
	for _, g := range r.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *reason) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.index, b.index),
			cmp.Compare(a.typ, b.typ))
	})
	for n, g := range all {
		if n == maxReasons {
			_, _ = fmt.Fprintf(out, "  and %d other reasons\n", len(all)-n)
			break
		}
		_, _ = fmt.Fprintf(out, "  %d for index %s: %s: %s\n", g.count, g.index, g.typ, g.example)
	}
}
