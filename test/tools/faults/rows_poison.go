package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// poisonMapping is what the planted records do not fit: code is a number, when a date, and key a
// keyword, whose longest value is 32,766 bytes.
const poisonMapping = `{"mappings":{"properties":{"code":{"type":"integer"},"key":{"type":"keyword"},"when":{"type":"date"}}}}`

// longest is a little more than the longest keyword, in bytes.
const longest = 33_000

// poisons make the fields of records that the domain will not take.
var poisons = []string{
	`"code":"none"`,
	`"key":"` + strings.Repeat("k", longest) + `"`,
	`"when":"yesterday"`,
}

// goods make those of records that it takes. The last has a key twice, which OpenSearch would
// refuse: the plugin keeps the last.
var goods = []string{
	`"code":17`,
	`"when":"2026-01-02T03:04:05Z"`,
	`"code":17,"level":"info","level":"warn"`,
}

// poisoned writes the row's records in two ways, as containers' lines and as JSON, and plants bad
// ones among the latter.
func poisoned(ctx context.Context, t *trial) error {
	if err := ask(ctx, t.stack.OpenSearch, "PUT", "/"+t.index, poisonMapping, nil); err != nil {
		return err
	}
	if err := t.node.start(ctx); err != nil {
		return err
	}
	const bursts = 50
	tick := time.NewTicker(spread / bursts)
	defer tick.Stop()
	each := max(1, t.lines/2/bursts)
	for i := range bursts {
		if err := t.node.write(each); err != nil {
			return err
		}
		if err := t.writeJSON(each, bursts*each, poisons[i%len(poisons)]); err != nil {
			return err
		}
		if err := next(ctx, tick); err != nil {
			return err
		}
	}
	err := t.await(ctx, "dead letters", func() bool {
		n, err := t.stack.OpenSearch.Count(ctx, t.index+deadLetters)
		return err == nil && n > 0
	})
	t.fired = t.bad
	return err
}

// writeJSON writes n good records to the json log, numbered behind the first and those written
// before, and in the middle of them a bad one.
func (t *trial) writeJSON(n, first int, poison string) error {
	var text strings.Builder
	for i := range n {
		if i == n/2 {
			fmt.Fprintf(&text, `{"log":"LINE=%d",%s}`+"\n", planted+t.bad, poison)
			t.bad++
		}
		t.extra++
		fmt.Fprintf(&text, `{"log":"LINE=%d",%s}`+"\n", first+t.extra, goods[i%len(goods)])
	}
	if _, err := t.node.json.WriteString(text.String()); err != nil {
		return fmt.Errorf("cannot write to the json log: %w", err)
	}
	return nil
}
