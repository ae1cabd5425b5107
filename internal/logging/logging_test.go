package logging

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type recorder struct{ lines []string }

func (r *recorder) sink(level Level, line string) {
	r.lines = append(r.lines, fmt.Sprintf("%s %s", level, line))
}

func TestLoggerLevelsAndPrefix(t *testing.T) {
	var r recorder
	log := New(r.sink, Info, "opensearch_irsa.0")
	log.Errorf("cannot %s", "x")
	log.Infof("a\nb\r\nc")
	log.Debugf("not written")
	want := []string{"error [opensearch_irsa.0] cannot x", "info [opensearch_irsa.0] a b  c"}
	if strings.Join(r.lines, "|") != strings.Join(want, "|") {
		t.Fatalf("got %q, want %q", r.lines, want)
	}
}

// name is an error's name in these tests.
type name string

func (n name) String() string { return string(n) }

func TestThrottleWritesOnceCountsAndTellsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		errors := NewThrottle[name](New(r.sink, Info, "o"))
		made := 0
		line := func() string { made++; return "the domain throttles" }
		for range 3 {
			errors.Failed("throttled", line)
			time.Sleep(time.Second)
		}
		if len(r.lines) != 1 || made != 1 {
			t.Fatalf("a repeating error was made %d times and written %d times: %q", made,
				len(r.lines), r.lines)
		}
		time.Sleep(repeatEvery)
		if !errors.Failed("throttled", line) || !strings.Contains(r.lines[1], "(4 times in 5m3s)") {
			t.Fatalf("no reminder with its count: %q", r.lines)
		}
		errors.Recovered("delivery", func(n name) bool { return n == "never failed" })
		if !errors.Failing("throttled") || !errors.Any() || len(r.lines) != 2 {
			t.Fatalf("another error's end ended it: %q", r.lines)
		}
		errors.Recovered("delivery", func(name) bool { return true })
		if len(r.lines) != 3 || !strings.Contains(r.lines[2], "delivery recovered, after 5m3s "+
			"and 4 failed attempts (throttled)") {
			t.Fatalf("the end was not written once: %q", r.lines)
		}
		if errors.Failing("throttled") || errors.Any() {
			t.Fatal("still failing")
		}
	})
}

func TestThrottleIsBounded(t *testing.T) {
	var r recorder
	errors := NewThrottle[name](New(r.sink, Info, "o"))
	for i := range 3 * maxThrottled {
		errors.Failed(name(fmt.Sprint(i)), func() string { return "x" })
	}
	if len(r.lines) != maxThrottled {
		t.Fatalf("%d lines for as many keys, want %d", len(r.lines), maxThrottled)
	}
}
