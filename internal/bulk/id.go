package bulk

import "github.com/zeebo/xxh3"

// IDSize is the length of an id: 20 characters of base64url over 15 bytes.
const IDSize = 20

// IDs makes the ids of one chunk's records. An id is the record's time in milliseconds (6 bytes, big endian) and 9 bytes of a
// hash over tag, time and body: time-ordered, because ordered ids cost the cluster hardly more than automatic ones, and made
// from content, because a record that is sent again has to be known again.
//
// Two equal records are told apart by how often the record occurred before in its chunk where times are finer than a
// millisecond: a file that is read again then gives the same ids. Where they are coarser, equal records are likely to be
// different lines, and the chunk and the position in it tell them apart.
//
// A fine time ends in six zeros by chance, once in a million lines. So a whole second counts as coarse by itself, but a whole
// millisecond only where its chunk's other times are no finer either; End decides that.
type IDs struct {
	tag, chunk uint64
	fineTags   *FineTags
	ordinal    uint64
	latest     uint64 // time of the chunk so far, in ns
	twins      twins
	fine       int     // records with a time finer than a millisecond
	whole      []whole // those with a whole millisecond
	coarse     bool    // there is a record whose id is of this chunk alone
}

// whole is a record at a whole millisecond, which is no whole second.
type whole struct {
	item   int32
	at, ms uint64
	hash   xxh3.Uint128
}

// NewIDs returns a maker of ids. fineTags is what is known of tags, shared by all makers of an instance.
func NewIDs(fineTags *FineTags) IDs { return IDs{fineTags: fineTags} }

// Start begins a chunk. chunk identifies its bytes, and how often the same bytes came before.
func (d *IDs) Start(tag string, chunk uint64) {
	d.tag, d.chunk, d.ordinal, d.latest = mix(xxh3.HashString(tag)), chunk, 0, 0
	d.fine, d.whole, d.coarse = 0, d.whole[:0], false
	d.twins.reset()
}

// Next makes the id of the chunk's next record, which is the batch's item. body is the record's msgpack as it came. End may
// change the id.
func (d *IDs) Next(id *[IDSize]byte, item int32, sec int64, nsec uint32, body []byte) {
	h := xxh3.Hash128(body)
	at := uint64(sec)*1e9 + uint64(nsec)
	ms := uint64(sec*1000) + uint64(nsec/1e6)
	if nsec%1e6 != 0 {
		d.fine++
		encode(id, ms, h, d.fineSeed(at, h))
	} else {
		encode(id, ms, h, mix(mix(d.tag^mix(at))^mix(d.chunk+d.ordinal*prime)))
		if nsec == 0 {
			d.coarse = true
		} else {
			d.whole = append(d.whole, whole{item, at, ms, h})
		}
	}
	d.ordinal++
}

// End calls set with the items that were taken for coarse but are not, and their right ids. It tells whether the chunk holds
// records whose ids are of this chunk alone.
func (d *IDs) End(set func(item int32, id *[IDSize]byte)) bool {
	if !d.fineTags.judge(d.tag, d.fine, len(d.whole)) {
		return d.coarse || len(d.whole) > 0
	}
	for _, w := range d.whole {
		var id [IDSize]byte
		encode(&id, w.ms, w.hash, d.fineSeed(w.at, w.hash))
		set(w.item, &id)
	}
	return d.coarse
}

// fineSeed is what a record with a fine time adds to its body's hash.
func (d *IDs) fineSeed(at uint64, h xxh3.Uint128) uint64 {
	seed := mix(d.tag ^ mix(at))
	if n := d.twins.count(h.Lo^seed, at > d.latest); n > 0 {
		seed = mix(seed + uint64(n)*prime)
	}
	d.latest = max(d.latest, at)
	return seed
}

// encode writes the 120 bits in two halves, ten characters each, at once: half of what encoding/base64 takes.
func encode(id *[IDSize]byte, ms uint64, h xxh3.Uint128, seed uint64) {
	low := h.Lo ^ seed
	first, second := ms<<12|low>>52, low<<8|(h.Hi+seed)>>56
	for i := len(id)/2 - 1; i >= 0; i-- {
		id[i], id[len(id)/2+i] = base64URL[first&63], base64URL[second&63]
		first, second = first>>6, second>>6
	}
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// prime and mix are the constants and the finalizer of SplitMix64 (Steele, Lea, Flood 2014): each input bit changes each
// output bit with a chance of about one half.
const prime = 0x9e3779b97f4a7c15

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
