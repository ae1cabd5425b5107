package deliver

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/identity"
	"out_opensearch_irsa/internal/opensearch"
)

// Dial prepares a client for the configured domain, and the identity that it signs with: nil with AWS_Auth Off. It opens no
// connection yet. Both are the caller's to close.
func Dial(cfg *config.Config) (*opensearch.Client, *identity.Identity, error) {
	tlsConfig, err := tlsConfig(cfg)
	if err != nil {
		return nil, nil, err
	}
	endpoint := *cfg.Endpoint
	endpoint.Path = cfg.Path
	o := opensearch.Options{
		Endpoint: &endpoint, TLS: tlsConfig, Timeout: cfg.RequestTimeout, MaxConns: limiterTop,
		UserAgent: "out_opensearch_irsa/" + Version, Serverless: cfg.AWSService == "aoss",
		Username: cfg.HTTPUser, Password: cfg.HTTPPasswd,
	}
	var id *identity.Identity
	if cfg.AWSAuth {
		id, err = identity.New(identity.Options{
			Region: cfg.AWSRegion, Service: cfg.AWSService, Credentials: cfg.AWSCredentials, RoleARN: cfg.AWSRoleARN, ExternalID: cfg.AWSExternalID,
			Profile: cfg.AWSProfile, STSEndpoint: cfg.AWSSTSEndpoint, RootCAs: tlsConfig.RootCAs,
		})
		if err != nil {
			return nil, nil, err
		}
		o.Signer, o.RoleARN = id, id.RoleARN
	}
	client, err := opensearch.New(o)
	if err != nil && id != nil {
		id.Close()
	}
	return client, id, err
}

func tlsConfig(cfg *config.Config) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cfg.TLSServerName, InsecureSkipVerify: !cfg.TLSVerify} // #nosec G402 -- TLS_Verify Off asks for it
	if cfg.TLSCAFile != "" {
		pem, err := os.ReadFile(cfg.TLSCAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read TLS_CA_File %q: %w", cfg.TLSCAFile, err)
		}
		if t.RootCAs, err = x509.SystemCertPool(); err != nil {
			t.RootCAs = x509.NewCertPool()
		}
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use TLS_CA_File %q: it holds no certificate in PEM form", cfg.TLSCAFile)
		}
	}
	if cfg.TLSClientCertFile != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSClientCertFile, cfg.TLSClientKeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot use TLS_Client_Cert_File %q with TLS_Client_Key_File %q: %w", cfg.TLSClientCertFile, cfg.TLSClientKeyFile, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
