package bulk

import "github.com/zeebo/xxh3"

// IDSize is the length of an id: 20 characters of base64url over 15 bytes.
const IDSize = 20

// IDs makes the ids of one chunk's records. An id is the record's time in milliseconds (6 bytes,
// big endian) and 9 bytes of a hash over tag, time and body: time-ordered, because ordered ids cost
// the cluster hardly more than automatic ones, and made from content, because a record that is sent
// again has to be known again. It follows from the chunk's bytes and the tag alone: what a restart
// forgets must not change it.
//
// Two equal records are told apart by how often the record occurred before in its chunk where times
// are fine, which is finer than a millisecond: a file that is read again then gives the same ids,
// however it is cut into chunks. Where times are coarse, equal records are likely to be different
// lines, and the chunk and the position in it tell them apart.
//
// A fine time ends in six zeros by chance, once in a thousand lines of microseconds. So a whole
// second counts as coarse by itself, but a whole millisecond only where there are several in its
// chunk and more of them than of finer times; End decides that. Of microseconds, a chunk of three
// lines is taken for coarse with a chance of 3 in a million (two of the three have to end in
// zeros), and any other chunk with less. Of nanoseconds it is a millionth of that.
type IDs struct {
	tag, chunk uint64
	ordinal    uint64
	latest     uint64 // time of the records counted by duplicates so far, in ns
	duplicates duplicates
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

// Start begins a chunk. chunk identifies its bytes, and how often the same bytes were settled
// before.
func (d *IDs) Start(tag string, chunk uint64) {
	d.tag, d.chunk, d.ordinal, d.latest = mix(xxh3.HashString(tag)), chunk, 0, 0
	d.fine, d.whole, d.coarse = 0, d.whole[:0], false
	d.duplicates.reset()
}

// Next makes the id of the chunk's next record, which is the batch's item. body is the record's
// msgpack as it came; exact says that it holds the line's place in its file, so that different
// lines differ in it whatever their times. End may change the id.
func (d *IDs) Next(id *[IDSize]byte, item int32, sec int64, nsec uint32, body []byte, exact bool) {
	h := xxh3.Hash128(body)
	at := uint64(sec)*1e9 + uint64(nsec)
	ms := uint64(sec*1000) + uint64(nsec/1e6)
	switch {
	case nsec%1e6 != 0:
		d.fine++
		fallthrough
	case exact:
		encode(id, ms, h, d.fineSeed(at, h))
	default:
		encode(id, ms, h, mix(mix(d.tag^mix(at))^mix(d.chunk+d.ordinal*prime)))
		if nsec == 0 {
			d.coarse = true
		} else {
			d.whole = append(d.whole, whole{item, at, ms, h})
		}
	}
	d.ordinal++
}

// End calls set with the items that were taken for coarse but are not, and their right ids. It
// tells whether the chunk holds records whose ids are of this chunk alone.
func (d *IDs) End(set func(item int32, id *[IDSize]byte)) bool {
	if len(d.whole) > 1 && len(d.whole) > d.fine {
		return true
	}
	d.latest = 0 // none of those counted so far has a time that is in whole
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
	if n := d.duplicates.count(h.Lo^seed, at > d.latest); n > 0 {
		seed = mix(seed + uint64(n)*prime)
	}
	d.latest = max(d.latest, at)
	return seed
}

// encode writes the 120 bits in two halves, ten characters each, at once: half of what
// encoding/base64 takes.
func encode(id *[IDSize]byte, ms uint64, h xxh3.Uint128, seed uint64) {
	low := h.Lo ^ seed
	first, second := ms<<12|low>>52, low<<8|(h.Hi+seed)>>56
	for i := len(id)/2 - 1; i >= 0; i-- {
		id[i], id[len(id)/2+i] = base64URL[first&63], base64URL[second&63]
		first, second = first>>6, second>>6
	}
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// prime and mix are the constants and the finalizer of SplitMix64 (Steele, Lea, Flood 2014): each
// input bit changes each output bit with a chance of about one half.
const prime = 0x9e3779b97f4a7c15

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
