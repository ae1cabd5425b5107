package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// agentKilled kills the agent while requests are under way that the server has done and not
// answered.
func agentKilled(ctx context.Context, t *trial) error {
	return t.interrupted(ctx, 3, func() error {
		t.node.agent.Kill()
		return nil
	})
}

// terminated ends the agent as a rolling update does, in the same situation.
func terminated(ctx context.Context, t *trial) error {
	return t.interrupted(ctx, 2, t.node.stop)
}

// interrupted ends the agent several times and starts it again with the state it left.
func (t *trial) interrupted(ctx context.Context, times int, end func() error) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		for range times {
			before := t.domain.firedCount()
			t.domain.set(tooSlow(1))
			err := t.await(ctx, "requests to be under way",
				func() bool { return t.domain.firedCount() > before })
			if err == nil {
				err = end()
			}
			t.domain.set(nil)
			if err != nil {
				return err
			}
			t.fired++
			if err := t.node.start(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// rotated rotates the logs while they are written, as often as the agent can notice.
func rotated(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		for range 3 {
			if err := errors.Join(t.node.rotate(), hold(ctx, 1200*time.Millisecond)); err != nil {
				return err
			}
			t.fired++
		}
		return nil
	})
}

// reread lets the agent read every file once more.
func reread(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	if err := t.write(ctx); err != nil {
		return err
	}
	err := t.await(ctx, "all records to arrive",
		func() bool { return t.arrived(ctx, t.index) >= t.node.documents() })
	if err = errors.Join(err, t.node.stop()); err != nil {
		return err
	}
	before := t.domain.said(saysConflict)
	if err := t.node.forget(); err != nil {
		return err
	}
	if err := t.node.start(ctx); err != nil {
		return err
	}
	err = t.await(ctx, "all records to come again",
		func() bool { return t.domain.said(saysConflict)-before >= t.node.documents() })
	t.fired = t.domain.said(saysConflict) - before
	return err
}

// old tells whether the host is a Fluent Bit 1.
func (b *bench) old() bool { return strings.Contains(b.host.Version, "v1.") }

func noReload(b *bench) string {
	if b.old() {
		return "this version has none"
	}
	return ""
}

// reloaded makes the agent read its configuration again while requests are under way.
func reloaded(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		for n := range 3 {
			if err := t.node.reload(ctx); err != nil {
				return fmt.Errorf("reload %d: %w", n+1, err)
			}
			t.fired++
		}
		return nil
	})
}
