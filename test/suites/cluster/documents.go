package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// indexes are those that the shipped configuration makes, one for each day.
const indexes = "eks-log-2*"

// document is what is of interest of one.
type document struct {
	Log        string `json:"log"`
	Kubernetes struct {
		Pod       string `json:"pod_name"`
		Namespace string `json:"namespace_name"`
	} `json:"kubernetes"`
}

// search returns all documents that match.
func (s *site) search(ctx context.Context, query string) ([]document, error) {
	if _, err := s.do(ctx, "POST",
		"/"+indexes+"/_refresh?ignore_unavailable=true&allow_no_indices=true", ""); err != nil {
		return nil, err
	}
	var all []document
	path, body := "/"+indexes+"/_search?scroll=2m&ignore_unavailable=true&allow_no_indices=true",
		`{"size":5000,"_source":["log","kubernetes.pod_name","kubernetes.namespace_name"],"query":`+query+`}`
	for {
		answer, err := s.do(ctx, "POST", path, body)
		if err != nil {
			return nil, err
		}
		var page struct {
			Scroll string `json:"_scroll_id"`
			Hits   struct {
				Hits []struct {
					Source document `json:"_source"`
				}
			}
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, err
		}
		for _, hit := range page.Hits.Hits {
			all = append(all, hit.Source)
		}
		if len(page.Hits.Hits) == 0 || page.Scroll == "" {
			_, err := s.do(ctx, "DELETE", "/_search/scroll",
				fmt.Sprintf(`{"scroll_id":[%q]}`, page.Scroll))
			return all, err
		}
		path, body = "/_search/scroll", fmt.Sprintf(`{"scroll":"2m","scroll_id":%q}`, page.Scroll)
	}
}

// count returns how many documents match, without reading them.
func (s *site) count(ctx context.Context, query string) (int, error) {
	if _, err := s.do(ctx, "POST",
		"/"+indexes+"/_refresh?ignore_unavailable=true&allow_no_indices=true", ""); err != nil {
		return 0, err
	}
	answer, err := s.do(ctx, "POST",
		"/"+indexes+"/_count?ignore_unavailable=true&allow_no_indices=true", `{"query":`+query+`}`)
	var counted struct{ Count int }
	if err == nil {
		err = json.Unmarshal(answer, &counted)
	}
	return counted.Count, err
}

// word is a query for a word of the log line.
func word(text string) string { return fmt.Sprintf(`{"match":{"log":{"query":%q}}}`, text) }

var number = regexp.MustCompile(`LINE=(\d+) `)

// tally is what became of numbered lines.
type tally struct {
	found, missing, twice int
	gaps                  string // from-to of what is missing, the first few
}

// tallyOf counts the lines 1 to want with this word.
func (s *site) tallyOf(ctx context.Context, text string, want int) (tally, error) {
	found, err := s.search(ctx, word(text))
	if err != nil {
		return tally{}, err
	}
	seen := make([]int, want+1)
	t := tally{}
	for _, d := range found {
		m := number.FindStringSubmatch(d.Log)
		if m == nil || !strings.Contains(d.Log, text) {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > want {
			return t, fmt.Errorf("a line that nobody wrote: %.200q", d.Log)
		}
		seen[n]++
	}
	for n, times := range seen {
		if n == 0 {
			continue
		}
		switch {
		case times == 0:
			t.missing++
			if (n == 1 || seen[n-1] > 0) && len(t.gaps) < 200 {
				last := n
				for last < want && seen[last+1] == 0 {
					last++
				}
				t.gaps += fmt.Sprintf(" %d-%d", n, last)
			}
		case times > 1:
			t.twice += times - 1
		}
		t.found += times
	}
	return t, nil
}

// await waits until so many documents match.
func (s *site) await(ctx context.Context, query string, want int) error {
	return poll(ctx, 500*time.Millisecond, func() error {
		n, err := s.count(ctx, query)
		if err == nil && n < want {
			err = fmt.Errorf("%d of %d documents are there", n, want)
		}
		return err
	})
}

// poll asks again until there is no error, or the context ends.
func poll(ctx context.Context, every time.Duration, ask func() error) error {
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}
