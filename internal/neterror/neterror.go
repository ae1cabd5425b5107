// Package neterror tells the errors below HTTP apart. Its input is the error of a request that got
// no answer; its output is the cause. What a person can do about it is its callers' to say.
package neterror

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// A Kind is a cause.
type Kind uint8

// The causes.
const (
	Unknown        Kind = iota
	Canceled            // the context was canceled
	Timeout             // no answer in time
	DNS                 // the name does not resolve
	ConnectRefused      // nothing listens there
	Unreachable         // there is no way to the address
	Reset               // the connection broke
	NotHTTP             // something answered, and not in HTTP
	TLSUnknownCA        // the certificate is by an unknown authority
	TLSName             // it is for another name
	TLSExpired          // it is not good now
	TLSUntrusted        // it is not good otherwise
	TLSHandshake        // there was no handshake
)

// Classify returns the cause of err. ctx is the request's.
func Classify(ctx context.Context, err error) Kind {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		alert     tls.AlertError
		record    tls.RecordHeaderError
		timeout   net.Error
		op        *net.OpError
	)
	is := func(target error) bool { return errors.Is(err, target) }
	says := func(words string) bool { return strings.Contains(err.Error(), words) }
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded): // err may be the context's cause
		return Timeout
	case ctx.Err() != nil:
		return Canceled
	case errors.As(err, &authority):
		return TLSUnknownCA
	case errors.As(err, &host):
		return TLSName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return TLSExpired
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"):
		return TLSHandshake // so crypto/tls gives alerts: a version, a missing certificate
	case errors.As(err, &invalid), errors.As(err, &verify):
		return TLSUntrusted
	case errors.As(err, &alert), errors.As(err, &record), says("server gave HTTP response to " +
		"HTTPS client"):
		return TLSHandshake
	case says("malformed HTTP response"):
		return NotHTTP
	case errors.As(err, &dns) && !dns.IsTimeout:
		return DNS
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case is(syscall.ECONNREFUSED):
		return ConnectRefused
	case is(syscall.EHOSTUNREACH), is(syscall.ENETUNREACH):
		return Unreachable
	case is(syscall.ECONNRESET), is(syscall.EPIPE), is(io.EOF), is(io.ErrUnexpectedEOF), is(net.ErrClosed):
		return Reset
	case errors.As(err, &op) && op.Op == "dial":
		return Unreachable
	case says("server closed idle connection"), says("connection broken"):
		return Reset
	}
	return Unknown
}
