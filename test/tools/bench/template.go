package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	deployed "out_opensearch_irsa/deploy/opensearch"
	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/test/fixtures/stack"
)

// index is one way of keeping the same documents.
type index struct {
	name     string
	sent     sent
	template func(t object) // changes the shipped template; nil: no template at all
	costs    []indexCost
}

// sent says what the documents look like.
type sent struct {
	time    bool // the field that the log line had its time in is sent besides @timestamp
	dots    bool // labels keep their dots
	seconds bool // @timestamp has milliseconds, else nanoseconds
}

type indexCost struct {
	cpu   float64 // µs per document
	bytes float64 // on disk per document, merged to one segment
}

type object = map[string]any

// byBuiltin is what the built-in output makes of a container's line, byPlugin what this plugin
// makes of it.
var byBuiltin, byPlugin = sent{time: true, dots: true, seconds: true}, sent{}

// indices are the shipped template, none, and the shipped one with one thing changed: what each
// step gives and takes.
func indices() []*index {
	inMapping := func(path string, value any) func(object) {
		return func(t object) { set(t, "template.mappings.properties."+path, value) }
	}
	return []*index{
		{name: "no template, documents of the built-in output", sent: byBuiltin},
		{name: "no template, documents of this plugin", sent: byPlugin},
		{name: "the shipped template", sent: byPlugin, template: func(object) {}},
		{name: "… with the built-in's documents, labels as flat_object", sent: byBuiltin,
			template: inMapping("kubernetes.properties.labels", object{"type": "flat_object"})},
		{name: "… labels as flat_object", sent: byPlugin,
			template: inMapping("kubernetes.properties.labels", object{"type": "flat_object"})},
		{name: "… annotations as keywords", sent: byPlugin,
			template: inMapping("kubernetes.properties.annotations", object{"type": "object"})},
		{name: "… the time in milliseconds (date)", sent: sent{seconds: true},
			template: inMapping("@timestamp", object{"type": "date"})},
		{name: "… the field time sent too", sent: sent{time: true}, template: func(object) {}},
		{name: "… codec default", sent: byPlugin,
			template: func(t object) { set(t, "template.settings.index.codec", "default") }},
		{name: "… log as match_only_text", sent: byPlugin,
			template: inMapping("log", object{"type": "match_only_text"})},
		{name: "… log with norms", sent: byPlugin,
			template: inMapping("log", object{"type": "text"})},
		{name: "… sorted by @timestamp", sent: byPlugin, template: func(t object) {
			set(t, "template.settings.index.sort.field", "@timestamp")
			set(t, "template.settings.index.sort.order", "desc")
		}},
		{name: "… refresh_interval 30s", sent: byPlugin,
			template: func(t object) { set(t, "template.settings.index.refresh_interval", "30s") }},
	}
}

// set puts a value into a tree of objects, whose keys the path separates by dots.
func set(t object, path string, value any) {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		inner, ok := t[key].(object)
		if !ok {
			inner = object{}
			t[key] = inner
		}
		t = inner
	}
	t[keys[len(keys)-1]] = value
}

// benchTemplate measures what an index costs a real OpenSearch without the shipped template, with
// it, and with it changed.
func benchTemplate(ctx context.Context, s settings) (err error) {
	server, client, err := startServer(ctx, "template")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	all := slices.DeleteFunc(indices(), func(x *index) bool { return !s.only.MatchString(x.name) })
	for round := range s.rounds + 1 {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for n, x := range all {
			c, err := x.run(ctx, server, client, s.documents,
				fmt.Sprintf("eks-log-%d-%d", round, n))
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d, %s: %.1f µs, %.0f B\n", round, s.rounds, x.name,
				c.cpu, c.bytes)
			if round > 0 { // the first one warms the server up
				x.costs = append(x.costs, c)
			}
		}
	}
	printIndices(all, s)
	return nil
}

// bodies makes the requests' bodies: the documents of one corpus, 4,000 in each.
func (d sent) bodies(documents int) [][]byte {
	r := rand.New(rand.NewPCG(7, 7))
	var ids bulk.IDs
	ids.Start("kube.var.log.containers", 1)
	var all [][]byte
	var body, line, document []byte
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	layout := "2006-01-02T15:04:05.000000000Z"
	if d.seconds {
		layout = "2006-01-02T15:04:05.000Z"
	}
	for i := range documents {
		at = at.Add(time.Duration(r.IntN(2_000_000)))
		line = appendK8s(line[:0], r, i)
		// {"time":"…","stream":…
		time, rest, _ := bytes.Cut(line, []byte(`,"stream"`))
		document = append(at.AppendFormat(append(document[:0], `{"@timestamp":"`...), layout), '"')
		if d.time {
			document = append(append(document, ','), time[1:]...)
		}
		document = append(append(document, `,"stream"`...), rest...)
		if !d.dots {
			document = bytes.Replace(document, []byte("app.kubernetes.io/name"),
				[]byte("app_kubernetes_io/name"), 1)
		}
		var id [bulk.IDSize]byte
		ids.Next(&id, int32(i), at.Unix(), uint32(at.Nanosecond()), document, false)
		body = fmt.Appendf(body, "{\"create\":{\"_id\":\"%s\"}}\n", id[:])
		body = append(body, document...)
		if (i+1)%4000 == 0 || i == documents-1 {
			all, body = append(all, body), nil
		}
	}
	return all
}

