package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestEvents(t *testing.T) {
	var out, wrong bytes.Buffer
	a := app{out: bufio.NewWriter(&out), err: bufio.NewWriter(&wrong),
		now: func() time.Time { return time.Unix(1, 23) }}
	if err := run(t.Context(), &a, 1000, 0, 3, time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`event(?:=|":)(\d+)`)
	seen := map[string]int{}
	objects := 0
	for line := range strings.Lines(out.String() + wrong.String()) {
		for _, m := range number.FindAllStringSubmatch(line, -1) {
			seen[m[1]]++
		}
		if strings.HasPrefix(line, "{") {
			objects++
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
	}
	for n := 1; n <= 1000; n++ {
		if got := seen[fmt.Sprint(n)]; got != 1 {
			t.Errorf("event %d is there %d times", n, got)
		}
	}
	if len(seen) != 1000 || objects != 300 {
		t.Errorf("%d events and %d JSON lines, want 1000 and 300", len(seen), objects)
	}
	for _, trace := range []string{"panic: ", "Caused by: ", "Traceback (most recent call last):"} {
		if n := strings.Count(wrong.String(), trace); n != 100 {
			t.Errorf("%q is on the standard error %d times, want 100", trace, n)
		}
	}
}
