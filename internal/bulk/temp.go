package bulk

// Temporary until the ids branch is merged.

type Piece struct {
	Data []byte
	CRC  uint32
	Size uint32
}

func (c *Compressor) Piece(dst, body []byte) Piece {
	return Piece{Data: append(dst, body...), Size: uint32(len(body))}
}

func Join(dst []byte, pieces []Piece) []byte {
	var all []byte
	for _, p := range pieces {
		all = append(all, p.Data...)
	}
	var c Compressor
	return c.Compress(dst, all)
}

func (b *Batch) Path(i int32) string  { return string(b.path) }
func (b *Batch) Index(i int32) string { return string(b.path) }
func (b *Batch) Size(items []int32) int {
	n := 0
	for _, i := range items {
		n += int(b.Items[i].End - b.Items[i].Start)
	}
	return n
}
func (b *Batch) ByIndex(items []int32) [][]int32 { return [][]int32{items} }
func (b *Batch) DropIndex()                      {}

func (b *Batch) Routing(i int) string { return "" }
