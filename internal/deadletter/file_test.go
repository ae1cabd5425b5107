package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"

	"out_opensearch_irsa/internal/logging"
)

// open opens a file that rotates at size bytes.
func open(t *testing.T, path string, size int64) (*File, *[]string) {
	t.Helper()
	var lines []string
	log := logging.New(func(_ logging.Level, line string) { lines = append(lines, line) },
		logging.Info, "t")
	f, err := OpenFile(path, log)
	if err != nil {
		t.Fatal(err)
	}
	f.open.mu.Lock()
	f.open.size = size
	f.open.mu.Unlock()
	t.Cleanup(func() { _ = f.Close() })
	return f, &lines
}

func write(t *testing.T, f *File, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := f.Write(t.Context(), []Record{record(n)}); err != nil {
			t.Fatal(err)
		}
	}
}

// ids reads a file line by line, as far from the code as can be: each line has to be a record, but
// for damaged ones.
func ids(t *testing.T, path string, damaged int) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		t.Errorf("%s ends within a line", path)
	}
	if bytes.IndexByte(text, 0) >= 0 {
		t.Errorf("%s holds zeros", path)
	}
	seen := map[string]int{}
	for line := range bytes.Lines(text) {
		r, err := Parse(line)
		if err != nil {
			damaged--
			continue
		}
		seen[r.ID]++
	}
	if damaged != 0 {
		t.Errorf("%s: %d damaged lines more than wanted", path, -damaged)
	}
	return seen
}

func wantIDs(t *testing.T, seen map[string]int, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if id := fmt.Sprint("id", n); seen[id] != 1 {
			t.Errorf("%s is there %d times", id, seen[id])
		}
	}
	if len(seen) != to-from {
		t.Errorf("%d records, want %d", len(seen), to-from)
	}
}

func TestTwoOpenersOfOnePath(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "dead.jsonl")
	a, _ := open(t, path, 1<<20)
	b, _ := open(t, filepath.Join(dir, "link", ".", "dead.jsonl"), 1<<20)
	if a.open != b.open {
		t.Error("one file is open twice")
	}
	for n := range 20 {
		write(t, a, 2*n, 2*n+1)
		write(t, b, 2*n+1, 2*n+2)
	}
	wantIDs(t, ids(t, path, 0), 0, 40)

	// The old instance of a hot reload ends, and the new one goes on.
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Write(t.Context(), []Record{record(99)}); err == nil {
		t.Error("a closed file took a record")
	}
	c, _ := open(t, path, 1<<20)
	if c.open != b.open {
		t.Error("one file is open twice after another instance has ended")
	}
	write(t, b, 40, 45)
	wantIDs(t, ids(t, path, 0), 0, 45)
	if err := errors.Join(b.Close(), b.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	if files.mu.Lock(); len(files.open) != 0 {
		t.Errorf("still open: %v", files.open)
	}
	files.mu.Unlock()
}

func TestFileIsRemovedOrRenamedOrEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, _ := open(t, path, 1<<20)
	write(t, f, 0, 3)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, 3, 6)
	wantIDs(t, ids(t, path, 0), 3, 6)

	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	write(t, f, 6, 9)
	wantIDs(t, ids(t, path+".old", 0), 3, 6)
	wantIDs(t, ids(t, path, 0), 6, 9)

	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, f, 9, 12)
	wantIDs(t, ids(t, path, 0), 9, 12)

	other := path + ".other"
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil { // as another process that rotated
		t.Fatal(err)
	}
	write(t, f, 20, 22)
	wantIDs(t, ids(t, path, 0), 20, 22)

	dir := filepath.Dir(path)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(t.Context(), []Record{record(12)}); err == nil ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("the folder is gone, and the error is %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f, 12, 14)
	wantIDs(t, ids(t, path, 0), 12, 14)
}

func TestFileGoesOnBehindAnUnfinishedLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, _ := open(t, path, 1<<20)
	write(t, f, 0, 2)
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append(text, text[:50]...), 0o600); err != nil { // what a crash left
		t.Fatal(err)
	}
	write(t, f, 2, 4)
	wantIDs(t, ids(t, path, 1), 0, 4)
}

func TestFileRotatesAndStaysBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, lines := open(t, path, 1000)
	write(t, f, 0, 100)
	names, _ := filepath.Glob(path + "*")
	if len(names) != 1+filesKept {
		t.Fatalf("%d files: %q", len(names), names)
	}
	all := map[string]int{}
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Size() > 1000 {
			t.Fatalf("%s holds %d bytes, %v", name, info.Size(), err)
		}
		for id, n := range ids(t, name, 0) {
			all[id] += n
		}
	}
	wantIDs(t, all, 100-len(all), 100)

	// What is not there any more is what the log says was removed.
	gone := 0
	for n := range 100 - len(all) {
		r := record(n)
		gone += len(r.AppendJSON(nil, 0)) + len("\n")
	}
	for _, line := range *lines {
		removed := 0
		_, rest, _ := strings.Cut(line, "the oldest file, of ")
		if _, err := fmt.Sscanf(rest, "%d bytes", &removed); err != nil || removed == 0 {
			t.Errorf("log: %s", line)
		}
		gone -= removed
	}
	if gone != 0 {
		t.Errorf("%d bytes are gone that the log does not tell of", gone)
	}
}

// TestRotationFails has something in the way, and later not.
func TestRotationFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, lines := open(t, path, 1000)
	write(t, f, 0, 3)
	inTheWay := numbered(path, filesKept)
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < filesKept; n++ {
		if err := os.WriteFile(numbered(path, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := f.Write(t.Context(), []Record{record(3), record(4)})
	if err == nil || !strings.Contains(err.Error(), "cannot rotate") ||
		!strings.Contains(err.Error(), filepath.Base(inTheWay)) {
		t.Fatalf("%v", err)
	}
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Errorf("the file is locked after a write that failed: %v", err)
	}
	if err := errors.Join(other.Close(), os.Remove(inTheWay)); err != nil {
		t.Fatal(err)
	}
	write(t, f, 3, 5)
	wantIDs(t, readAll(t, path, 0), 0, 5)
	if len(*lines) != 0 {
		t.Errorf("log: %q", *lines)
	}
}

// TestRotationAfterOneThatFailed finds a number free, as one leaves it that could not rename a file in
// the middle: the older files stay as they are, and none goes.
func TestRotationAfterOneThatFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f, lines := open(t, path, 1000)
	write(t, f, 0, 3)
	const free = 3
	for n := 1; n <= filesKept; n++ {
		if n == free {
			continue
		}
		if err := os.WriteFile(numbered(path, n), []byte(fmt.Sprint("old ", n)),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(t, f, 3, 5)
	for n := 2; n <= filesKept; n++ {
		was := n
		if n <= free {
			was = n - 1
		}
		if text, err := os.ReadFile(numbered(path, n)); string(text) != fmt.Sprint("old ", was) {
			t.Errorf("file %d holds %q, not that of number %d: %v", n, text, was, err)
		}
	}
	if len(*lines) != 0 {
		t.Errorf("log: %q", *lines)
	}
}

func TestVolumesWithoutLocks(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.ENOLCK: true, syscall.ENOSYS: true, syscall.EOPNOTSUPP: true,
		syscall.EWOULDBLOCK: false, syscall.EBADF: false, syscall.EIO: false,
	} {
		if withoutLocks(os.NewSyscallError("flock", err)) != want {
			t.Errorf("%v: want %t", err, want)
		}
	}
}

// TestNoDescriptorIsLeft writes, rotates, moves files away for a replay and closes.
func TestNoDescriptorIsLeft(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what was forgotten
	dir := t.TempDir()
	count := func() (n int) {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		for _, fd := range all {
			if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil &&
				strings.HasPrefix(name, dir) {
				n++
			}
		}
		return n
	}
	path := filepath.Join(dir, "dead.jsonl")
	f, _ := open(t, path, 1000)
	write(t, f, 0, 20)
	taken, err := Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(t.Context(), path); err == nil {
		t.Fatal("taken twice")
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, f, 20, 22)
	if n := count(); n != 1 {
		t.Errorf("%d descriptors, want the file's", n)
	}
	if err := f.Close(); err != nil || count() != 0 {
		t.Errorf("%d descriptors after the end, %v", count(), err)
	}
}

func TestTwoOpenersRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	var all sync.WaitGroup
	for k := range 4 {
		f, _ := open(t, path, 4000)
		all.Go(func() {
			for n := range 15 {
				if err := f.Write(t.Context(), []Record{record(k*15 + n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	names, _ := filepath.Glob(path + "*")
	if len(names) < 3 || len(names) > filesKept {
		t.Errorf("%d files: the test wants some, and none removed", len(names))
	}
	seen := map[string]int{}
	for _, name := range names {
		for id, n := range ids(t, name, 0) {
			seen[id] += n
		}
	}
	wantIDs(t, seen, 0, 60)
}

func TestOpenFileFailure(t *testing.T) {
	_, err := OpenFile(filepath.Join(t.TempDir(), "no", "such", "folder", "x"), nil)
	if err == nil || !strings.Contains(err.Error(), "name a file in a folder "+
		"that the pod can write to") {
		t.Fatalf("%v", err)
	}
}
