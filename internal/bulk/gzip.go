package bulk

import (
	"github.com/klauspost/compress/gzip"
)

// Compressor turns bodies into gzip at level 1: a log's repetition is close by, and what a higher level gains on the wire
// costs several times as much on the node. It keeps its writer; one belongs to one worker at a time.
type Compressor struct {
	w   *gzip.Writer
	out appender
}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// Compress appends the gzip of body to dst and returns it grown.
func (c *Compressor) Compress(dst, body []byte) []byte {
	c.out.b = dst
	if c.w == nil {
		c.w, _ = gzip.NewWriterLevel(&c.out, gzip.BestSpeed) // the level is a constant that exists
	} else {
		c.w.Reset(&c.out)
	}
	_, _ = c.w.Write(body) // the appender never fails
	_ = c.w.Close()
	dst, c.out.b = c.out.b, nil
	return dst
}
