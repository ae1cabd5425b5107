package localaws

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
)

// Egress is the proxy by which the pods of a closed network reach AWS: it connects them to the names that it knows, which are all on
// loopback here, and to nothing else.
type Egress struct {
	mu    sync.Mutex
	names map[string]string // guarded by mu; host:port → address
	asked []string          // guarded by mu; each host:port that was asked for, in order
}

// NewEgress makes a proxy that knows no name.
func NewEgress() *Egress { return &Egress{names: map[string]string{}} }

// Add lets a name on port 443 stand for the server at an address (host:port).
func (e *Egress) Add(name, address string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names[name+":443"] = address
}

// Asked returns the names that were asked for, each once, sorted.
func (e *Egress) Asked() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	asked := slices.Clone(e.asked)
	slices.Sort(asked)
	return slices.Compact(asked)
}

// ServeHTTP answers CONNECT.
func (e *Egress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.asked = append(e.asked, r.Host)
	address := e.names[r.Host]
	e.mu.Unlock()
	if r.Method != http.MethodConnect || address == "" {
		http.Error(w, "this proxy connects to no such name", http.StatusForbidden)
		return
	}
	server, err := new(net.Dialer).DialContext(r.Context(), "tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(server, buffered) // either side may break off whenever it likes
		done <- struct{}{}
	}()
	go func() {
		_, _ = io.Copy(client, server)
		done <- struct{}{}
	}()
	<-done
}
