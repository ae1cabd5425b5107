package neterror

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
)

func TestClassify(t *testing.T) {
	errTimeout := errors.New("the attempt took too long")
	ended, cancel := context.WithTimeoutCause(t.Context(), 0, errTimeout)
	defer cancel()
	<-ended.Done()
	f := func(ctx context.Context, err error, want Kind) {
		t.Helper()
		if got := Classify(ctx, fmt.Errorf("cannot exchange: %w", err)); got != want {
			t.Errorf("%v: got %d, want %d", err, got, want)
		}
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	ctx := t.Context()
	f(ctx, dial(&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}), DNS)
	f(ctx, dial(&net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}), DNS)
	f(ctx, dial(&net.DNSError{Err: "i/o timeout", Name: "x", IsTimeout: true}), Timeout)
	f(ctx, dial(syscall.ECONNREFUSED), ConnectRefused)
	f(ctx, dial(syscall.EHOSTUNREACH), Unreachable)
	f(ctx, dial(syscall.ENETUNREACH), Unreachable)
	f(ctx, dial(errors.New("something")), Unreachable)
	f(ctx, dial(syscall.ETIMEDOUT), Timeout)
	f(ctx, syscall.ECONNRESET, Reset)
	f(ctx, syscall.EPIPE, Reset)
	f(ctx, io.ErrUnexpectedEOF, Reset)
	f(ctx, errors.New("http: server closed idle connection"), Reset)
	f(ctx, x509.UnknownAuthorityError{}, TLSUnknownCA)
	f(ctx, x509.HostnameError{Host: "x", Certificate: &x509.Certificate{}}, TLSName)
	f(ctx, x509.CertificateInvalidError{Reason: x509.Expired}, TLSExpired)
	f(ctx, x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, TLSUntrusted)
	f(ctx, tls.AlertError(40), TLSHandshake)
	f(ctx, &net.OpError{Op: "remote error", Err: errors.New("tls: protocol version not supported")},
		TLSHandshake)
	f(ended, errTimeout, Timeout)
	f(ended, context.Canceled, Timeout)
	gone, leave := context.WithCancelCause(t.Context())
	leave(errors.New("shutting down"))
	f(gone, context.Cause(gone), Canceled)
	f(ctx, errors.New("what"), Unknown)
}
