package identity

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// stsOptions say where STS is: AWS_STS_Endpoint, else the pod's own region's, which a VPC endpoint
// can serve and which every partition has; never the global one. The domain's region may be
// another.
func (f *finder) stsOptions() sts.Options {
	client := f.HTTPClient
	if client == nil {
		client = httpClient(http.ProxyFromEnvironment, f.RootCAs)
	}
	o := sts.Options{
		Region: cmp.Or(regionOf(f.STSEndpoint), f.Getenv("AWS_REGION"),
			f.Getenv("AWS_DEFAULT_REGION"), f.Region),
		Retryer: retryer(), HTTPClient: clock{client, f.observe},
	}
	if f.STSEndpoint != "" {
		o.BaseEndpoint = &f.STSEndpoint // whoever names an address has chosen its kind too, and the SDK refuses both
		return o
	}
	if isTrue(f.Getenv("AWS_USE_FIPS_ENDPOINT")) {
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if isTrue(f.Getenv("AWS_USE_DUALSTACK_ENDPOINT")) {
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return o
}

func isTrue(v string) bool { return strings.EqualFold(v, "true") }

// stsHost is what the name of an STS tells: the region that a call to it has to be signed for.
var stsHost = regexp.MustCompile(`(?:^|\.)sts(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.amazonaws\.|amazonaws\.|api\.aws$|api\.amazonwebservices\.)`)

// regionOf is the region in the name of an STS; "" where the name has none.
func regionOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if host == "sts.amazonaws.com" {
		return "us-east-1"
	}
	if m := stsHost.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	return ""
}

// checkedSTS refuses answers of STS without credentials, which the SDK's providers would follow
// into a nil pointer.
type checkedSTS struct{ *sts.Client }

var errNoCredentials = errors.New("its answer holds no credentials")

func holdsNone(c *types.Credentials) bool {
	return c == nil || c.AccessKeyId == nil || c.SecretAccessKey == nil || c.SessionToken == nil ||
		c.Expiration == nil
}

func (w checkedSTS) AssumeRoleWithWebIdentity(ctx context.Context,
	in *sts.AssumeRoleWithWebIdentityInput, opts ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	out, err := w.Client.AssumeRoleWithWebIdentity(ctx, in, opts...)
	if err == nil && holdsNone(out.Credentials) {
		return nil, errNoCredentials
	}
	return out, err
}

func (w checkedSTS) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput,
	opts ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	out, err := w.Client.AssumeRole(ctx, in, opts...)
	if err == nil && holdsNone(out.Credentials) {
		return nil, errNoCredentials
	}
	return out, err
}

// clock observes the Date of STS's answers: a node whose clock is wrong would hold fresh
// credentials for expired ones.
type clock struct {
	*http.Client
	observe func(time.Time)
}

func (c clock) Do(req *http.Request) (*http.Response, error) {
	res, err := c.Client.Do(req)                       // #nosec G704 -- AWS_STS_Endpoint and the SDK say where STS is
	if err == nil && res.StatusCode == http.StatusOK { // a proxy's own answers have the proxy's clock
		if t, err := http.ParseTime(res.Header.Get("Date")); err == nil {
			c.observe(t)
		}
	}
	return res, err
}

// retryer tries twice: what lasts longer is the next refresh's.
func retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = 2,
			time.Second
	})
}

func httpClient(proxy func(*http.Request) (*url.URL, error), roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			Proxy:               proxy,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSHandshakeTimeout: 5 * time.Second,
			DisableKeepAlives:   true, // one call in many minutes
		},
	}
}
