package replay

import (
	"bufio"
	"errors"
	"os"
)

// rewriting makes a file's new content beside it. The file is as it was until finish has put all of
// the new content on the disk.
type rewriting struct {
	path string
	file *os.File
	buf  *bufio.Writer
	size int64
}

func rewrite(path string) (*rewriting, error) {
	// #nosec G304 -- beside the operator's file
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &rewriting{path: path, file: f, buf: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (w *rewriting) Write(p []byte) (int, error) {
	n, err := w.buf.Write(p)
	w.size += int64(n)
	return n, err
}

// finish puts the new content in the place of the old one, or removes the file where there is none.
func (w *rewriting) finish() error {
	if err := errors.Join(w.buf.Flush(), w.file.Sync()); err != nil {
		w.abandon()
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if w.size > 0 {
		return os.Rename(w.file.Name(), w.path)
	}
	return errors.Join(os.Remove(w.path), os.Remove(w.file.Name()))
}

// abandon leaves the file as it was.
func (w *rewriting) abandon() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}
