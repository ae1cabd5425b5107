package localaws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"out_opensearch_irsa/test/ports"
)

// Server serves a handler on one address and can be taken down and brought up again there. While it is down, connections are
// refused.
type Server struct {
	handler http.Handler
	tls     *tls.Config // nil: plain HTTP
	url     string
	listen  func() (net.Listener, error)

	mu      sync.Mutex
	running *http.Server // guarded by mu; nil while down
}

// Serve starts a server on a free port of 127.0.0.1. With a TLS configuration it speaks HTTPS, and HTTP/1.1 only, as domains do.
func Serve(handler http.Handler, tlsConfig *tls.Config) (*Server, error) {
	port, err := ports.Free()
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + port
	return ServeOn(address, func() (net.Listener, error) {
		return new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	}, handler, tlsConfig)
}

// ServeOn is Serve on an address (host:port) of another network than this process's, where listen makes the listener.
func ServeOn(address string, listen func() (net.Listener, error), handler http.Handler, tlsConfig *tls.Config) (*Server, error) {
	s := &Server{handler: handler, tls: tlsConfig, url: "http://" + address, listen: listen}
	if tlsConfig != nil {
		s.url = "https://" + address
	}
	if err := s.Up(); err != nil {
		return nil, err
	}
	return s, nil
}

// URL returns scheme, address and port, without a slash at the end.
func (s *Server) URL() string { return s.url }

// Up listens again after Down. It does nothing while the server is up. It fails if another process took the port meanwhile.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return nil
	}
	listener, err := s.listen()
	if err != nil {
		return fmt.Errorf("cannot listen for %q: %w", s.url, err)
	}
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	running := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // a client that gives up is what many tests are about
	}
	s.running = running
	go func() {
		if err := running.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("cannot serve on %s: %v", listener.Addr(), err)) // a listener of ours does not fail by itself
		}
	}()
	return nil
}

// Down closes the listener and every connection at once: whoever waits for an answer gets a reset or an end of file.
func (s *Server) Down() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return nil
	}
	err := s.running.Close()
	s.running = nil
	return err
}

// Close is Down for good.
func (s *Server) Close() error { return s.Down() }
