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

// rotate gives each file the next number. The file is locked, and renamed last, so that nobody else
// rotates meanwhile.
func (f *openFile) rotate() (removed int64, err error) {
	if is, err := os.Stat(numbered(f.path, filesKept)); err == nil { // #nosec G703 -- as above
		removed = is.Size()
	}
	for n := filesKept; n > 0; n-- {
		err := os.Rename(numbered(f.path, n-1), numbered(f.path, n)) // #nosec G703 -- as above
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("cannot rotate: %w", err)
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
