package bulk

// duplicates is a duplicate counter: it tells how often a record occurred before in its chunk, by a
// hash of the record. Most chunks have their records in the order of their times, so that hardly
// any can be a duplicate; most others have none either. So it is three steps: a list of all hashes;
// a small table, made of the list when it is first needed, of those that occurred; and a count of
// those that occurred again.
type duplicates struct {
	list  []uint64
	table []uint32 // open addressing by a hash's low bits; its high half with the lowest bit set, 0 where there is none
	known int      // of list, that are in table
	again map[uint64]uint32
}

const (
	leastSlots = 1 << 8  // of a table, for a chunk of a few lines
	keptSlots  = 1 << 17 // 512 KiB; a larger table is given up with its chunk
)

func (d *duplicates) reset() {
	if cap(d.table) > keptSlots {
		d.list, d.table = nil, nil
	}
	d.list, d.table, d.known, d.again = d.list[:0], d.table[:0], 0, nil
}

// count returns how often hash was counted before. fresh says that it cannot have been.
func (d *duplicates) count(hash uint64, fresh bool) uint32 {
	d.list = append(d.list, hash)
	if fresh && d.known == 0 {
		return 0
	}
	if d.known == 0 || 2*len(d.list) > len(d.table) {
		d.rebuild()
	}
	d.known++
	if !d.insert(hash) {
		return 0
	}
	if d.again == nil {
		d.again = make(map[uint64]uint32)
	}
	d.again[hash]++
	return d.again[hash]
}

// rebuild makes the table anew, for twice the hashes that there are, of all but the last.
func (d *duplicates) rebuild() {
	size := leastSlots
	for size < 4*len(d.list) {
		size *= 2
	}
	if size > cap(d.table) {
		d.table = make([]uint32, size)
	} else {
		d.table = d.table[:size]
		clear(d.table)
	}
	d.known = len(d.list) - 1
	for _, hash := range d.list[:d.known] {
		d.insert(hash)
	}
}

// insert tells whether hash was in the table already.
func (d *duplicates) insert(hash uint64) bool {
	mask := uint64(len(d.table) - 1)
	mark := uint32(hash>>32) | 1
	for i := hash & mask; ; i = (i + 1) & mask {
		switch d.table[i&uint64(len(d.table)-1)] {
		case 0:
			d.table[i] = mark
			return false
		case mark:
			return true
		}
	}
}
