package equality

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

// door is where outputs send to: the server, behind a path. The Path of an output is /ROOM, and
// each room has indices of its own: the door puts the room's name and "--" before every index. So
// sections can say the same on both sides, the index included. What is written to the room "as-is"
// keeps its names.
type door struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string][]string // guarded by mu; room → path and query of each request
}

const asIs = "as-is"

func openDoor(s *stack.OpenSearch, ca *localaws.CA) *door {
	d := &door{asked: map[string][]string{}}
	upstream, err := url.Parse(s.URL)
	if err != nil {
		panic(err) // the stack made it
	}
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(),
			MinVersion: tls.VersionTLS12}},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.SetBasicAuth(s.Username, s.Password)
		},
	}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.enter(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	return d
}

// enter takes the room from a request's path and puts it before the names of indices.
func (d *door) enter(r *http.Request) error {
	room, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	d.mu.Lock()
	d.asked[room] = append(d.asked[room], "/"+rest+"?"+r.URL.RawQuery)
	d.mu.Unlock()
	if room == asIs {
		r.URL.Path = "/" + rest
		return nil
	}
	if index, ok := strings.CutSuffix(strings.TrimSuffix(rest, "/"), "/_bulk"); ok {
		rest = room + "--" + index + "/_bulk"
	}
	r.URL.Path = "/" + rest
	body, err := plain(r)
	if err != nil {
		return err
	}
	body = renamed(body, room+"--")
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Del("Content-Encoding")
	return nil
}

func plain(r *http.Request) ([]byte, error) {
	from := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		from = z
	}
	return io.ReadAll(from)
}

// renamed puts prefix before the index of each action line, and leaves all other bytes as they are.
func renamed(body []byte, prefix string) []byte {
	var out bytes.Buffer
	action := true // the lines alternate: no operation of ours is a delete
	for line := range bytes.Lines(body) {
		if action {
			line = bytes.Replace(line, []byte(`"_index":"`), []byte(`"_index":"`+prefix), 1)
		}
		out.Write(line)
		action = !action
	}
	return out.Bytes()
}

// requests returns path and query of each request that a room has seen.
func (d *door) requests(room string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked[room]...)
}
