// Package ports finds TCP ports for processes that have to be told on which one to listen, and for servers that come back on the
// one that they had.
package ports

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// Ports come from below those that Linux gives to outgoing connections and to listeners on port 0 (32768 on, by
// net.ipv4.ip_local_port_range): one of those could otherwise have a port between its being found and its being listened on, or
// while a server is down. They are handed out in turn, from a random one on, so that processes side by side rarely meet.
const (
	first = 10_000
	count = 32_768 - first
)

var turn = func() *atomic.Uint32 {
	var at atomic.Uint32
	at.Store(rand.Uint32N(count))
	return &at
}()

// Free returns a port that nobody listens on.
func Free() (string, error) {
	var failed error
	for range 100 {
		port := strconv.Itoa(first + int(turn.Add(1)%count))
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", ":"+port) // any address, as Fluent Bit's server does
		if err == nil {
			return port, l.Close()
		}
		failed = err
	}
	return "", fmt.Errorf("cannot find a free port: %w", failed)
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
