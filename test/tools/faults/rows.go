package main

import (
	"context"
	"errors"
	"strings"
	"time"
)

// rows is the table: every fault that the promise has to hold under.
var rows = []row{
	{id: "throttled", name: "429 to every request for a while", run: meets(tooManyRequests(1), 10)},
	{id: "items-throttled", name: "429 to a random tenth of the items",
		run: meets(someItems(0.1), 500)},
	{id: "unavailable", name: "503 to every request for a while", run: meets(unavailable(1), 10)},
	{id: "reset-before", name: "connection reset before the request was done",
		run: meets(resetBefore(0.5), 10)},
	{id: "reset-after", name: "connection reset after the request was done",
		run: meets(resetAfter(0.5), 10)},
	{id: "half", name: "answer cut in half", run: meets(cutInHalf(0.5), 10)},
	{id: "slow", name: "answer slower than the time-out",
		config: config{options: []string{"Request_Timeout 1s"}}, run: meets(tooSlow(0.5), 5)},
	{id: "too-large", name: "413 above 1 MiB", maxRequest: 1 << 20, burst: true,
		config: config{values: map[string]string{"Compress": "none"}}, run: refusedForSize},
	{id: "poison", name: "records mixed in that the domain will not take",
		config: config{json: true}, run: poisoned},
	{id: "token", name: "sessions expire, three times", alone: true, run: sessionsExpire},
	{id: "sts", name: "sessions expire, and STS is down for a while", alone: true, run: stsDown},
	{id: "mapping", name: "role mapping removed and restored", alone: true, run: unmapped},
	{id: "opensearch-killed", name: "OpenSearch killed and started again", alone: true,
		run: openSearchKilled},
	{id: "blocked", name: "index read-only for a while", run: blocked},
	{id: "memory", name: "memory pressure: a heap of 512 MiB, and somebody floods it", heap: "512m",
		burst:  true,
		config: config{values: map[string]string{"Workers": "8"}}, run: flooded},
	{id: "agent-killed", name: "Fluent Bit killed under load, three times", run: agentKilled},
	{id: "reread", name: "tail's DB deleted: every file is read again", run: reread},
	{id: "reload", name: "hot reload under load, three times", skip: noReload, run: reloaded},
	{id: "terminated", name: "SIGTERM under load and started again, twice",
		config: config{values: map[string]string{"Grace": "5"},
			options: []string{"Request_Timeout 3s"}}, run: terminated},
	{id: "traces-reset", name: "stack traces: connection reset after the request was done",
		traces: true, run: meets(resetAfter(0.5), 10)},
	{id: "traces-killed", name: "stack traces: Fluent Bit killed under load, three times",
		traces: true, run: agentKilled},
	{id: "traces-rotated", name: "stack traces: logs rotated under load, three times", traces: true,
		run: rotated},
	{id: "traces-reread", name: "stack traces: every file is read again", traces: true, recut: true,
		run: reread},
	{id: "two-domains", name: "two outputs, one domain down for a while", second: true,
		run: secondDown},
}

// meets makes the row of a fault that the domain makes: it begins with the first record, and ends
// once all are written and the fault was met often enough.
func meets(f *fault, least int) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		if err := t.node.start(ctx); err != nil {
			return err
		}
		t.domain.set(f)
		if err := t.write(ctx); err != nil {
			return err
		}
		err := t.await(ctx, "the fault to be met",
			func() bool { return t.domain.firedCount() >= least })
		t.fired = t.domain.firedCount()
		return err
	}
}

// refusedForSize writes everything before the agent starts, so that chunks are as large as they
// get.
func refusedForSize(ctx context.Context, t *trial) error {
	if err := t.node.write(t.lines); err != nil {
		return err
	}
	if err := t.node.start(ctx); err != nil {
		return err
	}
	err := t.await(ctx, "a request to be refused", func() bool { return t.domain.status(413) > 0 })
	t.fired = t.domain.status(413)
	return err
}

// blocked closes the index to writing, as a domain does whose disk is full.
func blocked(ctx context.Context, t *trial) error {
	if err := t.node.start(ctx); err != nil {
		return err
	}
	return t.meanwhile(ctx, func() error {
		if err := setBlock(ctx, t.stack.OpenSearch, t.index, "true"); err != nil {
			return err
		}
		err := t.await(ctx, "the block to be met",
			func() bool { return t.domain.said(saysBlocked) >= 100 })
		t.fired = t.domain.said(saysBlocked)
		if err == nil {
			err = hold(ctx, 2*time.Second)
		}
		if err != nil {
			return err
		}
		return setBlock(ctx, t.stack.OpenSearch, t.index, "null")
	})
}

// secondDown takes the second of two domains down, and wants the first to get everything meanwhile.
func secondDown(ctx context.Context, t *trial) error {
	if err := t.second.server.Down(); err != nil {
		return err
	}
	if err := t.node.start(ctx); err != nil {
		return err
	}
	if err := t.write(ctx); err != nil {
		return err
	}
	err := t.await(ctx, "the first domain to get everything while the second is down", func() bool {
		return t.arrived(ctx, t.index) >= t.node.written()
	})
	refused := 0
	for _, line := range t.node.agent.Log() {
		if strings.Contains(line, "connection refused") {
			refused++
		}
	}
	t.fired = refused
	return errors.Join(err, t.second.server.Up())
}
