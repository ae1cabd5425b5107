package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/opensearch"
)

// hop is what the plugin connects to: the endpoint, or the proxy before it.
func (e *examination) hop() (host, port string, proxied bool) {
	u := e.cfg.Endpoint
	if p, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && p != nil {
		u, proxied = p, true
	}
	return u.Hostname(), cmp.Or(u.Port(), defaultPort(u)), proxied
}

func defaultPort(u *url.URL) string {
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// checkName resolves the endpoint's name.
func (e *examination) checkName(ctx context.Context) outcome {
	host, _, proxied := e.hop()
	if net.ParseIP(host) != nil {
		return fine("%s is an address", host)
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return broken(e.advice(opensearch.DNS), "%v", err)
	}
	note := ""
	if proxied {
		note = ", a proxy that HTTPS_PROXY names"
	} else if ip := net.ParseIP(found[0]); ip != nil && ip.IsPrivate() {
		note = ", inside a VPC"
	}
	return fine("%s is %s%s", host, strings.Join(found, ", "), note)
}

// checkConnection connects to it.
func (e *examination) checkConnection(ctx context.Context) outcome {
	host, port, _ := e.hop()
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	began := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err == nil {
		_ = conn.Close()
		return fine("%s answers in %s", conn.RemoteAddr(), milliseconds(time.Since(began)))
	}
	return broken(e.advice(opensearch.NetworkKind(ctx, err)), "%v", err)
}

// soonExpired is how long before its end a certificate should have been replaced.
const soonExpired = 3 * 24 * time.Hour

// checkTLS shakes hands.
func (e *examination) checkTLS(ctx context.Context) outcome {
	host, port, proxied := e.hop()
	switch {
	case e.cfg.Endpoint.Scheme == "http":
		return needless("the endpoint is http://")
	case proxied:
		return needless("a proxy is between: the request shows")
	}
	config, err := connect.TLSConfig(e.cfg)
	if err != nil {
		return explained(err)
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return e.tlsFailure(ctx, err, config.ServerName)
	}
	state := conn.(*tls.Conn).ConnectionState()
	_ = conn.Close()
	leaf := state.PeerCertificates[0]
	left := time.Until(leaf.NotAfter)
	switch version := tls.VersionName(state.Version); {
	case !e.cfg.TLSVerify:
		return suspect("set TLS_Verify On, with TLS_CA_File where the authority is your own",
			"%s, but TLS_Verify is Off: anybody on the way may read and change the logs", version)
	case left < soonExpired:
		return suspect("renew the certificate: delivery stops when it ends",
			"%s, and the certificate for %s has only %s left", version, names(leaf), age(left))
	default:
		return fine("%s, certificate for %s by %s, good for %s", version, names(leaf),
			leaf.Issuer.CommonName, age(left))
	}
}

// tlsFailure tells what is wrong with the certificate, or else with the handshake.
func (e *examination) tlsFailure(ctx context.Context, err error, name string) outcome {
	var verify *tls.CertificateVerificationError
	if !errors.As(err, &verify) || len(verify.UnverifiedCertificates) == 0 {
		return broken(e.advice(opensearch.TLSFailed), "%v", err)
	}
	leaf := verify.UnverifiedCertificates[0]
	switch kind := opensearch.NetworkKind(ctx, err); kind {
	case opensearch.TLSName:
		return broken(e.advice(kind), "the certificate is for %s, and not for %s", names(leaf), name)
	case opensearch.TLSExpired:
		return broken(e.advice(kind), "the certificate for %s is good from %s to %s", names(leaf),
			leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	case opensearch.TLSUnknownCA:
		return broken(e.advice(kind), "the certificate for %s is by %q, an "+
			"authority that is not known here", names(leaf), leaf.Issuer.CommonName)
	}
	return broken(e.advice(opensearch.TLSFailed), "%v", err)
}

// names are what a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return c.Subject.String()
	}
	return strings.Join(all, ", ")
}

// advice is the remedy that the plugin would log.
func (e *examination) advice(k opensearch.Kind) string {
	_, remedy := new(opensearch.Client).Explain(opensearch.Item{Kind: k})
	return remedy
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
