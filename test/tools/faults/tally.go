package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"out_opensearch_irsa/test/fixtures/stack"
)

// sums is what became of the records of a row.
type sums struct {
	written, indexed, duplicates, dead, lost int
	misfiled                                 int    // good ones in the dead letters, planted ones in the index, and such that nobody wrote
	gone, twice                              string // numbers of lost ones and of duplicates, the first few runs of them
	cut                                      int    // lines of a trace's document that are documents of their own too
}

func (s sums) add(o sums) sums {
	return sums{s.written + o.written, s.indexed + o.indexed, s.duplicates + o.duplicates, s.dead +
		o.dead, s.lost + o.lost, s.misfiled + o.misfiled, s.gone + o.gone, s.twice +
		o.twice, s.cut + o.cut}
}

// expected is what was written: good lines are numbered from 1, and bad ones from planted.
type expected struct{ good, bad int }

// count makes the sums from the numbers that the index and its dead letters hold. A number that
// occurs more than once, there or here or in both, counts as a duplicate each time more.
func count(want expected, indexed, dead []int) sums {
	s := sums{written: want.good + want.bad, indexed: len(indexed), dead: len(dead)}
	seen := make(map[int]bool, len(indexed)+len(dead))
	again := map[int]bool{}
	see := func(n int, fits bool) {
		known := n >= 1 && n <= want.good || n >= planted && n < planted+want.bad
		switch {
		case !known:
			s.misfiled++
		case seen[n]:
			s.duplicates++
			again[n] = true
		case !fits:
			s.misfiled++
		}
		if known {
			seen[n] = true
		}
	}
	for _, n := range indexed {
		see(n, n < planted)
	}
	for _, n := range dead {
		see(n, n >= planted)
	}
	s.lost = s.written - len(seen)
	s.gone = runs(want.good, func(n int) bool { return !seen[n] })
	s.twice = runs(want.good, func(n int) bool { return again[n] })
	return s
}

// runs names the numbers from 1 to n for which is holds, as " 5-9 12-12"; after some runs it stops.
func runs(n int, is func(int) bool) string {
	const most = 8
	var text strings.Builder
	for i, named := 1, 0; i <= n && named < most; i++ {
		if !is(i) {
			continue
		}
		from := i
		for i < n && is(i+1) {
			i++
		}
		fmt.Fprintf(&text, " %d-%d", from, i)
		named++
	}
	return text.String()
}

// apart takes from documents those whose first line another document has behind its own, and
// returns the numbers of the others, and how many lines they were.
func apart(documents [][]int) (all []int, cut int) {
	behind := map[int]bool{}
	for _, lines := range documents {
		for _, n := range lines[1:] {
			behind[n] = true
		}
	}
	for _, lines := range documents {
		if behind[lines[0]] {
			cut += len(lines)
			continue
		}
		all = append(all, lines...)
	}
	return all, cut
}

// tally counts an index and its dead letters. recut says that files were read again in which there
// are traces.
func tally(ctx context.Context, o *stack.OpenSearch, index string, want expected, recut bool) (sums,
	error) {
	documents, err := numbers(ctx, o, index, "log")
	if err != nil {
		return sums{}, err
	}
	dead, err := numbers(ctx, o, index+deadLetters, "record")
	if err != nil {
		return sums{}, err
	}
	indexed, cut := slices.Concat(documents...), 0
	if recut {
		indexed, cut = apart(documents)
	}
	s := count(want, indexed, slices.Concat(dead...))
	s.cut = cut
	return s, nil
}

// deadLetters is what the name of an index's dead letters ends in.
const deadLetters = "-dead-letter"

var numbered = regexp.MustCompile(`LINE=(\d+)`)

// page is how many documents are read at once.
const page = 10_000

// numbers reads every document of an index and returns the numbers that stand in a field, several
// in a stack trace's. An index that is not there has none.
func numbers(ctx context.Context, o *stack.OpenSearch, index, field string) ([][]int, error) {
	if err := o.Refresh(ctx, index); err != nil {
		return nil, err
	}
	query := fmt.Sprintf(`{"size":%d,"sort":["_doc"],"_source":[%q]}`, page, field)
	path := "/" + index + "/_search?scroll=1m&ignore_unavailable=true&allow_no_indices=true&filter_path=_scroll_id,hits.hits._source"
	var found [][]int
	for {
		var answer struct {
			Scroll string `json:"_scroll_id"`
			Hits   struct {
				Hits []struct {
					Source map[string]string `json:"_source"`
				} `json:"hits"`
			} `json:"hits"`
		}
		if err := ask(ctx, o, "POST", path, query, &answer); err != nil {
			return nil, err
		}
		for _, hit := range answer.Hits.Hits {
			text := hit.Source[field]
			all := numbered.FindAllStringSubmatch(text, -1)
			if all == nil {
				return nil, fmt.Errorf("cannot find a number in a document of "+
					"%q: its %s is %.200q", index, field, text)
			}
			var lines []int
			for _, number := range all {
				n, err := strconv.Atoi(number[1])
				if err != nil {
					return nil, fmt.Errorf("cannot read the number of a document of %q: %w", index, err)
				}
				lines = append(lines, n)
			}
			found = append(found, lines)
		}
		if len(answer.Hits.Hits) < page {
			_, _, err := o.Do(ctx, "DELETE", "/_search/scroll",
				fmt.Sprintf(`{"scroll_id":%q}`, answer.Scroll))
			return found, err
		}
		path = "/_search/scroll?filter_path=_scroll_id,hits.hits._source"
		query = fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, answer.Scroll)
	}
}

// ask sends a request as admin, whose only good answer is 2xx, and decodes the answer into result
// unless that is nil.
func ask(ctx context.Context, o *stack.OpenSearch, method, path, body string, result any) error {
	status, answer, err := o.Do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("cannot %s %s: OpenSearch answered %d: %.500s", method, path, status, answer)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("cannot read OpenSearch's answer to %q: %w", path, err)
	}
	return nil
}
