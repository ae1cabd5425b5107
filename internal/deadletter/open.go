package deadletter

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// files are the open files of this process, by their resolved paths: two sections, or the old and
// the new instance at a hot reload, may have one path.
var files = registry{open: make(map[string]*openFile)}

type registry struct {
	mu   sync.Mutex // guards open, and each one's users
	open map[string]*openFile
}

func (r *registry) join(path string) (*openFile, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.open[path]
	if f == nil {
		f = &openFile{path: path, size: fileSize}
		if err := f.reopen(); err != nil {
			return nil, err
		}
		r.open[path] = f
	}
	f.users++
	return f, nil
}

func (r *registry) leave(f *openFile) error {
	r.mu.Lock()
	f.users--
	last := f.users == 0
	if last {
		delete(r.open, f.path)
	}
	r.mu.Unlock()
	if !last {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.close()
}

// resolve is the path without links, so that what is one file has one path. The file need not
// exist.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	whole, err := filepath.EvalSymlinks(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return whole, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

// openFile is one file as this process has it open.
type openFile struct {
	path  string
	users int // the registry's mutex guards it

	mu   sync.Mutex // guards the rest
	size int64      // what the file may grow to
	file *os.File   // nil where it has to be opened again
}

func (f *openFile) reopen() (err error) {
	// #nosec G304 G703 -- an option names the file
	if f.file, err = os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	// So that a new name survives a crash too.
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil { // #nosec G304 G703 -- as above
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

func (f *openFile) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// append appends whole lines and waits until the disk has them, or leaves the file as it was.
// removed is the size of an old file that had to go for it.
func (f *openFile) append(ctx context.Context, lines []byte) (removed int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		used, err := f.hold(ctx)
		if err != nil {
			return removed, err
		}
		if used == 0 || used+int64(len(lines)) <= f.size {
			err = f.write(lines, used)
			return removed, errors.Join(err, unlock(f.file))
		}
		gone, err := f.rotate()
		removed += gone
		_ = f.close() // its content is on the disk: every append waited for that. The lock goes too
		if err != nil {
			return removed, err
		}
	}
}

// hold locks the file that the path names now, opening it again where that is another one than
// before: somebody renamed or removed it, or rotated it while this waited for the lock. used is its
// size.
func (f *openFile) hold(ctx context.Context) (used int64, err error) {
	for {
		if f.file == nil {
			if err := f.reopen(); err != nil {
				return 0, err
			}
		}
		if err := lock(ctx, f.file); err != nil {
			return 0, err
		}
		is, err := f.file.Stat()
		if err != nil {
			return 0, errors.Join(err, f.close())
		}
		named, err := os.Stat(f.path) // #nosec G703 -- as above
		if err == nil && os.SameFile(is, named) {
			return is.Size(), nil
		}
		_ = f.close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
}

// write appends lines to the file of used bytes. The file is locked.
func (f *openFile) write(lines []byte, used int64) error {
	if used > 0 {
		var last [1]byte
		if _, err := f.file.ReadAt(last[:], used-1); err != nil {
			return err
		}
		if last[0] != '\n' { // what a crash left of a line: a reader passes over it
			lines = append([]byte{'\n'}, lines...)
		}
	}
	_, err := f.file.Write(lines)
	if err == nil {
		err = f.file.Sync()
	}
	if err == nil {
		return nil
	}
	// Never longer than it is: somebody may have emptied it meanwhile.
	if is, serr := f.file.Stat(); serr == nil && is.Size() > used {
		err = errors.Join(err, f.file.Truncate(used))
	}
	return err
}
