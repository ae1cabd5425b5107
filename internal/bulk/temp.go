package bulk

// Temporary until the ids branch is merged.

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
