package command

import (
	"fmt"
	"io"
	"time"
)

// progressEvery is how often a line tells how far it is.
const progressEvery = 3 * time.Second

// Progress writes how far a command is, where it takes long.
type Progress struct {
	Out  io.Writer
	What string // that is counted, such as "dead letters"

	Total, Done    int
	began, written time.Time
}

// Start begins to count.
func (p *Progress) Start(total int) {
	p.Total, p.Done, p.began, p.written = total, 0, time.Now(), time.Now()
}

// Add counts n more as done.
func (p *Progress) Add(n int) {
	p.Done += n
	now := time.Now()
	if now.Sub(p.written) < progressEvery {
		return
	}
	p.written = now
	_, _ = fmt.Fprintf(p.Out, "%d of %d %s, %.0f a second, %d left\n",
		p.Done, p.Total, p.What, float64(p.Done)/now.Sub(p.began).Seconds(), max(0, p.Total-p.Done))
}
