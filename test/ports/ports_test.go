package ports

import (
	"net"
	"strconv"
	"testing"
)

func TestFree(t *testing.T) {
	seen := map[string]bool{}
	for range 20 {
		port := For(t)
		n, err := strconv.Atoi(port)
		if err != nil || n < first || n >= first+count || seen[port] {
			t.Fatalf("got port %q, %v", port, err)
		}
		seen[port] = true
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
	}
	// One that is taken is passed over.
	turn.Store(turn.Load() - 1)
	if port := For(t); seen[port] {
		t.Errorf("port %s is taken", port)
	}
}
