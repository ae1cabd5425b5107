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

// event is a fault that can come and go in a running set-up. When run returns, everything is as it
// was.
type event struct {
	name string
	skip func(*bench) string
	run  func(context.Context, *trial, circumstances) error
}

// circumstances are what is drawn for an event.
type circumstances struct {
	lasts  time.Duration
	on     *domain // the one of two
	chance float64 // of a request to meet it
}

// strikes makes the event of a fault that a domain makes.
func strikes(f func(chance float64) *fault) func(context.Context, *trial, circumstances) error {
	return func(ctx context.Context, _ *trial, c circumstances) error {
		c.on.set(f(c.chance))
		defer c.on.set(nil)
		return hold(ctx, c.lasts)
	}
}

// lasts makes the event of something that is done and undone.
func lasts(do, undo func(context.Context, *trial, circumstances) error) func(context.Context,
	*trial, circumstances) error {
	return func(ctx context.Context, t *trial, c circumstances) error {
		err := do(ctx, t, c)
		if err == nil {
			err = hold(ctx, c.lasts)
		}
		return errors.Join(err, undo(context.WithoutCancel(ctx), t, c))
	}
}

// allEvents are what chaos draws from.
var allEvents = []event{
	{name: "429", run: strikes(tooManyRequests)},
	{name: "429 to items", run: strikes(someItems)},
	{name: "503", run: strikes(unavailable)},
	{name: "connection reset before", run: strikes(resetBefore)},
	{name: "connection reset after", run: strikes(resetAfter)},
	{name: "answer cut in half", run: strikes(cutInHalf)},
	{name: "answer too slow", run: strikes(tooSlow)},
	{name: "413 above 16 KiB on the wire",
		run: strikes(func(float64) *fault { return tooLarge(16 << 10) })},
	{name: "bad records", run: plantSome},
	{name: "sessions expire", run: func(_ context.Context, t *trial, _ circumstances) error {
		t.stack.IAM.ExpireSessions()
		return nil
	}},
	{name: "sessions revoked", run: func(_ context.Context, t *trial, _ circumstances) error {
		t.stack.IAM.RevokeSessions()
		return nil
	}},
	{name: "STS down", run: lasts(func(_ context.Context, t *trial, _ circumstances) error {
		t.stack.STS.SetOutage(true)
		t.stack.IAM.ExpireSessions()
		return nil
	}, func(_ context.Context, t *trial, _ circumstances) error {
		t.stack.STS.SetOutage(false)
		return nil
	})},
	{name: "role mapping removed",
		run: lasts(func(ctx context.Context, t *trial, _ circumstances) error {
			return t.stack.OpenSearch.MapWriter(ctx)
		}, func(ctx context.Context, t *trial, _ circumstances) error {
			return t.stack.OpenSearch.MapWriter(ctx, t.stack.RoleARN)
		})},
	{name: "index read-only", run: lasts(func(ctx context.Context, t *trial,
		c circumstances) error {
		return setBlock(ctx, t.stack.OpenSearch, t.indexOf(c.on), "true")
	}, func(ctx context.Context, t *trial, c circumstances) error {
		return setBlock(ctx, t.stack.OpenSearch, t.indexOf(c.on), "null")
	})},
	{name: "domain down", run: lasts(func(_ context.Context, _ *trial, c circumstances) error {
		return c.on.server.Down()
	}, func(_ context.Context, _ *trial, c circumstances) error {
		return c.on.server.Up()
	})},
	{name: "OpenSearch killed", run: lasts(func(_ context.Context, t *trial,
		_ circumstances) error {
		t.stack.OpenSearch.Kill()
		return nil
	}, func(ctx context.Context, t *trial, _ circumstances) error {
		ctx, cancel := context.WithTimeout(ctx, stack.Patience)
		defer cancel()
		return t.stack.OpenSearch.Restart(ctx)
	})},
	{name: "OpenSearch flooded", run: func(ctx context.Context, t *trial, c circumstances) error {
		flooding, stop := context.WithTimeout(ctx, c.lasts)
		defer stop()
		var refused atomic.Int64
		flood(flooding, t.stack.OpenSearch, &refused)
		return ask(ctx, t.stack.OpenSearch, "DELETE", "/flood?ignore_unavailable=true", "", nil)
	}},
	{name: "Fluent Bit killed", run: func(ctx context.Context, t *trial, _ circumstances) error {
		t.node.agent.Kill()
		return t.node.start(ctx)
	}},
	{name: "Fluent Bit terminated",
		run: func(ctx context.Context, t *trial, _ circumstances) error {
			return errors.Join(t.node.stop(), t.node.start(ctx))
		}},
	{name: "tail's DB deleted", run: func(ctx context.Context, t *trial, _ circumstances) error {
		if err := t.await(ctx, "the tail input to make its DB", t.node.remembers); err != nil {
			return err
		}
		return errors.Join(t.node.stop(), t.node.forget(), t.node.start(ctx))
	}},
	{name: "hot reload", skip: noReload,
		run: func(ctx context.Context, t *trial, _ circumstances) error {
			return t.node.reload(ctx)
		}},
}

func (t *trial) indexOf(d *domain) string {
	if d == t.second {
		return t.index + "-second"
	}
	return t.index
}

// plantSome writes three records that the domains will not take.
func plantSome(_ context.Context, t *trial, _ circumstances) error {
	for range 3 {
		if err := t.node.plant(fmt.Sprintf("LINE=%d %s", planted+t.bad,
			strings.Repeat("x", longest))); err != nil {
			return err
		}
		t.bad++
	}
	return nil
}
