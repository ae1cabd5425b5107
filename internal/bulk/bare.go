package bulk

import "bytes"

// DropIDs takes the id from every item, and from those that are still to come, for an index that makes its own. Their places in
// Buf change.
func (b *Batch) DropIDs() {
	if b.bare {
		return
	}
	b.bare = true
	for i := range b.Items {
		it := &b.Items[i]
		if it.Start < it.End {
			it.Start += uint32(dropID(b.Buf[it.Start : int(it.Doc)-len(b.op.before)]))
		}
	}
}

// Bare tells whether the items have no ids.
func (b *Batch) Bare() bool { return b.bare }

var idMember = []byte(`"_id":"`)

// dropID takes the id out of an action line, by moving what is before it to the right, and returns by how much. The line is our
// own: an index, which stands before the id, needs no escaping, so the first match is the member.
func dropID(line []byte) int {
	from := bytes.Index(line, idMember)
	if from < 0 {
		return 0
	}
	to := from + len(idMember)
	for line[to] != '"' {
		if line[to] == '\\' {
			to++
		}
		to++
	}
	to++
	switch { // one of the commas around it goes too
	case line[to] == ',':
		to++
	case line[from-1] == ',':
		from--
	}
	copy(line[to-from:], line[:from])
	return to - from
}
