package deadletter

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTakeWhileAPluginWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, _ := open(t, path, 5000)
	const records = 60
	done := make(chan error)
	go func() {
		for n := range records {
			if err := f.Write(context.Background(), []Record{record(n)}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	seen := map[string]int{}
	for end := false; !end; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			end = true
		default:
		}
		taken, err := Take(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Take(t.Context(), path); !errors.Is(err, errLocked) {
			t.Fatalf("a second replay at the same time: %v", err)
		}
		names, err := taken.Files()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			for id, n := range ids(t, name, 0) {
				seen[id] += n
			}
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := taken.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, seen, 0, records)
	if left, _ := filepath.Glob(path + "*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestTakeGoesOnWithWhatIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, _ := open(t, path, 1<<20)
	for n := range 3 {
		write(t, f, n, n+1)
		taken, err := Take(t.Context(), path)
		if err == nil {
			err = taken.Close() // as an interrupted one leaves it
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(t, f, 3, 4)
	names, err := Files(path)
	if err != nil || len(names) != 4 {
		t.Fatalf("%q, %v", names, err)
	}
	for n, name := range names {
		wantIDs(t, ids(t, name, 0), n, n+1)
	}
}

func TestTakeFailure(t *testing.T) {
	if _, err := Take(t.Context(), filepath.Join(t.TempDir(), "no", "dead.jsonl")); err == nil {
		t.Error("a folder that is not there")
	}
	if _, err := Take(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder for a file")
	}
}

func TestPaths(t *testing.T) {
	f := func(given, want []string) {
		t.Helper()
		if got := Paths(given); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
	f([]string{"a", "a.1", "a.2", "a.replay", "b.1"}, []string{"a", "b.1"})
	f([]string{"a.replay/"}, []string{"a"})
	f([]string{"a", "a.7", "a.8", "a.x", "a.1.2"}, []string{"a", "a.8", "a.x", "a.1.2"})
	f([]string{"a.d/b", "a.d/b.1", "a.d", "a"}, []string{"a.d/b", "a.d", "a"})
	f([]string{"dead.2026", "dead"}, []string{"dead.2026", "dead"})
}
