// Package ports finds TCP ports for processes that have to be told on which one to listen, and for servers that come back on the
// one that they had.
package ports

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports come from below those that Linux gives to outgoing connections and to listeners on port 0
// (32768 on, by net.ipv4.ip_local_port_range): one of those could otherwise have a port between its
// being found and its being listened on, or while a server is down. Each process has blocks of its own,
// so that tests side by side do not meet: it listens on a block's first port as long as it lives.
const (
	first  = 10_000
	size   = 512
	blocks = (32_768 - first) / size
)

var own struct {
	mu     sync.Mutex // guards the rest
	next   int        // port to try
	end    int        // first port behind the block
	guards []net.Listener
}

// Free returns a port that nobody listens on and that this process has not handed out before.
func Free() (string, error) {
	own.mu.Lock()
	defer own.mu.Unlock()
	for {
		if own.next == own.end {
			if err := claim(); err != nil {
				return "", err
			}
		}
		port := strconv.Itoa(own.next)
		own.next++
		if l, err := listen(port); err == nil {
			return port, l.Close()
		}
	}
}

// claim takes a block that no other process has. own.mu is held.
func claim() (failed error) {
	start := rand.IntN(blocks)
	for i := range blocks {
		at := first + (start+i)%blocks*size
		guard, err := listen(strconv.Itoa(at))
		if err == nil {
			own.guards = append(own.guards, guard)
			own.next, own.end = at+1, at+size
			return nil
		}
		failed = err
	}
	return fmt.Errorf("cannot find free ports: %w", failed)
}

// listen listens at any address, as Fluent Bit's server does.
func listen(port string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", ":"+port)
}

// For is Free for a test.
func For(t interface {
	Helper()
	Fatal(args ...any)
},
) string {
	t.Helper()
	port, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
