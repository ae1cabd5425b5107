// Package deliver takes a chunk to the domain. Its input is one flush: a tag and a chunk's bytes;
// its output is whether every record in it is settled, which means stored or in the dead letters.
// It holds the loop: what to send again, when and for how long; the memory of chunks that come
// back; and the bound on requests under way. It encodes no document and decides on no status
// itself.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/identity"
	"out_opensearch_irsa/internal/logging"
	"out_opensearch_irsa/internal/metrics"
	"out_opensearch_irsa/internal/multiline"
	"out_opensearch_irsa/internal/opensearch"
	"out_opensearch_irsa/internal/version"
)

// Deliverer is one instance: everything that the flushes of one [OUTPUT] section share. It is safe
// for concurrent use.
type Deliverer struct {
	cfg            *config.Config
	log            *logging.Logger
	deliveryErrors *logging.Throttle[deliveryError] // of whole requests
	indexErrors    *logging.Throttle[deliveryError] // of items: apart, since an index may be made of records' values
	otherErrors    *logging.Throttle[otherError]
	rejects        *rejections
	counts         *metrics.Output

	client    *opensearch.Client
	identity  *identity.Identity // nil with AWS_Auth Off
	deadFile  *deadletter.File   // nil where dead letters go to an index
	deadPlace string             // where they go, for log lines

	ledger    *ledger
	committer *committer
	breaker   breaker
	size      *requestSize
	// withoutIDs tells that the domain rejects custom _id, and documents go without from then on.
	withoutIDs atomic.Bool
	// withoutIndex tells that the domain takes no index on a request's lines.
	withoutIndex atomic.Bool
	// onlyCreate tells that the index is a data stream, in which no document replaces another.
	onlyCreate atomic.Bool
	// rules are those of Multiline; nil where it is off.
	rules *multiline.Rules
	// recordPipelines tells that records name their pipelines.
	recordPipelines bool

	ctx         context.Context // ends with Close
	stop        context.CancelFunc
	stopMetrics func() // nil without Metrics_Listen

	goroutines goroutines
	builders   builders
	buffers    buffers
}

// New makes an instance. It opens no connection: a domain that is unreachable, or a role that does
// not exist yet, must not keep Fluent Bit from starting. An error says which option is wrong.
func New(cfg *config.Config, log *logging.Logger) (*Deliverer, error) {
	d := &Deliverer{
		cfg: cfg, log: log, counts: metrics.Open(log.Name(), version.Version),
		deliveryErrors: logging.NewThrottle[deliveryError](log),
		indexErrors:    logging.NewThrottle[deliveryError](log),
		otherErrors:    logging.NewThrottle[otherError](log),
		rejects:        newRejections(log), ledger: newLedger(ledgerLimit),
		size:            newRequestSize(cfg.MaxRequestSize),
		recordPipelines: strings.HasPrefix(cfg.Pipeline, "$"),
	}
	memory.join(cfg.MemoryLimit)
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.goroutines = newGoroutines(d.ctx.Done())
	d.committer = newCommitter(d)
	d.builders.d = d
	d.buffers.start(d)
	rules, rulesErr := compile.NewRules(cfg)
	d.rules = rules
	f, err := d.newFlush() // shows mistakes in the options that shape documents and names
	if err = errors.Join(err, rulesErr, d.connect()); err != nil {
		d.release()
		return nil, err
	}
	d.buffers.giveBack(f)
	d.counts.Attach(&metrics.Live{
		InFlight: d.committer.inFlight, Limit: d.committer.limit, Ledger: d.ledger.size,
		Expires: d.expires,
	})
	if cfg.MetricsListen != "" {
		if d.stopMetrics, err = metrics.Listen(cfg.MetricsListen); err != nil {
			log.Warnf("%v. Delivery goes on without", err) // an agent without metrics is better than none
		}
	}
	if len(cfg.Unused) > 0 {
		log.Debugf("these options have no effect here: %s", strings.Join(cfg.Unused, ", "))
	}
	for _, warning := range cfg.Warnings() {
		log.Warnf("%s", warning)
	}
	log.Infof("%s", d.describe())
	return d, nil
}

// connect prepares what speaks to others.
func (d *Deliverer) connect() error {
	var err error
	if d.client, d.identity, err = connect.Dial(d.cfg); err != nil {
		return err
	}
	d.deadPlace = "Dead_Letter_Index " + d.cfg.DeadLetterIndex
	if d.cfg.DeadLetterPath == "" {
		return nil
	}
	d.deadPlace = "Dead_Letter_Path " + d.cfg.DeadLetterPath
	d.deadFile, err = deadletter.OpenFile(d.cfg.DeadLetterPath, d.log)
	return err
}

// describe is the line that an instance starts with.
func (d *Deliverer) describe() string {
	who := "no authentication"
	switch {
	case d.identity != nil:
		who = fmt.Sprintf("%s, signed for %s in %s", d.identity.Source(), d.cfg.AWSService,
			d.cfg.AWSRegion)
	case d.cfg.HTTPUser != "":
		who = "as user " + d.cfg.HTTPUser
	}
	compress := "uncompressed"
	if d.cfg.Gzip {
		compress = "gzip"
	}
	return fmt.Sprintf("version %s delivers to %s%s, index %s, %s; %s, requests up to %d bytes, "+
		"%s for each; dead letters to %s",
		version.Version, d.cfg.Endpoint, d.cfg.Path, d.cfg.Index, who, compress, d.cfg.MaxRequestSize, d.cfg.RequestTimeout, d.deadPlace)
}

// Close ends what is under way, with RETRY for its chunks, and frees what the instance holds.
func (d *Deliverer) Close() {
	d.release()
	d.rejects.flush()
	d.log.Infof("ended: %s", d.counts)
}

func (d *Deliverer) release() {
	d.stop()
	d.committer.close()
	d.buffers.stop()
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
	if d.deadFile != nil {
		if err := d.deadFile.Close(); err != nil {
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

func (d *Deliverer) takeFlush() (*flush, error) {
	f := d.buffers.take()
	if f == nil {
		var err error
		if f, err = d.newFlush(); err != nil {
			return nil, err
		}
	}
	f.adapt()
	return f, nil
}

// recovered writes about a panic that was recovered from, and counts it.
func (d *Deliverer) recovered(doing string, panicked any) {
	d.counts.Panics.Inc()
	d.log.Recovered(doing, panicked)
}

// plainDeadLetterIndex is the dead-letter index of a record that no index name can be made of.
func (d *Deliverer) plainDeadLetterIndex() string { return "fluent-bit-dead-letter" }
