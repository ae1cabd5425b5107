package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/config"
)

// certified serves with a certificate of its own that ends then, and returns where, and the
// certificate's file.
func certified(t *testing.T, until time.Time) (endpoint, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1),
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der},
		PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, file
}

func TestCertificate(t *testing.T) {
	f := func(until time.Duration, verify string, status Status, words string) {
		t.Helper()
		endpoint, file := certified(t, time.Now().Add(until))
		cfg, err := config.Load(func(name string) string {
			return map[string]string{"Endpoint": endpoint, "AWS_Auth": "Off", "TLS_CA_File": file,
				"TLS_Verify": verify}[name]
		}, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		e := &examination{settings: &settings{timeout: 5 * time.Second}, cfg: cfg}
		o := e.checkTLS(t.Context())
		if o.status != status || !strings.Contains(o.summary+" → "+o.remedy, words) {
			t.Errorf("%s to go, TLS_Verify %s: %s %s → %s", until, verify, o.status, o.summary,
				o.remedy)
		}
	}
	f(30*24*time.Hour, "On", Broken, "is good from") // not yet
	f(40*time.Hour, "On", Warning, "has only 39 h left → renew the certificate")
	f(-time.Hour, "On", Broken, "renew it, and check the node's clock")
	f(-time.Hour, "Off", Warning, "TLS_Verify is Off")
}
