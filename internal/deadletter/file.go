package deadletter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"out_opensearch_irsa/internal/logging"
)

// File keeps records as JSON lines in a file. Any number of Files, in any number of processes, may
// have one path: those of one process share one open file, and processes take turns by flock.
type File struct {
	path string // as the option says it
	log  *logging.Logger

	mu   sync.Mutex // guards the rest
	open *openFile  // nil after Close
}

// OpenFile opens or makes the file.
func OpenFile(path string, log *logging.Logger) (*File, error) {
	open, err := files.join(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open Dead_Letter_Path %q: %w: %s", path, err, remedy(err))
	}
	return &File{path: path, log: log, open: open}, nil
}

// Write appends the records and waits until the disk has them. After an error the file is as it was
// before. It waits some seconds where another process holds the file.
func (f *File) Write(ctx context.Context, records []Record) error {
	var lines []byte
	for i := range records {
		lines = append(records[i].AppendJSON(lines, 0), '\n')
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		return fmt.Errorf("cannot write to Dead_Letter_Path %q: it is closed", f.path)
	}
	removed, err := f.open.append(ctx, lines)
	if removed > 0 {
		f.log.Warnf("Dead_Letter_Path %q is full: the oldest file, of %d bytes, is removed. "+
			"Replay or move dead letters before that", f.path, removed)
	}
	if err != nil {
		return fmt.Errorf("cannot write to Dead_Letter_Path %q: %w: %s", f.path, err, remedy(err))
	}
	return nil
}

// Close gives the file up; it stays open for others of this process that have it.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	open := f.open
	f.open = nil
	if open == nil {
		return nil
	}
	return files.leave(open)
}

// remedy is what a person can do about an error.
func remedy(err error) string {
	switch {
	case errors.Is(err, errLocked):
		return "end the process that holds it, if it hangs"
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return "free space on its volume, or replay and remove dead letters"
	}
	return "name a file in a folder that the pod can write to"
}
