package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// chaosRate is how many good records a second the writer writes: a load for the usual two minutes,
// and no more lines in all in a longer run. Each time that tail's DB is deleted every line so far
// is read and sent again, which has to end before the next fault.
func chaosRate(lasts time.Duration) float64 { return min(500, 100_000/lasts.Seconds()) }

// longChaos is from when on the server's JVM is better off compiling for speed.
const longChaos = 5 * time.Minute

// chaosMapping makes log a keyword, so that a line above 32,766 bytes is refused.
const chaosMapping = `{"mappings":{"properties":{"log":{"type":"keyword"}}}}`

// chaosRow is the set-up that all chosen faults act on: two outputs to two domains, and little
// memory.
var chaosRow = row{id: "chaos", name: "faults drawn at random", second: true,
	config: config{options: []string{"Request_Timeout 3s"}}}

// runChaos draws faults for so long, heals everything, and counts. The draw depends on the seed
// alone; when each fault begins and what it meets depends on how fast things go.
func (b *bench) runChaos(ctx context.Context, seed uint64, lasts time.Duration) (err error) {
	if seed == 0 {
		seed = rand.Uint64N(1 << 32)
	}
	fmt.Printf("seed %d, %s, %s\n", seed, lasts, b.host.Version)
	t := &trial{bench: b, stack: b.stack}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.setup(chaosRow); err != nil {
		return err
	}
	for _, index := range []string{t.index, t.index + "-second"} {
		if err := ask(ctx, t.stack.OpenSearch, "PUT", "/"+index, chaosMapping, nil); err != nil {
			return err
		}
	}
	if err := t.node.start(ctx); err != nil {
		return err
	}
	failed := t.underChaos(ctx, rand.New(rand.NewPCG(seed, 0)), lasts)
	b.say("all is healed; waiting for what is still under way")
	s, settled := t.settle(ctx)
	t.bad *= 2 // each is in the dead letters of both domains
	res := result{row: chaosRow, sums: s, bad: t.bad, fired: t.fired,
		sent: t.domain.requestCount() + t.second.requestCount(), err: errors.Join(failed, settled)}
	fmt.Printf("\nseed %d: %d faults in %s, %s\n\n%s%s", seed, t.fired, lasts, b.host.Version,
		heading, res.line())
	if res.proven() {
		return nil
	}
	fmt.Printf("\n%d planted, %d misfiled, lost%s, twice%s\n%sthe agent's last lines:\n%s\n", t.bad,
		s.misfiled, s.gone, s.twice, t.copies(ctx, s), t.logTail())
	return errors.Join(errUnproven, res.err)
}

// underChaos lets one fault follow the other while records are written, and heals the last.
func (t *trial) underChaos(ctx context.Context, draw *rand.Rand, lasts time.Duration) error {
	writing, stop := context.WithCancel(ctx)
	wrote := make(chan error, 1)
	go func() { wrote <- t.writeSteadily(writing, chaosRate(lasts)) }()
	var events []event
	for _, e := range allEvents {
		if e.skip == nil || e.skip(t.bench) == "" {
			events = append(events, e)
		}
	}
	var failed error
	for end := time.Now().Add(lasts); failed == nil && time.Now().Before(end) && ctx.Err() == nil; {
		// Everything is drawn before anything happens, so that nothing that happens changes the
		// draw.
		e := events[draw.IntN(len(events))]
		c := circumstances{
			lasts:  time.Duration(500+draw.IntN(5000)) * time.Millisecond,
			on:     []*domain{t.domain, t.second}[draw.IntN(2)],
			chance: []float64{0.2, 0.5, 1}[draw.IntN(3)],
		}
		pause := time.Duration(200+draw.IntN(2000)) * time.Millisecond
		where := "first"
		if c.on == t.second {
			where = "second"
		}
		fmt.Printf("%s  %-40s %4.1f s, %s domain, chance %.1f\n", time.Now().Format("15:04:05.000"),
			e.name, c.lasts.Seconds(), where, c.chance)
		if failed = e.run(ctx, t, c); failed != nil {
			failed = fmt.Errorf("%s: %w", e.name, failed)
			break
		}
		t.fired++
		failed = hold(ctx, pause)
	}
	stop()
	return errors.Join(failed, <-wrote)
}

// writeSteadily writes so many records a second until ctx ends.
func (t *trial) writeSteadily(ctx context.Context, rate float64) error {
	const every = 50 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for due := 0.0; next(ctx, tick) == nil; {
		due += rate * every.Seconds()
		whole := int(due)
		due -= float64(whole)
		if err := t.node.write(whole); err != nil {
			return err
		}
	}
	return nil
}
