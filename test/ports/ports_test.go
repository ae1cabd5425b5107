package ports

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestFree(t *testing.T) {
	seen := map[string]bool{}
	for n := range size + 10 { // more than a block has
		port := For(t)
		number, err := strconv.Atoi(port)
		if err != nil || number < first || number >= first+blocks*size || seen[port] {
			t.Fatalf("got port %q, %v", port, err)
		}
		seen[port] = true
		if n < 20 {
			l, err := net.Listen("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
		}
	}
	// One that is taken is passed over.
	own.mu.Lock()
	taken, err := listen(strconv.Itoa(own.next))
	own.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	if _, port, _ := net.SplitHostPort(taken.Addr().String()); port == For(t) {
		t.Errorf("port %s is taken", port)
	}
}

// TestProcessesSideBySide has other processes find ports while this one lives, whose ports are all free
// to listen on.
func TestProcessesSideBySide(t *testing.T) {
	if os.Getenv("PRINT_PORTS") != "" {
		for range 50 {
			_, _ = os.Stdout.WriteString("port " + For(t) + "\n")
		}
		return
	}
	mine := map[string]bool{}
	for range 50 {
		mine[For(t)] = true
	}
	for range 8 {
		child := exec.Command(os.Args[0], "-test.run=TestProcessesSideBySide")
		child.Env = append(os.Environ(), "PRINT_PORTS=1")
		out, err := child.Output()
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(out)) {
			if port, ok := strings.CutPrefix(strings.TrimSpace(line), "port "); ok {
				found++
				if n, _ := strconv.Atoi(port); mine[port] || n >= own.end-size && n < own.end {
					t.Fatalf("port %s is in a block of ours", port)
				}
			}
		}
		if found != 50 {
			t.Fatalf("%d ports: %s", found, out)
		}
	}
}
