package document

// place is where one value of a record stands, in the body and in the text.
type place struct {
	from, to         int // in the body
	textFrom, textTo int // in the text
	depth            int // maps around it
	path             *dedotNode
}

// trace notes, while a record is encoded, where the values of its maps stand, for
// shapes to learn from. It is off where nothing can be learned.
type trace struct {
	on     bool
	own    ownFields
	start  int // in the text: after the added fields
	places []place
}

// maxPlaces bounds what is learned of one record.
const maxPlaces = 192

func (t *trace) begin(start int) {
	t.on, t.own, t.start, t.places = true, 0, start, t.places[:0]
}

// pause stops noting; resume goes on with what pause returned.
func (t *trace) pause() bool {
	on := t.on
	t.on = false
	return on
}

func (t *trace) resume(on bool) { t.on = on }

func (t *trace) note(p place) {
	if !t.on {
		return
	}
	if len(t.places) == maxPlaces {
		t.on = false
		return
	}
	t.places = append(t.places, p)
}

// compacted tells the trace that the dropped ones of keys, with their values, are
// being taken out of the text. The first of them, as many as added says,
// are the added fields': without those a record can still be learned from, for its other values
// stay together.
func (t *trace) compacted(keys []keySpan, added, removed int) {
	for i, k := range keys {
		if !k.dropped {
			continue
		}
		if i >= added {
			t.on = false
			return
		}
		t.own |= 1 << i
	}
	t.start = max(t.start-removed, keys[0].start) // a comma less if no added field is left
	for i := range t.places {
		t.places[i].textFrom -= removed
		t.places[i].textTo -= removed
	}
}
