package stack

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// agent makes a program that behaves in one way of an agent's: what is tested here is how it is started, read and ended.
func agent(t *testing.T, script string) FluentBitHost {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fbhost")
	text := "#!/bin/sh\n[ \"$1\" != --version ] || { echo 'Fluent Bit v5.1.1'; exit 0; }\n" + script
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FLUENT_BIT", path)
	host, err := FindFluentBit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if host.Version != "Fluent Bit v5.1.1" || !host.TestHost {
		t.Errorf("found %+v", host)
	}
	return host
}

func start(t *testing.T, host FluentBitHost, o FluentBitOptions) *FluentBit {
	t.Helper()
	f, err := StartFluentBit(host, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestFluentBitLogAndStop(t *testing.T) {
	t.Setenv("AWS_PROFILE", "mine")
	host := agent(t, `trap 'echo again' HUP
trap 'echo bye; exit 7' TERM
echo "args $*" >&2
echo "env $AWS_ROLE_ARN $AWS_PROFILE."
while :; do sleep 0.02; done
`)
	var log strings.Builder
	f := start(t, host, FluentBitOptions{Config: "a.conf", Plugins: []string{"p.so"}, ABI: "4.2", Env: []string{"AWS_ROLE_ARN=role"}, Log: &log})
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if line, err := f.WaitLog(ctx, "^args"); err != nil || line != "args -c a.conf -e p.so --abi 4.2" {
		t.Errorf("got %q (%v)", line, err)
	}
	if line, err := f.WaitLog(ctx, "^env"); err != nil || line != "env role ." {
		t.Errorf("got %q (%v)", line, err)
	}
	f.Mark()
	short, cancelShort := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancelShort()
	if line, err := f.WaitLog(short, "^args"); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("after Mark: got %q (%v)", line, err)
	}
	if !f.Running() {
		t.Fatalf("ended with %d", f.ExitStatus())
	}
	if err := f.Reload(); err != nil {
		t.Error(err)
	}
	if _, err := f.WaitLog(ctx, "^again$"); err != nil {
		t.Error(err)
	}
	if err := f.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	if f.Running() || f.ExitStatus() != 7 {
		t.Errorf("running: %t, status %d, want 7", f.Running(), f.ExitStatus())
	}
	if got := log.String(); !strings.HasSuffix(got, "again\nbye\n") || strings.Join(f.Log(), "\n")+"\n" != got {
		t.Errorf("log %q, lines %q", got, f.Log())
	}
}

func TestFluentBitEndsByItself(t *testing.T) {
	f := start(t, agent(t, "echo broken >&2; exit 3\n"), FluentBitOptions{Config: "a.conf"})
	if _, err := f.WaitLog(t.Context(), "never"); err == nil || !strings.Contains(err.Error(), "ended with status 3") || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
	if status, err := f.Wait(t.Context()); err != nil || status != 3 {
		t.Errorf("got %d (%v)", status, err)
	}
	if err := f.Stop(time.Second); err != nil {
		t.Errorf("stopping what has ended: %v", err)
	}
}

func TestFluentBitThatDoesNotStop(t *testing.T) {
	f := start(t, agent(t, "trap '' TERM\necho ready\nwhile :; do sleep 0.02; done\n"), FluentBitOptions{Config: "a.conf"})
	if _, err := f.WaitLog(t.Context(), "ready"); err != nil {
		t.Fatal(err)
	}
	if err := f.Stop(100 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("got %v", err)
	}
	if f.Running() || f.ExitStatus() != -1 {
		t.Errorf("running: %t, status %d", f.Running(), f.ExitStatus())
	}
}

func TestFindFluentBitFailure(t *testing.T) {
	t.Setenv("FLUENT_BIT", "/no/such/fluent-bit")
	if _, err := FindFluentBit(t.Context()); err == nil || !strings.Contains(err.Error(), "/no/such/fluent-bit") {
		t.Errorf("got %v", err)
	}
}
