package opensearch

import (
	"errors"
	"io"
	"sync"
)

var errDetached = errors.New("the body has gone back to its owner")

// source lends a caller's body to net/http, whose goroutine may go on reading after a request has
// returned (the server answered early, or the context ended). detach takes the bytes away for good,
// so that the caller may use them again.
type source struct {
	mu   sync.Mutex
	data []byte // nil after detach
	gone bool
	sent bool // one reader has handed over the last byte: the server may have the whole request
}

// open returns a reader from the start. net/http takes another one if a kept connection turned out
// to be dead before a single byte was written.
func (s *source) open() io.ReadCloser { return &reader{src: s} }

func (s *source) reopen() (io.ReadCloser, error) { return s.open(), nil }

// detach drops the bytes. When it returns nobody reads them any more.
func (s *source) detach() {
	s.mu.Lock()
	s.data, s.gone = nil, true
	s.mu.Unlock()
}

// complete says whether the whole body was handed to the connection.
func (s *source) complete() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

type reader struct {
	src *source
	at  int
}

func (r *reader) Read(p []byte) (int, error) {
	s := r.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return 0, errDetached
	}
	n := copy(p, s.data[r.at:])
	r.at += n
	if r.at == len(s.data) {
		s.sent = true
		return n, io.EOF
	}
	return n, nil
}

func (r *reader) Close() error { return nil }

// writeTo writes what is left of the body, up to most bytes, at once.
func (r *reader) writeTo(w io.Writer, most int64) (int64, error) {
	s := r.src
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return 0, errDetached
	}
	n, err := w.Write(s.data[r.at:][:min(most, int64(len(s.data)-r.at))])
	r.at += n
	s.sent = s.sent || r.at == len(s.data)
	return int64(n), err
}
