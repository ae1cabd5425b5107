package deadletter

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// A lock is held for one write, or for the renames of a rotation or a replay: milliseconds, or as
// long as the disk takes. Who hangs with it must not hang the others.
const (
	lockPatience = 10 * time.Second
	lockPause    = 5 * time.Millisecond
)

var errLocked = errors.New("another process holds it")

// lock takes the file's flock, which ends with unlock, with the file's Close, and with the process.
// Where a volume has no locks, it does without: one process alone needs none.
func lock(ctx context.Context, f *os.File) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockPatience, errLocked)
	defer cancel()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil, withoutLocks(err):
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func unlock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	if withoutLocks(err) {
		return nil
	}
	return err
}

// withoutLocks tells whether flock's error is that of a volume without locks.
func withoutLocks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK)
}
