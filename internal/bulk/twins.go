package bulk

// twins tells how often a record occurred before in its chunk, by a hash of the record. Most chunks have their records in the
// order of their times, so that hardly any can have a twin; most others have no twins either. So it is three steps: a list of all
// hashes; a small table, made of the list when it is first needed, of those that occurred; and a count of those that came again.
type twins struct {
	list  []uint64
	table []uint32 // open addressing by a hash's low bits; its high half with the lowest bit set, 0 where there is none
	known int      // of list, that are in table
	again map[uint64]uint32
}

const twinSlots = 1 << 15 // 128 KiB; enough for the records that a chunk usually has

func (t *twins) reset() {
	if len(t.table) > 4*twinSlots {
		t.list, t.table = nil, nil
	}
	t.list, t.known, t.again = t.list[:0], 0, nil
}

// count returns how often hash was counted before. fresh says that it cannot have been.
func (t *twins) count(hash uint64, fresh bool) uint32 {
	t.list = append(t.list, hash)
	if fresh && t.known == 0 {
		return 0
	}
	if t.known == 0 || 2*len(t.list) > len(t.table) {
		t.rebuild()
	}
	t.known++
	if !t.insert(hash) {
		return 0
	}
	if t.again == nil {
		t.again = make(map[uint64]uint32)
	}
	t.again[hash]++
	return t.again[hash]
}

// rebuild makes the table anew, for twice the hashes that there are, of all but the last.
func (t *twins) rebuild() {
	size := max(len(t.table), twinSlots)
	for size < 4*len(t.list) {
		size *= 2
	}
	if size > len(t.table) {
		t.table = make([]uint32, size)
	} else {
		clear(t.table)
	}
	t.known = len(t.list) - 1
	for _, hash := range t.list[:t.known] {
		t.insert(hash)
	}
}

// insert tells whether hash was in the table already.
func (t *twins) insert(hash uint64) bool {
	mask := uint64(len(t.table) - 1)
	mark := uint32(hash>>32) | 1
	for i := hash & mask; ; i = (i + 1) & mask {
		switch t.table[i&uint64(len(t.table)-1)] {
		case 0:
			t.table[i] = mark
			return false
		case mark:
			return true
		}
	}
}
