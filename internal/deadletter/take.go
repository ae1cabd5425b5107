package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// takenEnding is the ending of the folder that a path's files are moved to for a replay.
const takenEnding = ".replay"

// Taken is a folder of dead-letter files that nobody writes to any more. It is locked until Close.
type Taken struct {
	// Dir is the folder's path.
	Dir  string
	lock *os.File
}

// Take moves the files of a path, the rotated ones too, into the folder PATH.replay, where an
// interrupted replay may have left some. A plugin that writes there goes on with a new file: it
// looks at each write whether the path is still the file that it has open, and none is moved during
// a write.
func Take(ctx context.Context, path string) (*Taken, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	t := &Taken{Dir: path + takenEnding}
	if err := os.Mkdir(t.Dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if t.lock, err = os.Open(t.Dir); err != nil {
		return nil, err
	}
	now, cancel := context.WithTimeoutCause(ctx, lockPause, errLocked)
	defer cancel()
	if err = lock(now, t.lock); err != nil {
		err = fmt.Errorf("cannot lock %q: %w", t.Dir, err)
	} else {
		err = t.move(ctx, path)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// move moves the files of path into the folder, under the names that are next, the oldest first.
func (t *Taken) move(ctx context.Context, path string) error {
	if f, err := holdExisting(ctx, path); err == nil {
		defer func() { _ = f.Close() }() // which ends the lock
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	there, err := t.Files()
	if err != nil {
		return err
	}
	next := 1
	if n := len(there); n > 0 {
		last, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(there[n-1]), ".jsonl"))
		next = last + 1
	}
	for n := filesKept; n >= 0; n-- {
		from := numbered(path, n)
		if is, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) ||
			err == nil && is.Size() == 0 {
			continue
		}
		if err := os.Rename(from, filepath.Join(t.Dir,
			fmt.Sprintf("%06d.jsonl", next))); err != nil {
			return err
		}
		next++
	}
	return nil
}

// holdExisting locks the file that path names, without making one: made by a person, the plugin
// might not be able to write to it.
func holdExisting(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := os.Open(path) // #nosec G304 -- the operator names the file
		if err != nil {
			return nil, err
		}
		is, err := f.Stat()
		if err == nil && !is.Mode().IsRegular() {
			err = fmt.Errorf("%q is no file", path)
		}
		if err == nil {
			err = lock(ctx, f)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if named, err := os.Stat(path); err == nil && os.SameFile(is, named) {
			return f, nil
		}
		_ = f.Close() // it was rotated while this waited
	}
}

// Files are the paths of the files in the folder, the oldest first.
func (t *Taken) Files() ([]string,
	error) {
	return filepath.Glob(filepath.Join(t.Dir, "[0-9]*.jsonl"))
}

// Close gives the folder up, and removes it where nothing is left in it.
func (t *Taken) Close() error {
	_ = os.Remove(t.Dir) // fails where there is something in it
	return t.lock.Close()
}

// Files are the paths of a path's files as they are now, the oldest first, those that an
// interrupted replay left too.
func Files(path string) ([]string, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	all, err := (&Taken{Dir: path + takenEnding}).Files()
	if err != nil {
		return nil, err
	}
	for n := filesKept; n >= 0; n-- {
		if is, err := os.Stat(numbered(path, n)); err == nil && is.Mode().IsRegular() {
			all = append(all, numbered(path, n))
		}
	}
	return all, nil
}

// Paths reduces paths to those that Take wants: a file that stands for its rotated ones and for the
// folder of an interrupted replay, as a shell's FILE* names them all, is named once.
func Paths(paths []string) []string {
	var out []string
	for _, path := range paths {
		path = strings.TrimSuffix(strings.TrimSuffix(path, "/"), takenEnding)
		if base, number, ok := cutNumber(path); ok && number <= filesKept &&
			slices.Contains(paths, base) {
			path = base
		}
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	return out
}

func cutNumber(path string) (base string, number int, ok bool) {
	ending := filepath.Ext(path)
	number, err := strconv.Atoi(strings.TrimPrefix(ending, "."))
	return strings.TrimSuffix(path, ending), number, err == nil
}
