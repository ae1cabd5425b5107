// Package connect makes what speaks to others from a Config: a client for the domain, the identity
// that signs its requests, and the TLS configuration of both. It opens no connection yet. It reads
// the certificate files that the options name.
package connect

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/identity"
	"out_opensearch_irsa/internal/opensearch"
	"out_opensearch_irsa/internal/version"
)

// maxIdleConns is how many connections are kept for the next requests: as many as one instance ever
// has requests under way.
const maxIdleConns = 32

// Dial prepares a client for the configured domain, and the identity that it signs with: nil with
// AWS_Auth Off. It opens no connection yet. Both are the caller's to close.
func Dial(cfg *config.Config) (*opensearch.Client, *identity.Identity, error) {
	var id *identity.Identity
	if cfg.AWSAuth {
		o, err := IdentityOptions(cfg)
		if err != nil {
			return nil, nil, err
		}
		if id, err = identity.New(o); err != nil {
			return nil, nil, err
		}
	}
	client, err := DialAs(cfg, id)
	if err != nil {
		if id != nil {
			id.Close()
		}
		return nil, nil, err
	}
	return client, id, nil
}

// IdentityOptions are those of the identity that signs.
func IdentityOptions(cfg *config.Config) (identity.Options, error) {
	tlsConfig, err := TLSConfig(cfg)
	if err != nil {
		return identity.Options{}, err
	}
	o := identity.Options{
		Region: cfg.AWSRegion, Service: cfg.AWSService, Credentials: cfg.AWSCredentials,
		RoleARN: cfg.AWSRoleARN, ExternalID: cfg.AWSExternalID,
		Profile: cfg.AWSProfile, STSEndpoint: cfg.AWSSTSEndpoint, RootCAs: tlsConfig.RootCAs,
	}
	if cfg.Dial != nil {
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: cfg.Dial,
			DisableKeepAlives: true}}
	}
	return o, nil
}

// DialAs is Dial with an existing identity; nil with AWS_Auth Off.
func DialAs(cfg *config.Config, id *identity.Identity) (*opensearch.Client, error) {
	tlsConfig, err := TLSConfig(cfg)
	if err != nil {
		return nil, err
	}
	endpoint := *cfg.Endpoint
	endpoint.Path = cfg.Path
	o := opensearch.Options{
		Endpoint: &endpoint, TLS: tlsConfig, Timeout: cfg.RequestTimeout, MaxConns: maxIdleConns,
		UserAgent: "out_opensearch_irsa/" + version.Version, Serverless: cfg.AWSService == "aoss",
		Username: cfg.HTTPUser, Password: cfg.HTTPPasswd, Dial: cfg.Dial,
	}
	if id != nil {
		o.Signer, o.RoleARN = id, id.RoleARN
	}
	return opensearch.New(o)
}

// TLSConfig is what connections to the domain are made with.
func TLSConfig(cfg *config.Config) (*tls.Config, error) {
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
			return nil, fmt.Errorf("cannot use TLS_CA_File %q: it holds no "+
				"certificate in PEM form", cfg.TLSCAFile)
		}
	}
	if cfg.TLSClientCertFile != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSClientCertFile, cfg.TLSClientKeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot use TLS_Client_Cert_File %q with "+
				"TLS_Client_Key_File %q: %w", cfg.TLSClientCertFile, cfg.TLSClientKeyFile, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
