// Package metrics counts what happens to records and requests, and serves the counts to Prometheus.
// Whoever makes something happen adds to a counter of its output; a listener, if Metrics_Listen
// asks for one, shows those of every output in the process.
package metrics

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// prefix starts the name of every metric.
const prefix = "opensearch_irsa_"

// Output holds the metrics of one output, under its alias. It is safe for concurrent use.
type Output struct {
	name string
	set  *metrics.Set
	refs int // instances that use it: two for a moment in a hot reload. Guarded by registry.mu

	// Records and Bytes are what came from Fluent Bit, those of a chunk that came back counted once
	// more.
	Records, Bytes *metrics.Counter
	// Stored is documents that the domain stored, Duplicates those it had already from an attempt
	// whose answer was lost.
	Stored, Duplicates *metrics.Counter
	// SentAgain is items in a second or later request of a flush.
	SentAgain *metrics.Counter
	// DeadLetters is records, and damaged ends of chunks, that are in the dead letters.
	DeadLetters *metrics.Counter
	// DeadLettersFailed is attempts to write dead letters that failed; their chunks come back.
	DeadLettersFailed *metrics.Counter
	// Panics is panics that were recovered from; ReferenceChunks is chunks that the reference
	// encoder encoded because of one.
	Panics, ReferenceChunks *metrics.Counter
	// Evictions is chunks that the ledger forgot although they were to come back.
	Evictions *metrics.Counter
	// Settled and Kept are chunks answered with OK and with RETRY.
	Settled, Kept *metrics.Counter

	requests            atomic.Int64
	duration, size      *metrics.PrometheusHistogram
	live                atomic.Pointer[Live]
	lastIn, lastSuccess atomic.Int64 // Unix nanoseconds
}

// Live is what is read from an instance when somebody asks. Each function is called from the
// listener's goroutines.
type Live struct {
	// InFlight and Limit are the requests under way and how many may be; Ledger is how many chunks
	// are remembered.
	InFlight, Ledger func() int
	Limit            func() float64 // below one it is a pace
	// Expires is when the credentials do; zero where there are none, or they do not.
	Expires func() time.Time
}

// registry holds the outputs of this process by name.
var registry = struct {
	mu      sync.Mutex
	outputs map[string]*Output
	set     *metrics.Set // one for all, so that each family is shown once
}{outputs: map[string]*Output{}, set: metrics.NewSet()}

// Buckets for seconds from a local answer to the longest Request_Timeout, and for bytes from a few
// lines to the largest request.
var (
	seconds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60}
	sizes   = []float64{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 2 << 20, 5 << 20,
		10 << 20, 100 << 20}
)

// Open returns the metrics of the output of this name. Close them once for each Open.
func Open(name, version string) *Output {
	metrics.ExposeMetadata(true)
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if o := registry.outputs[name]; o != nil {
		o.refs++
		return o
	}
	o := &Output{name: name, set: registry.set, refs: 1}
	o.Records = o.counter("records_total")
	o.Bytes = o.counter("chunk_bytes_total")
	o.Stored = o.counter("documents_stored_total")
	o.Duplicates = o.counter("documents_duplicate_total")
	o.SentAgain = o.counter("documents_sent_again_total")
	o.DeadLetters = o.counter("dead_letters_total")
	o.DeadLettersFailed = o.counter("dead_letter_writes_failed_total")
	o.Panics = o.counter("panics_recovered_total")
	o.ReferenceChunks = o.counter("chunks_by_reference_encoder_total")
	o.Evictions = o.counter("ledger_evictions_total")
	o.Settled = o.counter("chunks_total", "answer", "ok")
	o.Kept = o.counter("chunks_total", "answer", "retry")
	o.duration = o.set.GetOrCreatePrometheusHistogramExt(o.full("request_duration_seconds"),
		seconds)
	o.size = o.set.GetOrCreatePrometheusHistogramExt(o.full("request_size_bytes"), sizes)
	o.gauge("requests_in_flight", func(l *Live) float64 { return float64(l.InFlight()) })
	o.gauge("requests_in_flight_limit", func(l *Live) float64 { return l.Limit() })
	o.gauge("ledger_chunks", func(l *Live) float64 { return float64(l.Ledger()) })
	o.gauge("credentials_expiry_timestamp_seconds", func(l *Live) float64 {
		if at := l.Expires(); !at.IsZero() {
			return float64(at.Unix())
		}
		return 0
	})
	o.gauge("last_success_timestamp_seconds",
		func(*Live) float64 { return float64(o.lastSuccess.Load()) / 1e9 })
	o.set.GetOrCreateGauge(o.full("build_info", "version", version, "goversion", runtime.Version()),
		func() float64 { return 1 })
	registry.outputs[name] = o
	return o
}

