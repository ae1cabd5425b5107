package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"out_opensearch_irsa/internal/logging"
)

// A file grows to fileSize and is then renamed with the ending .1, the one that had that ending to .2, and so on. Beyond
// filesKept the oldest goes, with a line in the log that says so. Together at most 1 GiB.
const (
	fileSize  = 128 << 20
	filesKept = 7
)

// File keeps letters as JSON lines in a file. Several processes must not share one.
type File struct {
	path string
	size int64
	log  *logging.Logger

	mu     sync.Mutex // guards the rest
	file   *os.File   // nil after Close, and after a rotation that failed
	used   int64
	closed bool
}

// OpenFile opens or makes the file, and cuts off what a crash left of an unfinished line.
func OpenFile(path string, log *logging.Logger) (*File, error) {
	f := &File{path: path, size: fileSize, log: log}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open Dead_Letter_Path %q: %w: name a file in a folder that the pod can write to", f.path, err)
	}
	used, err := wholeLines(file)
	if err == nil {
		err = file.Truncate(used)
	}
	if err == nil {
		_, err = file.Seek(used, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("cannot read Dead_Letter_Path %q: %w", f.path, err)
	}
	f.file, f.used = file, used
	return nil
}

// wholeLines returns the size of the file up to the end of its last whole line.
func wholeLines(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for end := info.Size(); end > 0; {
		n := min(end, int64(len(buf)))
		if _, err := file.ReadAt(buf[:n], end-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return 0, nil
}

// Write appends the letters and waits until the disk has them. After an error the file is as it was before.
func (f *File) Write(_ context.Context, letters []Letter) error {
	var lines []byte
	for i := range letters {
		var err error
		if lines, err = letters[i].AppendJSON(lines); err != nil {
			return err
		}
		lines = append(lines, '\n')
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fmt.Errorf("cannot write to Dead_Letter_Path %q: it is closed", f.path)
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.used > 0 && f.used+int64(len(lines)) > f.size {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	_, err := f.file.Write(lines)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		err = fmt.Errorf("cannot write to Dead_Letter_Path %q: %w", f.path, err)
		if terr := f.file.Truncate(f.used); terr != nil {
			return errors.Join(err, terr)
		}
		_, serr := f.file.Seek(f.used, io.SeekStart)
		return errors.Join(err, serr)
	}
	f.used += int64(len(lines))
	return nil
}

func (f *File) rotate() error {
	if info, err := os.Stat(f.numbered(filesKept)); err == nil {
		f.log.Warnf("Dead_Letter_Path %q is full: the oldest file, of %d bytes, is removed. Replay or move dead letters before that", f.path, info.Size())
	}
	for n := filesKept; n > 0; n-- {
		from := f.path
		if n > 1 {
			from = f.numbered(n - 1)
		}
		if err := os.Rename(from, f.numbered(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot rotate Dead_Letter_Path %q: %w", f.path, err)
		}
	}
	_ = f.file.Close() // its content is on the disk: every Write waited for that
	f.file = nil
	if err := f.open(); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil { // so that the new name survives a crash too
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

func (f *File) numbered(n int) string { return f.path + "." + strconv.Itoa(n) }

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
