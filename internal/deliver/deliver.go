// Package deliver takes a chunk to the domain. In comes one flush: a tag and a chunk's bytes; out goes whether every record in
// it is settled, which means stored or in the dead letters. It holds the loop: what to send again, when and for how long; the
// memory of chunks that come back; and the bound on requests under way. It builds no document and judges no answer itself.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/identity"
	"out_opensearch_irsa/internal/logging"
	"out_opensearch_irsa/internal/metrics"
	"out_opensearch_irsa/internal/opensearch"
	"out_opensearch_irsa/internal/version"
)

// Deliverer is one instance: everything that the flushes of one [OUTPUT] section share. It is safe for concurrent use.
type Deliverer struct {
	cfg      *config.Config
	log      *logging.Logger
	troubles *logging.Streak // of delivering
	asides   *logging.Streak // of anything else
	rejects  *rejections
	counts   *metrics.Output

	client   *opensearch.Client
	identity *identity.Identity // nil with AWS_Auth Off
	dead     deadletter.Keeper

	ledger   *ledger
	fineTags *bulk.FineTags
	limiter  *limiter
	outage   outage
	// bare tells that the domain refused ids, and documents go without from then on.
	bare atomic.Bool
	// size is the largest body sent: Max_Request_Size, or less once the domain refused that.
	size atomic.Int64

	ctx         context.Context // ends with Close
	stop        context.CancelFunc
	stopMetrics func() // nil without Metrics_Listen

	mu   sync.Mutex
	free []*flush // workers' buffers, ready for the next flush
}

// New makes an instance. It opens no connection: a domain that is down, or a role that is not there yet, must not keep Fluent
// Bit from starting. An error says which option is wrong.
func New(cfg *config.Config, log *logging.Logger) (*Deliverer, error) {
	d := &Deliverer{cfg: cfg, counts: metrics.Open(log.Name(), version.Version), log: log, troubles: logging.NewStreak(log), asides: logging.NewStreak(log), rejects: newRejections(log), ledger: newLedger(ledgerLimit), fineTags: bulk.NewFineTags(), limiter: newLimiter()}
	d.size.Store(int64(cfg.MaxRequestSize))
	memory.join(cfg.MemoryLimit)
	d.ctx, d.stop = context.WithCancel(context.Background())
	f, err := d.newFlush() // shows mistakes in the options that shape documents and names
	if err = errors.Join(err, d.connect()); err != nil {
		d.release()
		return nil, err
	}
	d.giveBack(f)
	d.counts.Attach(&metrics.Live{InFlight: d.limiter.underWay, Limit: d.limiter.bound, Ledger: d.ledger.size, Expires: d.expires})
	if cfg.MetricsListen != "" {
		if d.stopMetrics, err = metrics.Listen(cfg.MetricsListen); err != nil {
			log.Warnf("%v. Delivery goes on without", err) // logs count for more than counts
		}
	}
	if len(cfg.Unused) > 0 {
		log.Debugf("these options have no effect here: %s", strings.Join(cfg.Unused, ", "))
	}
	log.Infof("%s", d.describe())
	return d, nil
}

// Check finds the mistakes in options that shape documents and names, which config.Load does not look into.
func Check(cfg *config.Config) error {
	_, err := (&Deliverer{cfg: cfg}).newFlush()
	return err
}

// connect prepares what speaks to others.
func (d *Deliverer) connect() error {
	var err error
	if d.client, d.identity, err = connect.Dial(d.cfg); err != nil {
		return err
	}
	if d.cfg.DeadLetterPath == "" {
		d.dead = deadletter.NewIndex(d.client, d.cfg.MaxRequestSize)
		return nil
	}
	file, err := deadletter.OpenFile(d.cfg.DeadLetterPath, d.log)
	if err != nil {
		return err
	}
	d.dead = file
	return nil
}

// describe is the line that an instance starts with.
func (d *Deliverer) describe() string {
	who := "no authentication"
	switch {
	case d.identity != nil:
		who = fmt.Sprintf("%s, signed for %s in %s", d.identity.Source(), d.cfg.AWSService, d.cfg.AWSRegion)
	case d.cfg.HTTPUser != "":
		who = "as user " + d.cfg.HTTPUser
	}
	compress := "uncompressed"
	if d.cfg.Gzip {
		compress = "gzip"
	}
	dead := "index " + d.cfg.DeadLetterIndex
	if d.cfg.DeadLetterPath != "" {
		dead = "file " + d.cfg.DeadLetterPath
	}
	return fmt.Sprintf("version %s delivers to %s%s, index %s, %s; %s, requests up to %d bytes, %s for each; dead letters to %s",
		version.Version, d.cfg.Endpoint, d.cfg.Path, d.cfg.Index, who, compress, d.cfg.MaxRequestSize, d.cfg.RequestTimeout, dead)
}

// Close ends what is under way, with RETRY for its chunks, and frees what the instance holds.
func (d *Deliverer) Close() {
	d.release()
	d.rejects.flush()
	d.log.Infof("ended: %s", d.counts)
}

func (d *Deliverer) release() {
	d.stop()
	memory.leave(d.cfg.MemoryLimit)
	if d.stopMetrics != nil {
		d.stopMetrics()
	}
	d.counts.Close()
	if d.client != nil {
		d.client.Close()
	}
	if d.identity != nil {
		d.identity.Close()
	}
	if d.dead != nil {
		if err := d.dead.Close(); err != nil {
			d.log.Warnf("%v", err)
		}
	}
}

// expires is when the credentials do.
func (d *Deliverer) expires() time.Time {
	if d.identity == nil {
		return time.Time{}
	}
	return d.identity.Expires()
}

// Flush delivers one chunk and tells whether all of it is settled: if not, the same chunk has to come again. It reads chunk
// until it returns, and keeps nothing of it.
func (d *Deliverer) Flush(tag string, chunk []byte) bool {
	asks, ok := d.outage.admit()
	if !ok {
		d.counts.Kept.Inc()
		return false
	}
	if asks {
		defer d.outage.leave()
	}
	c := d.ledger.begin(tag, chunk)
	f, err := d.takeFlush()
	if err != nil { // it worked in New
		d.log.Errorf("%v", err)
		c.keep(c.settled)
		return false
	}
	defer d.giveBack(f)
	f.build(tag, chunk, c)
	if f.run(d.ctx, asks) {
		c.done(f.coarse)
		d.counts.Settled.Inc()
		return true
	}
	c.keep(f.settledSet())
	d.counts.Kept.Inc()
	return false
}

// maxFree is how many sets of buffers are kept between flushes: more than the workers that anybody gives one output.
const maxFree = limiterTop

func (d *Deliverer) takeFlush() (f *flush, err error) {
	d.mu.Lock()
	if n := len(d.free); n > 0 {
		f = d.free[n-1]
		d.free = d.free[:n-1]
	}
	d.mu.Unlock()
	if f == nil {
		if f, err = d.newFlush(); err != nil {
			return nil, err
		}
	}
	if d.bare.Load() {
		f.batch.DropIDs()
	}
	return f, nil
}

func (d *Deliverer) giveBack(f *flush) {
	f.reset()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.free) < maxFree {
		d.free = append(d.free, f)
	}
}
