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
	if log.Enabled(Debug) || !log.Enabled(Warn) {
		t.Fatal("Enabled does not follow the level")
	}
}

func TestStreakWritesOnceCountsAndTellsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		s := NewStreak(New(r.sink, Info, "o"))
		for range 3 {
			s.Failed("throttled", "the domain throttles")
			time.Sleep(time.Second)
		}
		if len(r.lines) != 1 {
			t.Fatalf("a repeating failure was written %d times: %q", len(r.lines), r.lines)
		}
		time.Sleep(repeatEvery)
		if !s.Failed("throttled", "the domain throttles") || !strings.Contains(r.lines[1], "(4 times in 5m3s)") {
			t.Fatalf("no reminder with its count: %q", r.lines)
		}
		s.Recovered("delivery works", "throttled", "never failed")
		if len(r.lines) != 3 || !strings.Contains(r.lines[2], "delivery works again") || !strings.Contains(r.lines[2], "4 failed attempts") {
			t.Fatalf("the end was not written once: %q", r.lines)
		}
		if len(s.Failing()) != 0 {
			t.Fatalf("still failing: %q", s.Failing())
		}
	})
}
