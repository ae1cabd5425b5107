package simulation

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A wire is one direction of a connection: it holds what was written and not yet read.
type wire struct {
	mu   sync.Mutex
	cond *sync.Cond
	data []byte
	err  error // for the reader behind the data, and for the writer
	lost bool  // a reset: the data is lost too
}

func newWire() *wire {
	w := &wire{}
	w.cond = sync.NewCond(&w.mu)
	return w
}

func (w *wire) read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.data) == 0 && w.err == nil {
		w.cond.Wait()
	}
	if w.lost || len(w.data) == 0 {
		return 0, w.err
	}
	n := copy(p, w.data)
	w.data = w.data[n:]
	return n, nil
}

func (w *wire) write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, &net.OpError{Op: "write", Net: "tcp",
			Err: os.NewSyscallError("write", syscall.EPIPE)}
	}
	w.data = append(w.data, p...)
	w.cond.Broadcast()
	return len(p), nil
}

// end lets the reader see err behind what is there, or at once.
func (w *wire) end(err error, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.lost = w.lost || lost
	w.cond.Broadcast()
}

// unread tells whether something was written that nobody read.
func (w *wire) unread() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.data) > 0
}

// conn is one end of a connection.
type conn struct {
	in, out *wire
	mu      sync.Mutex // guards closed
	closed  bool
}

// newConn returns both ends.
func newConn() (client, server *conn) {
	a, b := newWire(), newWire()
	return &conn{in: a, out: b}, &conn{in: b, out: a}
}

var errReset = &net.OpError{Op: "read", Net: "tcp",
	Err: os.NewSyscallError("read", syscall.ECONNRESET)}

func (c *conn) Read(p []byte) (int, error) {
	if c.isClosed() {
		return 0, net.ErrClosed
	}
	return c.in.read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	if c.isClosed() {
		return 0, net.ErrClosed
	}
	return c.out.write(p)
}

func (c *conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.out.end(io.EOF, false)
	c.in.end(net.ErrClosed, false)
	return nil
}

// reset ends the connection as a RST does.
func (c *conn) reset() {
	c.out.end(errReset, true)
	c.in.end(errReset, true)
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

func (c *conn) LocalAddr() net.Addr              { return address("here") }
func (c *conn) RemoteAddr() net.Addr             { return address("there") }
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

var errRefused = &net.OpError{Op: "dial", Net: "tcp",
	Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

// A network is that of one process of the agent. What its connections lead to is serve's.
type network struct {
	serve func(address string, server *conn)
	// dialing returns an error, or waits as long as connecting takes.
	dialing func(ctx context.Context, address string) error

	mu    sync.Mutex // guards the rest
	cut   bool       // the process is dead
	conns []*conn    // the clients' ends
}

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	if err := n.dialing(ctx, addr); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut {
		return nil, errRefused
	}
	client, server := newConn()
	n.conns = append(n.conns, client)
	go n.serve(addr, server)
	return client, nil
}

// sever is what the end of the process does to its connections.
func (n *network) sever() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = true
	for _, c := range n.conns {
		c.reset()
	}
}

var errDialTimeout = &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
