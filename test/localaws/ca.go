package localaws

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certificateLifetime bounds every certificate made here: a test or a demonstration is over by then.
const certificateLifetime = 7 * 24 * time.Hour

// CA is a certificate authority that exists for one run. Its key never leaves the process.
type CA struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

// NewCA makes an authority with a new key.
func NewCA() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make the CA's key: %w", err)
	}
	template, err := certificateTemplate("out_opensearch_irsa test CA")
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the CA's certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("cannot parse the CA's certificate: %w", err)
	}
	return &CA{certificate: certificate, key: key, pem: pemBlock("CERTIFICATE", der)}, nil
}

// PEM returns the authority's certificate, as SSL_CERT_FILE and TLS_CA_File want it.
func (ca *CA) PEM() []byte { return ca.pem }

// Pool returns a pool that trusts this authority and no other.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// Issue signs a certificate for localhost, the loopback addresses and any further names and addresses, for servers and clients alike.
// The distinguished name is CN=commonName and nothing else; the key is PKCS #8, which is the only form that OpenSearch reads.
func (ca *CA) Issue(commonName string, names ...string) (certificatePEM, keyPEM []byte, err error) {
	return ca.IssueTo(pkix.Name{CommonName: commonName}, names...)
}

// IssueTo is Issue with a whole distinguished name: Kubernetes takes a client's groups from the organizations in it.
func (ca *CA) IssueTo(subject pkix.Name, names ...string) (certificatePEM, keyPEM []byte, err error) {
	commonName := subject.CommonName
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a key for %q: %w", commonName, err)
	}
	template, err := certificateTemplate(commonName)
	if err != nil {
		return nil, nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.Subject = subject
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, name := range names {
		if address := net.ParseIP(name); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, &key.PublicKey, ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot sign a certificate for %q: %w", commonName, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot encode the key of %q: %w", commonName, err)
	}
	return pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", keyDER), nil
}

// ServerTLS returns a configuration for a server on loopback, which may have further names.
func (ca *CA) ServerTLS(names ...string) (*tls.Config, error) {
	certificatePEM, keyPEM, err := ca.Issue("localhost", names...)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificatePEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("cannot load the certificate just made: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func certificateTemplate(commonName string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("cannot draw a serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName},
		NotBefore:    now.Add(-time.Hour), // clocks that a test sets back still find it valid
		NotAfter:     now.Add(certificateLifetime),
	}, nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
