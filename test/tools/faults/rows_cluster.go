package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// setBlock closes an index to writing ("true"), or opens it again ("null").
func setBlock(ctx context.Context, o *stack.OpenSearch, index, value string) error {
	return ask(ctx, o, "PUT", "/"+index+"/_settings",
		`{"index.blocks.read_only_allow_delete":`+value+`}`, nil)
}

// sessionsExpire ends the life of all credentials in the middle of a run, three times.
func sessionsExpire(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		for n := range 3 {
			before, renewed := t.domain.said(saysExpired), t.stack.STS.Requests()
			t.stack.IAM.ExpireSessions()
			err := t.await(ctx, "an expired session to be refused and renewed", func() bool {
				return t.domain.said(saysExpired) > before && t.stack.STS.Requests() > renewed
			})
			if err != nil {
				return fmt.Errorf("expiry %d: %w", n+1, err)
			}
		}
		t.fired = t.domain.said(saysExpired)
		return nil
	})
}

// stsDown ends the life of all credentials when there is nobody to give out new ones.
func stsDown(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		before := t.stack.STS.Requests()
		t.stack.STS.SetOutage(true)
		t.stack.IAM.ExpireSessions()
		err := hold(ctx, t.outage)
		t.stack.STS.SetOutage(false)
		t.fired = t.stack.STS.Requests() - before
		return err
	})
}

// unmapped takes the permission to write from the role and gives it back.
func unmapped(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		if err := t.stack.OpenSearch.MapWriter(ctx); err != nil {
			return err
		}
		err := t.await(ctx, "the role to be refused",
			func() bool { return t.domain.said(saysUnmapped) >= 5 })
		t.fired = t.domain.said(saysUnmapped)
		return errors.Join(err, t.stack.OpenSearch.MapWriter(ctx, t.stack.RoleARN))
	})
}

// openSearchKilled kills the server while it writes.
func openSearchKilled(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		t.stack.OpenSearch.Kill()
		err := t.await(ctx, "requests to fail", func() bool { return t.domain.status(503) >= 3 })
		t.fired = t.domain.status(503)
		again, cancel := context.WithTimeout(ctx, stack.Patience)
		defer cancel()
		return errors.Join(err, t.stack.OpenSearch.Restart(again))
	})
}

// flooded writes while somebody else sends more than the server has memory for.
func flooded(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	flooding, stop := context.WithCancel(ctx)
	var refused atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		flood(flooding, t.stack.OpenSearch, &refused)
	}()
	err := t.await(ctx, "the server to run out of memory",
		func() bool { return refused.Load() > 0 })
	if err == nil {
		err = t.writeLong(ctx)
	}
	stop()
	<-ended
	ours := t.domain.status(429) + t.domain.said(saysRejected) + t.domain.said(saysBreaker)
	t.fired = int(refused.Load()) + ours
	t.say("the server had no memory for %d requests or items, %d of them the agent's", t.fired, ours)
	return errors.Join(err, ask(ctx, t.stack.OpenSearch, "DELETE", "/flood?ignore_unavailable=true",
		"", nil))
}

// writeLong writes the row's records as lines of a kilobyte.
func (t *trial) writeLong(ctx context.Context) error {
	const bursts = 20
	tick := time.NewTicker(spread / bursts)
	defer tick.Stop()
	filler := strings.Repeat("memory ", 150)
	for i := range bursts {
		for range t.lines*(i+1)/bursts - t.lines*i/bursts {
			t.extra++
			if err := t.node.plant(fmt.Sprintf("LINE=%d %s", t.extra, filler)); err != nil {
				return err
			}
		}
		if err := next(ctx, tick); err != nil {
			return err
		}
	}
	return nil
}
