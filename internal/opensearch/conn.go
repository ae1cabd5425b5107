package opensearch

import (
	"context"
	"io"
	"net"
)

// conn hands a lent body to the kernel as it is, where net/http would copy it first and write it in
// pieces of 32 KiB: a seventh of the output's CPU without compression. That is for connections
// without TLS, which copies anyway. detach waits for the end of such a write, which comes when
// net/http closes the connection: when the context ends, and 50 ms after an answer that came early.
type conn struct{ net.Conn }

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dial dials as d does.
func dial(d dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return conn{c}, nil
	}
}

// ReadFrom takes what net/http reads a request's body from.
func (c conn) ReadFrom(from io.Reader) (int64, error) {
	if l, ok := from.(*io.LimitedReader); ok {
		if r, ok := l.R.(*reader); ok {
			n, err := r.writeTo(c.Conn, l.N)
			l.N -= n
			return n, err
		}
	}
	return io.Copy(c.Conn, from)
}
