package bulk

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/zeebo/xxh3"
)

// IDSize is the length of an id: 20 characters of base64url over 15 bytes.
const IDSize = 20

// IDs makes the ids of one chunk's records. An id is the record's time in milliseconds (6 bytes, big endian) and 9 bytes of a
// hash over tag, time and body: time-ordered, because ordered ids cost the cluster hardly more than automatic ones, and made
// from content, because a record that is sent again has to be known again.
//
// Two equal records are told apart by how often the record occurred before in its chunk where the time is finer than a
// millisecond: a file that is read again then gives the same ids. Where the time is coarser, equal records are likely to be
// different lines, and the chunk and the position in it tell them apart.
type IDs struct {
	tag, chunk uint64
	ordinal    uint64
	latest     uint64 // time of the chunk so far, in ns
	twins      twins
}

// Start begins a chunk. chunk identifies its bytes, and how often the same bytes came before.
func (d *IDs) Start(tag string, chunk uint64) {
	d.tag, d.chunk, d.ordinal, d.latest = mix(xxh3.HashString(tag)), chunk, 0, 0
	d.twins.reset()
}

// Next makes the id of the chunk's next record. body is the record's msgpack as it came.
func (d *IDs) Next(id *[IDSize]byte, sec int64, nsec uint32, body []byte) {
	h := xxh3.Hash128(body)
	at := uint64(sec)*1e9 + uint64(nsec)
	seed := mix(d.tag ^ mix(at))
	if nsec%1e6 != 0 {
		if n := d.twins.count(h.Lo^seed, at > d.latest); n > 0 {
			seed = mix(seed + uint64(n)*prime)
		}
		d.latest = max(d.latest, at)
	} else {
		seed = mix(seed ^ mix(d.chunk+d.ordinal*prime))
	}
	d.ordinal++

	var raw [16]byte
	ms := uint64(sec*1000) + uint64(nsec/1e6)
	binary.BigEndian.PutUint64(raw[:8], ms<<16)
	binary.BigEndian.PutUint64(raw[6:14], h.Lo^seed)
	raw[14] = byte((h.Hi + seed) >> 56)
	base64.RawURLEncoding.Encode(id[:], raw[:15])
}

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
