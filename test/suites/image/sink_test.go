package image

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// sink is a bulk endpoint that takes every document, and knows how often it got each numbered line.
type sink struct {
	url   string
	mu    sync.Mutex
	lines map[string]int // guarded by mu
	news  chan struct{}  // guarded by mu; closed and replaced at each request
}

var number = regexp.MustCompile(`LINE=(\d+) `)

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{lines: map[string]int{}, news: make(chan struct{})}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	var items []string
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := bufio.NewScanner(body)
	for lines.Buffer(nil, 64<<20); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), `{"create":`) {
			items = append(items, `{"create":{"status":201}}`)
		} else if found := number.FindStringSubmatch(lines.Text()); found != nil {
			s.lines[found[1]]++
		}
	}
	close(s.news)
	s.news = make(chan struct{})
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, strings.Join(items, ","))
}

// wait waits until so many different lines came.
func (s *sink) wait(t *testing.T, lines int, more func() string) {
	t.Helper()
	deadline, cancel := contextWithPatience(t)
	defer cancel()
	for {
		s.mu.Lock()
		came, news := len(s.lines), s.news
		s.mu.Unlock()
		if came >= lines {
			return
		}
		select {
		case <-news:
		case <-deadline.Done():
			t.Fatalf("%d of %d lines came:\n%s", came, lines, more())
		}
	}
}

// check fails unless each of the lines 1 to n came once, and no other.
func (s *sink) check(t *testing.T, n int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	want := map[string]int{}
	for i := range n {
		want[fmt.Sprint(i+1)] = 1
	}
	if !maps.Equal(s.lines, want) {
		t.Errorf("of %d lines %d came; how often: %v", n, len(s.lines), s.lines)
	}
}
