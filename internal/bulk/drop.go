package bulk

import "bytes"

// DropIDs takes the id from every item, and from those that are still to come, for an index that
// makes its own. Their places in Buf change.
func (b *Batch) DropIDs() {
	if !b.withoutIDs {
		b.CreateOnly() // a version needs an id
		b.withoutIDs = true
		b.dropMember(idMember)
	}
}

// DropIndex takes the index from every line, and from those that are still to come, for a domain
// that lets requests name one in their path alone (rest.action.multi.allow_explicit_index). The
// items' places in Buf change; from then on a request may hold items of one index only, as ByIndex
// has them.
func (b *Batch) DropIndex() {
	if !b.withoutIndex {
		b.withoutIndex = true
		b.dropMember(indexMember)
	}
}

var idMember, indexMember = []byte(`"_id":"`), []byte(`"_index":"`)

func (b *Batch) dropMember(member []byte) {
	for i := range b.Items {
		it := &b.Items[i]
		if it.Start < it.End {
			it.Start += uint32(dropMember(b.Buf[it.Start:int(it.Doc)-len(b.op.before)], member))
		}
	}
}

// dropMember takes a member out of an action line, by moving what is before it to the right, and
// returns by how much. The line is our own: an index stands before the id, and both before what
// comes from the record; the first match is the member, since an index needs no escaping and so
// holds none.
func dropMember(line, member []byte) int {
	from := bytes.Index(line, member)
	if from < 0 {
		return 0
	}
	to := from + len(member)
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
