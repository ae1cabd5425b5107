package deadletter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// A file grows to fileSize and is then renamed with the ending .1, the one that had that ending to
// .2, and so on. Beyond filesKept the oldest goes, with a line in the log that says so. Together at
// most 1 GiB.
const (
	fileSize  = 128 << 20
	filesKept = 7
)

// rotate gives each file up to the first number that is free the next one, and removes the oldest
// where none is: removed is its size. So what a rotation that failed has left free is used by the
// next one, which removes nothing. The file is locked, and renamed last, so that nobody else rotates
// meanwhile.
func (f *openFile) rotate() (removed int64, err error) {
	free := 1
	for ; free < filesKept; free++ {
		// #nosec G703 -- as above
		if _, err := os.Lstat(numbered(f.path, free)); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	var oldest int64
	if is, err := os.Stat(numbered(f.path, free)); err == nil { // #nosec G703 -- as above
		oldest = is.Size()
	}
	for n := free; n > 0; n-- {
		err := os.Rename(numbered(f.path, n-1), numbered(f.path, n)) // #nosec G703 -- as above
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("cannot rotate: %w", err)
		}
		if n == free {
			removed = oldest
		}
	}
	return removed, nil
}

// numbered is the path of the n-th file; the 0th is the one that is written to.
func numbered(path string, n int) string {
	if n == 0 {
		return path
	}
	return path + "." + strconv.Itoa(n)
}
