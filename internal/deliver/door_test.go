package deliver

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// door is what stands before a domain, in virtual time. It sees each request before the domain
// does, and many at once, and may answer in its place.
type door struct {
	*domain
	// answer answers in the domain's place and returns true, or returns false; nil for the latter.
	answer func(w http.ResponseWriter, r *http.Request, body []byte) bool
	// credentials is called before a pair of keys is given out; nil for nothing.
	credentials func(r *http.Request)
	began       time.Time

	mu    sync.Mutex // guards the rest
	seen  []time.Duration
	lines []int    // of each request's body; 0 where it is compressed
	keys  []string // that signed
	gave  int      // pairs of keys that were given out
}

func newDoor(t *testing.T) *door {
	d := &door{domain: &domain{stored: map[string]string{},
		Server: &httptest.Server{URL: "http://127.0.0.1"}}, began: time.Now()}
	d.pipes = &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
	server := &http.Server{Handler: d}
	go func() { _ = server.Serve(d.pipes) }()
	t.Cleanup(func() { _ = server.Close() })
	return d
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/credentials" { // of the node's Pod Identity agent
		if d.credentials != nil {
			d.credentials(r)
		}
		d.mu.Lock()
		d.gave++
		key := "KEY" + string(rune('0'+d.gave))
		d.mu.Unlock()
		_, _ = io.WriteString(w, `{"AccessKeyId":"`+key+`","SecretAccessKey":"secret","Token":"token","Expiration":"`+
			time.Now().Add(6*time.Hour).UTC().Format(time.RFC3339)+`"}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, key, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ = strings.Cut(key, "/")
	d.mu.Lock()
	d.seen = append(d.seen, time.Since(d.began))
	d.lines = append(d.lines, bytes.Count(body, []byte("\n"))/2)
	d.keys = append(d.keys, key)
	d.mu.Unlock()
	if d.answer == nil || !d.answer(w, r, body) {
		d.domain.ServeHTTP(w, r)
	}
}

// requests returns when each request came, since the last call.
func (d *door) requests() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := d.seen
	d.seen, d.lines, d.keys, d.began = nil, nil, nil, time.Now()
	return seen
}

// refuseWith answers one request, with status and an error of that type.
func refuseWith(w http.ResponseWriter, status int, typ string) bool {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":{"type":"`+typ+`","reason":"because"}}`)
	return true
}