// run makes the index, sends the documents, and returns what they cost the server.
func (x *index) run(ctx context.Context, server *stack.OpenSearch, client *http.Client,
	documents int, name string) (c indexCost, err error) {
	bodies := x.sent.bodies(documents)
	do := func(method, path, body string) []byte {
		if err != nil {
			return nil
		}
		status, answer, failed := server.Do(ctx, method, path, body)
		if err = failed; err == nil && status/100 != 2 {
			err = fmt.Errorf("cannot %s %s: OpenSearch answered %d: %.1024s", method, path, status, answer)
		}
		return answer
	}
	created, err := x.body()
	if err != nil {
		return c, err
	}
	do("PUT", "/"+name, created)
	if err := errors.Join(err, rest(ctx, server.Pid())); err != nil {
		return c, err
	}
	before, err := processCPU(server.Pid())
	if err != nil {
		return c, err
	}
	for _, body := range bodies {
		if _, err := (&load{filter: true}).send(ctx, server, client, name, body); err != nil {
			return c, err
		}
	}
	do("POST", "/"+name+"/_refresh", "")
	if err := errors.Join(err, rest(ctx, server.Pid())); err != nil {
		return c, err
	}
	after, err := processCPU(server.Pid())
	do("POST", "/"+name+"/_forcemerge?max_num_segments=1", "")
	do("POST", "/"+name+"/_flush", "")
	do("POST", "/"+name+"/_refresh", "") // lets go of the segments that were merged
	answer := do("GET", "/"+name+"/_stats/store,docs?filter_path=_all.primaries", "")
	do("DELETE", "/"+name, "")
	if err != nil {
		return c, err
	}
	var stats struct {
		All struct {
			Primaries struct {
				Docs  struct{ Count int }
				Store struct {
					Size float64 `json:"size_in_bytes"`
				}
			}
		} `json:"_all"`
	}
	if err := json.Unmarshal(answer, &stats); err != nil {
		return c, fmt.Errorf("cannot read the index's statistics: %w", err)
	}
	p := stats.All.Primaries
	if p.Docs.Count != documents {
		return c, fmt.Errorf("the index has %d documents of %d", p.Docs.Count, documents)
	}
	n := float64(documents)
	return indexCost{cpu: float64(after-before) / 1e3 / n, bytes: p.Store.Size / n}, nil
}

// body is the request that makes the index: the template's, so that one server can hold them side
// by side.
func (x *index) body() (string, error) {
	t := object{}
	if x.template != nil {
		file, err := deployed.Files.ReadFile("index-template.json")
		if err == nil {
			err = json.Unmarshal(file, &t)
		}
		if err != nil {
			return "", fmt.Errorf("cannot read the shipped template: %w", err)
		}
		x.template(t)
	}
	set(t, "template.settings.index.number_of_shards", 1)
	set(t, "template.settings.index.number_of_replicas", 0)
	set(t, "template.settings.index.store.stats_refresh_interval", "0s") // else the size is that of up to 10 s ago
	body, err := json.Marshal(t["template"])
	return string(body), err
}

func printIndices(all []*index, s settings) {
	fmt.Printf("\nThe index: CPU and disk of a real OpenSearch, medians of %d rounds "+
		"[least-greatest], %d documents each\n\n", s.rounds, s.documents)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }()
	fmt.Fprintln(w, "index\tCPU µs/document\tof none\tdisk B/document\tof none")
	cpu := func(x *index) float64 {
		return median(x.costs,
			func(c indexCost) float64 { return c.cpu })
	}
	disk := func(x *index) float64 {
		return median(x.costs,
			func(c indexCost) float64 { return c.bytes })
	}
	var none *index
	byName := map[string]*index{}
	for _, x := range all {
		byName[x.name] = x
	}
	for _, x := range indices() { // all is shuffled
		if x = byName[x.name]; x == nil {
			continue
		}
		if none == nil {
			none = x
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t%.2f\n", x.name,
			figures(x.costs, func(c indexCost) float64 { return c.cpu }), cpu(x)/cpu(none),
			figures(x.costs, func(c indexCost) float64 { return c.bytes }), disk(x)/disk(none))
	}
}
