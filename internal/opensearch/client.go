// Package opensearch makes one signed attempt to store a finished bulk body and says what became of
// each item.
//
// In: a body with the number of items it holds. Out: a Result, which is delivered, a verdict for
// each item, or a Failure of the request as a whole with its cause and what a person can do about
// it. It never loops, never waits between attempts and never builds documents: what to send again,
// and when, is internal/deliver's.
package opensearch

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opensearch-project/opensearch-go/v2/opensearchtransport"
)

// A Signer authenticates a finished request. payloadSHA256 is the hex SHA-256 of the body as it
// goes over the wire.
type Signer interface {
	Sign(ctx context.Context, req *http.Request, payloadSHA256 string) error
}

// A Secret is a text that prints as redacted; config.Secret is one.
type Secret interface{ Reveal() string }

// Options say where bulk requests go and how they are authenticated.
type Options struct {
	// Endpoint (option Endpoint) is scheme://host[:port][/path]. Its path comes before the index.
	// Required.
	Endpoint *url.URL
	// Signer signs each request; nil means no AWS authentication (AWS_Auth Off).
	Signer Signer
	// Username and Password (HTTP_User, HTTP_Passwd) are sent as basic authentication if there is
	// no Signer.
	Username string
	Password Secret
	// TLS (TLS_CA_File, TLS_Server_Name, …) is copied; nil means the system's roots. Below TLS 1.2
	// is never spoken.
	TLS *tls.Config
	// Timeout (Request_Timeout) bounds one attempt from signing to the last byte of the answer; 0
	// means 60 s.
	Timeout time.Duration
	// UserAgent is sent as it is; empty means opensearch-go's own.
	UserAgent string
	// MaxConns (Workers) is how many idle connections are kept for the next requests; 0 means 4.
	MaxConns int
	// Dial makes connections; nil means the system's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RoleARN names the role that requests are signed as, for the remedies; nil or "" where it is
	// not known.
	RoleARN func() string
	// Serverless says that the endpoint is an OpenSearch Serverless collection (AWS_Service_Name
	// aoss), for the remedies.
	Serverless bool
}

// A Client holds the connections to one endpoint. It is safe for concurrent use.
type Client struct {
	transport *opensearchtransport.Client
	conns     *http.Transport
	base      string // path before the index, without trailing slash
	host      string
	scheme    string
	basic     string // value of the Authorization header, if basic authentication is used
	timeout   time.Duration
	advice    advice
}

// New checks the options and returns a Client. It does not use the network.
func New(o Options) (*Client, error) {
	if o.Endpoint == nil || o.Endpoint.Host == "" {
		return nil, errors.New("cannot use an empty Endpoint: write scheme://host, such as " +
			"https://search-logs-abc.eu-west-1.es.amazonaws.com")
	}
	if s := o.Endpoint.Scheme; s != "https" && s != "http" {
		return nil, fmt.Errorf("cannot use Endpoint %q: its scheme must be https or http",
			o.Endpoint.Redacted())
	}
	if o.Timeout <= 0 {
		o.Timeout = 60 * time.Second
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 4
	}
	c := &Client{
		conns:   newConns(o),
		base:    strings.TrimRight(o.Endpoint.Path, "/"),
		host:    o.Endpoint.Host,
		scheme:  o.Endpoint.Scheme,
		timeout: o.Timeout,
		advice: advice{endpoint: o.Endpoint.Scheme + "://" +
			o.Endpoint.Host, roleARN: o.RoleARN, signed: o.Signer != nil, serverless: o.Serverless},
	}
	cfg := opensearchtransport.Config{
		// The path is ours: the transport would add it again at each of its own attempts.
		URLs:         []*url.URL{{Scheme: c.scheme, Host: c.host}},
		DisableRetry: true,
		Transport:    &exchange{next: c.conns, userAgent: o.UserAgent},
	}
	if o.Signer != nil {
		cfg.Signer = signerAdapter{o.Signer}
	} else if o.Username != "" {
		password := ""
		if o.Password != nil {
			password = o.Password.Reveal()
		}
		c.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(o.Username+":"+password))
	}
	t, err := opensearchtransport.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot prepare the transport to %q: %w", c.host, err)
	}
	c.transport = t
	return c, nil
}

// Format keeps the password out of whatever prints a Client, with any verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client{"+c.advice.endpoint+"}")
}

// Close drops the idle connections. Attempts that run are not stopped: cancel their context for
// that.
func (c *Client) Close() { c.conns.CloseIdleConnections() }
