package deliver

import (
	"runtime"
	"sync"
)

// Start delivers one chunk, and does not hold the caller meanwhile. done is called once, perhaps
// before Start returns: settled tells whether all of the chunk is settled; if not, the same chunk
// has to come again. chunk is read until then, and nothing of it is kept.
func (d *Deliverer) Start(tag string, chunk []byte, done func(settled bool)) {
	probe, ok := d.breaker.admit()
	if !ok {
		d.counts.Kept.Inc()
		done(false)
		return
	}
	d.committer.enter()
	d.builders.add(job{tag, chunk, done, probe})
}

// Flush is Start for a caller who waits.
func (d *Deliverer) Flush(tag string, chunk []byte) (settled bool) {
	answer := make(chan bool, 1)
	d.Start(tag, chunk, func(settled bool) { answer <- settled })
	return <-answer
}

// job is one chunk to deliver. probe says that it is the circuit breaker's probe.
type job struct {
	tag   string
	chunk []byte
	done  func(settled bool)
	probe bool
}

// builders are the goroutines that make documents of chunks: as many as there are processors, since
// that is what they use. Many small chunks come at once, and each goroutine that is woken costs
// more than twenty lines do. What is built and not yet settled is bounded, whatever Workers is:
// chunks that wait for their turn are the core's memory, and no more.
type builders struct {
	d *Deliverer

	mu      sync.Mutex // guards the rest
	jobs    []job
	waiting int // size of the chunks in jobs
	running int
	held    int // size of the flushes under way
}

// maxHeld bounds the size of the flushes under way, in bytes, if there is more than one: six usual
// chunks of a file that is read at full speed, or hundreds of a node's.
const maxHeld = 24 << 20

// size estimates what a flush holds: its lines, and their compressed form.
func (j *job) size() int { return 2 * len(j.chunk) }

func (b *builders) add(j job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jobs = append(b.jobs, j)
	b.waiting += len(j.chunk)
	b.wake()
}

// release tells that a flush has ended.
func (b *builders) release(j job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= j.size()
	b.wake()
}

// wake starts a goroutine if there is a job for one, and more than one where there is work for
// them. b.mu is held.
func (b *builders) wake() {
	if b.ready() && (b.running == 0 ||
		b.running < runtime.GOMAXPROCS(0) && b.waiting >= compressAlone) {
		b.running++
		b.d.goroutines.run(b.work)
	}
}

// ready tells whether there is a job that may begin. b.mu is held.
func (b *builders) ready() bool {
	return len(b.jobs) > 0 && (b.held == 0 || b.held+b.jobs[0].size() <= maxHeld)
}

func (b *builders) work() {
	for {
		b.mu.Lock()
		if !b.ready() {
			b.running--
			b.mu.Unlock()
			return
		}
		j := b.jobs[0]
		if b.jobs = b.jobs[1:]; len(b.jobs) == 0 {
			b.jobs = nil
		}
		b.waiting -= len(j.chunk)
		b.held += j.size()
		b.mu.Unlock()
		b.d.begin(j)
	}
}

// begin builds a chunk's documents and queues them for the next request. Whatever is more than one
// request that goes well is a goroutine's of its own.
func (d *Deliverer) begin(j job) {
	f, err := d.takeFlush()
	if err != nil { // it worked in New
		d.log.Errorf("%v", err)
		d.end(j)
		j.done(false)
		return
	}
	f.job, f.lease = j, d.ledger.begin(j.tag, j.chunk)
	defer f.recoverPanic("building the documents of a chunk")
	f.start()
	if p := f.firstPiece(); p != nil {
		p.done = f.firstResult
		d.committer.enqueue(p)
		return
	}
	d.goroutines.run(func() { f.rest(nil) })
}

// firstResult gets what became of the chunk's one request.
func (f *flush) firstResult(res *result) {
	defer f.recoverPanic("ending a flush")
	if res.Delivered && len(f.deadLetters) == 0 {
		f.settleAll(f.pending)
		f.finish(true)
		return
	}
	f.d.goroutines.run(func() { f.rest(res) })
}

// rest does what is left of a flush, from the result of its first request on; nil for none yet.
func (f *flush) rest(first *result) {
	defer f.recoverPanic("delivering a chunk")
	f.first = first
	all := f.run(f.d.ctx, f.job.probe)
	f.finish(f.writeDeadLetters(f.d.ctx, f.job.probe) && all)
}

// finish ends the flush, gives its memory back, and answers.
func (f *flush) finish(settled bool) {
	d, j := f.d, f.job
	if settled {
		f.lease.done(f.coarse)
		d.counts.Settled.Inc()
	} else {
		f.lease.keep(f.settledSet())
		d.counts.Kept.Inc()
	}
	d.buffers.giveBack(f)
	d.end(j)
	j.done(settled)
}

// recoverPanic recovers from a panic in a flush, whose chunk then comes back: f.build knows how
// often. The flush's memory is not used again. It is called by defer.
func (f *flush) recoverPanic(doing string) {
	panicked := recover()
	if panicked == nil {
		return
	}
	d, j := f.d, f.job
	d.recovered(doing, panicked)
	f.lease.panicked(f.settledSet())
	d.counts.Kept.Inc()
	d.end(j)
	j.done(false)
}

// end releases what a job held: its place among the flushes, its memory, and the probe if it was
// one.
func (d *Deliverer) end(j job) {
	d.counts.Evictions.Set(uint64(d.ledger.evicted()))
	d.committer.leave()
	d.builders.release(j)
	if j.probe {
		d.breaker.leave()
	}
}
