package deadletter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_opensearch_irsa/internal/logging"
)

// What this test binary does when it is started again, as another process that writes to the same
// file.
const (
	childVariable = "DEAD_LETTER_CHILD" // the path
	childFrom     = 1000                // of its first record's id
	childRecords  = 200
	childSize     = 64 << 10
)

func TestMain(m *testing.M) {
	path := os.Getenv(childVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	f, err := OpenFile(path, logging.New(func(logging.Level, string) {}, logging.Error, "child"))
	if limit, _ := strconv.ParseUint(os.Getenv("DEAD_LETTER_LIMIT"), 10, 64); err == nil &&
		limit > 0 {
		err = fillDisk(f, limit)
	} else if err == nil {
		f.open.size = childSize
		for n := 0; err == nil && (n < childRecords ||
			os.Getenv("DEAD_LETTER_FOREVER") != ""); n++ {
			r := record(childFrom + n)
			r.Reason = strings.Repeat("x", n%700)
			if err = f.Write(context.Background(), []Record{r}); err == nil {
				fmt.Println(n) // acknowledged
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, path string, more ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(append(os.Environ(), childVariable+"="+path), more...)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return command, bufio.NewScanner(out)
}

// readAll reads the file and all that rotation made of it.
func readAll(t *testing.T, path string, damaged int) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for n := range filesKept + 1 {
		if _, err := os.Stat(numbered(path, n)); err != nil {
			continue
		}
		for id, count := range ids(t, numbered(path, n), damaged) {
			seen[id] += count
		}
	}
	return seen
}

func TestTwoProcessesWriteAndRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	command, said := child(t, path)
	f, _ := open(t, path, childSize)
	write(t, f, 0, childRecords)
	for said.Scan() {
		continue
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Error("nothing was rotated")
	}
	seen := readAll(t, path, 0)
	for n := range childRecords {
		for _, id := range []int{n, childFrom + n} {
			if seen[fmt.Sprint("id", id)] != 1 {
				t.Errorf("id%d is there %d times", id, seen[fmt.Sprint("id", id)])
			}
		}
	}
}

func TestProcessIsKilledWhileItWrites(t *testing.T) {
	for range 3 {
		path := filepath.Join(t.TempDir(), "dead.jsonl")
		command, said := child(t, path, "DEAD_LETTER_FOREVER=1")
		f, _ := open(t, path, childSize)
		acknowledged := 0
		for n := 0; said.Scan() && n < 150; n++ {
			if acknowledged++; n%10 == 0 {
				write(t, f, n, n+1)
			}
		}
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for said.Scan() {
			acknowledged++
		}
		_ = command.Wait() // it was killed
		if err := f.Write(t.Context(), []Record{record(999)}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen, damaged := map[string]int{}, 0
		for n := range filesKept + 1 {
			if n > 0 {
				text, _ = os.ReadFile(numbered(path, n))
			}
			for line := range strings.Lines(string(text)) {
				if r, err := Parse([]byte(line)); err != nil {
					damaged++
				} else {
					seen[r.ID]++
				}
			}
		}
		if damaged > 1 || seen["id999"] != 1 {
			t.Errorf("%d damaged lines; the record after the kill is there %d times", damaged,
				seen["id999"])
		}
		for n := range acknowledged {
			if id := fmt.Sprint("id", childFrom+n); seen[id] != 1 {
				t.Errorf("%s of %d acknowledged ones is there %d times", id, acknowledged, seen[id])
			}
		}
	}
}

// TestLockThatIsNotGivenUp wants an error where another holds the file, and no wait for ever.
func TestLockThatIsNotGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, _ := open(t, path, 1<<20)
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errLocked)
	defer cancel()
	if err := f.Write(ctx, []Record{record(1)}); !errors.Is(err, errLocked) ||
		!strings.Contains(err.Error(), "hangs") {
		t.Fatalf("%v", err)
	}
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	write(t, f, 1, 2)
	wantIDs(t, ids(t, path, 0), 1, 2)
}

// TestFullDisk limits the size of another process's files, which fails a write in its middle as a
// full disk does, but for the error's number.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	command, said := child(t, path, "DEAD_LETTER_LIMIT=1000")
	var lines []string
	for said.Scan() {
		lines = append(lines, said.Text())
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	if !strings.Contains(text, "failed: cannot write to Dead_Letter_Path "+strconv.Quote(path)) ||
		!strings.Contains(text, "as it was: true") {
		t.Fatalf("it says\n%s", text)
	}
	seen := ids(t, path, 0)
	wantIDs(t, seen, childFrom, childFrom+len(seen))
	if len(seen) < 3 {
		t.Errorf("%d records", len(seen))
	}
	if got := remedy(&os.PathError{Err: syscall.ENOSPC}); !strings.Contains(got, "free space") {
		t.Errorf("a full disk's remedy: %s", got)
	}
}

// fillDisk writes until the limit stops it, and once more without one.
func fillDisk(f *File, limit uint64) error {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE,
		&syscall.Rlimit{Cur: limit, Max: was.Max}); err != nil {
		return err
	}
	for n := 0; ; n++ {
		before, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		err = f.Write(context.Background(), []Record{record(childFrom + n)})
		if err == nil {
			continue
		}
		after, rerr := os.ReadFile(f.path)
		fmt.Printf("failed: %v\nas it was: %t\n", err, rerr == nil &&
			string(before) == string(after))
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			return err
		}
		return f.Write(context.Background(), []Record{record(childFrom + n)})
	}
}
