package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/opensearch"
)

// counts is what became of a file's letters.
type counts struct{ read, stored, present, rejected, unusable int }

func (c counts) String() string {
	return fmt.Sprintf("%d letters read; %d stored, %d there already, %d rejected again, %d without a document", c.read, c.stored, c.present, c.rejected, c.unusable)
}

func (c *counts) add(o counts) {
	c.read += o.read
	c.stored += o.stored
	c.present += o.present
	c.rejected += o.rejected
	c.unusable += o.unusable
}

// replayer sends the letters of one file.
type replayer struct {
	client *opensearch.Client
	signed bool
	limit  int    // bytes of a request's body
	index  string // instead of the letters' own; "" for none

	counts   counts
	letters  []*deadletter.Record // of the request that is being built
	size     int                  // of their documents
	rejected *os.File
	path     string
}

// file sends the letters in a file. An error means that some were not sent; what was sent is counted all the same.
func (r *replayer) file(ctx context.Context, path string) (counts, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return r.counts, fmt.Errorf("cannot read %q: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	r.path = path
	lines := bufio.NewReaderSize(f, 1<<20)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if perr := r.line(ctx, line); perr != nil {
				return r.counts, fmt.Errorf("line %d of %q: %w", number, path, perr)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r.counts, fmt.Errorf("cannot read %q: %w", path, err)
		}
	}
	err = r.send(ctx)
	if r.rejected != nil {
		err = errors.Join(err, r.rejected.Sync(), r.rejected.Close())
	}
	return r.counts, err
}

func (r *replayer) line(ctx context.Context, line []byte) error {
	l, err := deadletter.Parse(line)
	if err != nil {
		return err
	}
	r.counts.read++
	if l.Document == nil {
		r.counts.unusable++
		return r.reject(l)
	}
	if r.index != "" {
		l.Index = r.index
	}
	if r.size+len(l.Document) > r.limit && len(r.letters) > 0 {
		if err := r.send(ctx); err != nil {
			return err
		}
	}
	r.size += len(l.Document)
	r.letters = append(r.letters, l)
	return nil
}

// attempts is how often letters that the domain cannot take now are sent, with a growing pause in between.
const attempts = 6

// send sends what was collected; what the domain cannot take now is sent a few times.
func (r *replayer) send(ctx context.Context) error {
	r.size = 0
	for attempt := 1; len(r.letters) > 0; attempt++ {
		req, err := r.request()
		if err != nil {
			return err
		}
		res := r.client.Bulk(ctx, req)
		why, err := r.judge(&res)
		if err != nil {
			return err
		}
		if len(r.letters) == 0 {
			break
		}
		if attempt == attempts || ctx.Err() != nil {
			return fmt.Errorf("the domain does not take the letters now: %w", why)
		}
		select {
		case <-time.After(max(res.RetryAfter, time.Second<<attempt/2)):
		case <-ctx.Done():
		}
	}
	return nil
}

func (r *replayer) request() (*opensearch.Request, error) {
	req := &opensearch.Request{Items: len(r.letters)}
	for _, l := range r.letters {
		target := map[string]string{"_index": l.Index}
		if l.ID != "" {
			target["_id"] = l.ID
		}
		action, err := json.Marshal(map[string]any{"create": target})
		if err != nil {
			return nil, err
		}
		req.Body = append(append(append(append(req.Body, action...), '\n'), l.Document...), '\n')
	}
	return req, nil
}

// judge counts the letters that an answer settles, leaves the others in r.letters, and tells why those are not.
func (r *replayer) judge(res *opensearch.Result) (why, err error) {
	if res.Failure != nil {
		return res.Failure, nil
	}
	var rest []*deadletter.Record
	for i, l := range r.letters {
		it := opensearch.Item{Verdict: opensearch.Delivered}
		if res.Items != nil {
			it = res.Items[i]
		}
		switch {
		case it.Duplicate:
			r.counts.present++
		case it.Verdict == opensearch.Delivered:
			r.counts.stored++
		case it.Verdict == opensearch.Retry:
			rest = append(rest, l)
			why = fmt.Errorf("%s: %s", it.Type, it.Reason)
		default:
			r.counts.rejected++
			l.Status, l.Type, l.Reason = it.Status, it.Type, it.Reason
			l.Attempts++
			err = errors.Join(err, r.reject(l))
		}
	}
	r.letters = rest
	return why, err
}

// reject writes a letter to the file of those that are still dead.
func (r *replayer) reject(l *deadletter.Record) error {
	if r.rejected == nil {
		f, err := os.OpenFile(r.path+".rejected", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // #nosec G304 -- beside the operator's file
		if err != nil {
			return fmt.Errorf("cannot write the letters that are rejected again: %w", err)
		}
		r.rejected = f
	}
	_, err := r.rejected.Write(append(l.AppendJSON(nil, 0), '\n'))
	return err
}
