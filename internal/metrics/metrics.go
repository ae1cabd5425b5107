// Package metrics counts what happened to records and requests. Whoever makes something happen adds to a counter; whoever
// reports reads them. It writes nothing itself.
package metrics

import (
	"fmt"
	"sync/atomic"
)

// Output holds the counters of one instance. They only grow.
type Output struct {
	// Records is how many records came, those of a chunk that came back counted once more.
	Records atomic.Int64
	// Delivered is how many documents the domain stored because of us.
	Delivered atomic.Int64
	// Duplicates is how many it had already, from an attempt whose answer was lost.
	Duplicates atomic.Int64
	// DeadLetters is how many records, and damaged ends of chunks, went to the dead letters.
	DeadLetters atomic.Int64
	// Requests is how many bulk requests were sent; SentAgain is how many items were in a second or later one.
	Requests, SentAgain atomic.Int64
	// Kept is how many chunks Fluent Bit was asked to bring back.
	Kept atomic.Int64
}

// String is the summary that an instance ends with.
func (o *Output) String() string {
	return fmt.Sprintf("%d records came; %d documents stored, %d there already, %d dead letters; %d requests, %d items sent again, %d chunks kept for later",
		o.Records.Load(), o.Delivered.Load(), o.Duplicates.Load(), o.DeadLetters.Load(), o.Requests.Load(), o.SentAgain.Load(), o.Kept.Load())
}
