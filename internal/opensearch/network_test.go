package opensearch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"out_opensearch_irsa/internal/neterror"
)

// tlsServer serves with a certificate for name, good until then, and returns the pool that knows
// it.
func tlsServer(t *testing.T, name string, until time.Time) (endpoint string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1),
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until, DNSNames: []string{name},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	if name == "127.0.0.1" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(deliver))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der},
		PrivateKey: key}}}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return s.URL, roots
}

func TestTLS(t *testing.T) {
	f := func(endpoint string, config *tls.Config, kind Kind, words ...string) {
		t.Helper()
		fail := client(t, endpoint, func(o *Options) { o.TLS = config }).Bulk(t.Context(),
			&Request{Body: oneItem, Items: 1}).Failure
		if kind == None {
			if fail != nil {
				t.Errorf("got %v", fail)
			}
			return
		}
		if fail == nil || fail.Kind != kind || fail.Ambiguous || !containsAll(fail.Error(), words) {
			t.Errorf("got %+v, want %s", fail, kind)
		}
	}
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-24*time.Hour)
	good, roots := tlsServer(t, "127.0.0.1", tomorrow)
	f(good, &tls.Config{RootCAs: roots}, None)
	f(good, nil, TLSUnknownCA, "TLS_CA_File")
	other, otherRoots := tlsServer(t, "search.example", tomorrow)
	f(other, &tls.Config{RootCAs: otherRoots}, TLSName, "TLS_Server_Name")
	f(other, &tls.Config{RootCAs: otherRoots, ServerName: "search.example"}, None)
	old, oldRoots := tlsServer(t, "127.0.0.1", yesterday)
	f(old, &tls.Config{RootCAs: oldRoots}, TLSExpired, "expired")
	f(old, &tls.Config{InsecureSkipVerify: true}, None) // TLS_Verify Off
	plain := httptest.NewServer(http.HandlerFunc(deliver))
	defer plain.Close()
	f(strings.Replace(plain.URL, "http:", "https:", 1), nil, TLSFailed, "scheme")
}

// TestTLSVersion wants TLS 1.1 to be refused and HTTP/1.1 to be spoken with a server that offers
// HTTP/2.
func TestTLSVersion(t *testing.T) {
	u := newConns(Options{TLS: &tls.Config{MinVersion: tls.VersionTLS10}}).TLSClientConfig.MinVersion
	if u != tls.VersionTLS12 {
		t.Errorf("speaks TLS %x", u)
	}
	if v := newConns(Options{TLS: &tls.Config{MinVersion: tls.VersionTLS13}}).TLSClientConfig.MinVersion; v != tls.VersionTLS13 {
		t.Errorf("speaks TLS %x, want 1.3 as configured", v)
	}
	endpoint, roots := tlsServer(t, "127.0.0.1", time.Now().Add(time.Hour))
	conns := newConns(Options{TLS: &tls.Config{RootCAs: roots}})
	defer conns.CloseIdleConnections()
	res, err := (&http.Client{Transport: conns}).Get(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.ProtoMajor != 1 {
		t.Errorf("speaks %s", res.Proto)
	}
}

func TestConnectRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	_ = l.Close()
	f := client(t, endpoint).Bulk(t.Context(), &Request{Body: oneItem, Items: 1}).Failure
	if f == nil || f.Kind != ConnectRefused || f.Ambiguous ||
		!strings.Contains(f.Summary, endpoint) || f.Status != 0 {
		t.Errorf("got %+v", f)
	}
}

// TestNetworkKinds wants a kind of ours for each cause.
func TestNetworkKinds(t *testing.T) {
	for cause := neterror.Unknown; cause <= neterror.TLSHandshake; cause++ {
		if _, ok := networkKinds[cause]; !ok {
			t.Errorf("cause %d has no kind", cause)
		}
	}
	if k := NetworkKind(t.Context(),
		&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}); k != ConnectRefused {
		t.Errorf("a refused connection is %s", k)
	}
}