// full is a metric's name with the output's label and others, given as name and value in turn.
func (o *Output) full(name string, labels ...string) string {
	s := prefix + name + "{output=" + strconv.Quote(o.name)
	for i := 0; i+1 < len(labels); i += 2 {
		s += "," + labels[i] + "=" + strconv.Quote(labels[i+1])
	}
	return s + "}"
}

func (o *Output) counter(name string, labels ...string) *metrics.Counter {
	return o.set.GetOrCreateCounter(o.full(name, labels...))
}

func (o *Output) gauge(name string, read func(*Live) float64) {
	o.set.GetOrCreateGauge(o.full(name), func() float64 {
		if l := o.live.Load(); l != nil {
			return read(l)
		}
		return 0
	})
}

// Attach says what to read the gauges from.
func (o *Output) Attach(l *Live) { o.live.Store(l) }

// Close ends an instance's use. With the last one, the output's metrics disappear.
func (o *Output) Close() {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if o.refs--; o.refs > 0 {
		return
	}
	o.live.Store(nil)
	delete(registry.outputs, o.name)
	mine := "{output=" + strconv.Quote(o.name)
	for _, name := range o.set.ListMetricNames() {
		if len(name) > len(mine) && containsLabel(name, mine) {
			o.set.UnregisterMetric(name)
		}
	}
}

func containsLabel(name, label string) bool {
	for i := range name {
		if name[i] == '{' {
			return len(name) >= i+len(label) && name[i:i+len(label)] == label
		}
	}
	return false
}

// Received counts a chunk from Fluent Bit.
func (o *Output) Received(records, chunkBytes int) {
	o.Records.Add(records)
	o.Bytes.Add(chunkBytes)
	o.lastIn.Store(time.Now().UnixNano())
}

// Request counts a request by its outcome: an HTTP status, or the kind of failure where there was
// no answer.
func (o *Output) Request(outcome string, took time.Duration, wireBytes int) {
	o.requests.Add(1)
	o.counter("requests_total", "status", outcome).Inc()
	o.duration.Update(took.Seconds())
	o.size.Update(float64(wireBytes))
}

// RecordSuccess tells that the domain settled a record.
func (o *Output) RecordSuccess() { o.lastSuccess.Store(time.Now().UnixNano()) }

// Rejected counts records that the domain will not take, by its error type.
func (o *Output) Rejected(reason string) {
	o.counter("documents_rejected_total", "type",
		reason).Inc()
}

// idleAfter is how long records may come without one being accepted before an output is unready:
// longer than a domain takes to elect another leader, and short enough that probes show an outage
// of three minutes.
const idleAfter = 2 * time.Minute

// stuck tells whether records came for a while and none was accepted.
func (o *Output) stuck(now time.Time) bool {
	in, taken := time.Unix(0, o.lastIn.Load()), time.Unix(0, o.lastSuccess.Load())
	if o.lastSuccess.Load() == 0 {
		taken = started
	}
	return o.lastIn.Load() > 0 && in.After(taken) && now.Sub(taken) > idleAfter
}

var started = time.Now()

// write shows the metrics of every output.
func write(w io.Writer) {
	var text bytes.Buffer
	registry.set.WritePrometheus(&text)
	helped(w, text.Bytes())
}

// stuckOutputs names the outputs that are stuck.
func stuckOutputs(now time.Time) []string {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	var names []string
	for name, o := range registry.outputs {
		if o.stuck(now) {
			names = append(names, name)
		}
	}
	return names
}

// String is the summary that an instance ends with.
func (o *Output) String() string {
	return fmt.Sprintf("%d records; %d documents stored, %d duplicates, %d dead letters; %d "+
		"requests, %d items sent again, %d chunks kept for later",
		o.Records.Get(), o.Stored.Get(), o.Duplicates.Get(), o.DeadLetters.Get(), o.requests.Load(), o.SentAgain.Get(), o.Kept.Get())
}
