package metrics

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// listener serves /metrics and /healthz at one address, for every output that asks for that
// address.
type listener struct {
	server *http.Server
	refs   int
}

var listeners = struct {
	mu sync.Mutex
	at map[string]*listener
}{at: map[string]*listener{}}

// Listen serves the process's metrics at address, host:port, until the function that it returns is
// called. Outputs that name the same address share one listener.
func Listen(address string) (stop func(), err error) {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	l := listeners.at[address]
	if l == nil {
		socket, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("cannot listen at Metrics_Listen %q: %w: name a free host:port",
				address, err)
		}
		l = &listener{server: &http.Server{Handler: handler(), ReadHeaderTimeout: 10 * time.Second}}
		listeners.at[address] = l
		go func() { _ = l.server.Serve(socket) }() // ends with Shutdown
	}
	l.refs++
	return sync.OnceFunc(func() { leave(address, l) }), nil
}

func leave(address string, l *listener) {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	if l.refs--; l.refs > 0 {
		return
	}
	delete(listeners.at, address)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close()
	}
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		write(w)
	})
	// For readiness: a liveness probe on this would restart agents because a domain is down.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		stuck := stuckOutputs(time.Now())
		if len(stuck) == 0 {
			_, _ = fmt.Fprintln(w, "ok")
			return
		}
		slices.Sort(stuck)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, "records arrived, and for %s none was accepted: %s\n", idleAfter,
			strings.Join(stuck, ", "))
	})
	return mux
}
