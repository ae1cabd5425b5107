package identity

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// noRole is the remedy for a pod without credentials.
const noRole = "annotate the pod's service account with eks.amazonaws.com/role-arn (IRSA) or make an EKS Pod Identity association for it, " +
	"and restart the pod: the variables are set when it is created, so a pod that is older than the annotation, or was started while the webhook was away, has none"

// choose finds the source of the credentials and how to get them.
func (i *Identity) choose(o Options) error {
	env := o.Getenv
	if o.STSEndpoint == "" {
		o.STSEndpoint = env("AWS_ENDPOINT_URL_STS")
	}
	if u, err := url.Parse(o.STSEndpoint); o.STSEndpoint != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return &Error{Kind: BadOption, Summary: fmt.Sprintf("cannot use %q as address of STS", o.STSEndpoint),
			Remedy: "write AWS_STS_Endpoint (or AWS_ENDPOINT_URL_STS) as a URL, such as https://sts.eu-west-1.amazonaws.com"}
	}
	var err error
	switch o.Credentials {
	case "", "auto":
		switch {
		case env("AWS_ROLE_ARN") != "" && env("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
			err = i.webIdentity(o)
		case env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
			err = i.podIdentity(o)
		case env("AWS_ACCESS_KEY_ID") != "":
			err = i.environment(o)
		default:
			err = &Error{Kind: NoCredentials, Remedy: noRole,
				Summary: "the pod has no AWS credentials: neither AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, nor AWS_CONTAINER_CREDENTIALS_FULL_URI, nor AWS_ACCESS_KEY_ID is set (the node's role is not used)"}
		}
	case "web_identity":
		err = i.webIdentity(o)
	case "pod_identity":
		err = i.podIdentity(o)
	case "environment":
		err = i.environment(o)
	default:
		err = &Error{Kind: BadOption, Summary: fmt.Sprintf("cannot use AWS_Credentials %q", o.Credentials),
			Remedy: "write auto, web_identity, pod_identity or environment"}
	}
	if err != nil || o.RoleARN == "" || o.RoleARN == i.roleARN { // a role seldom may assume itself, and need not
		return err
	}
	i.provider = &chained{base: i.provider, sts: i.stsOptions(o), role: o.RoleARN, externalID: o.ExternalID, session: sessionName()}
	i.source += ", then role " + o.RoleARN
	i.roleARN = o.RoleARN
	return nil
}

// missing is the error for an environment variable that a source needs.
func missing(what string, names ...string) *Error {
	return &Error{Kind: NoCredentials, Summary: fmt.Sprintf("%s needs %s in the environment", what, strings.Join(names, " and ")), Remedy: noRole}
}

// webIdentity is IRSA: the service account's token, exchanged by STS for the credentials of its role.
func (i *Identity) webIdentity(o Options) error {
	role, file := o.Getenv("AWS_ROLE_ARN"), o.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")
	if role == "" || file == "" {
		return missing("AWS_Credentials web_identity", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
	}
	i.source, i.roleARN, i.tokenFile = "web identity (IRSA) role "+role, role, file
	i.provider = &webIdentity{client: sts.New(i.stsOptions(o)), role: role, file: file, session: sessionName()}
	return nil
}

type webIdentity struct {
	client              *sts.Client
	role, file, session string
}

func (w *webIdentity) Retrieve(ctx context.Context) (aws.Credentials, error) {
	token, err := readToken(w.file, "eks.amazonaws.com/role-arn")
	if err != nil {
		return aws.Credentials{}, err
	}
	p := stscreds.NewWebIdentityRoleProvider(whole{w.client}, w.role, identityToken(token),
		func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = w.session })
	c, err := p.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, stsError(err, "AssumeRoleWithWebIdentity", w.role, readClaims(token))
	}
	return c, nil
}

// identityToken gives the SDK a token that has been read already.
type identityToken string

func (t identityToken) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// podIdentity is EKS Pod Identity: the node's agent gives out the credentials for the pod's token.
func (i *Identity) podIdentity(o Options) error {
	uri, file := o.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), o.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	if uri == "" || file == "" {
		return missing("EKS Pod Identity", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	}
	client := o.HTTPClient
	if client == nil {
		client = httpClient(nil) // link-local: no proxy
	}
	i.source, i.tokenFile = "EKS Pod Identity", file
	i.provider = &podIdentity{uri: uri, file: file, client: client}
	return nil
}

type podIdentity struct {
	uri, file string
	client    *http.Client
}

func (p *podIdentity) Retrieve(ctx context.Context) (aws.Credentials, error) {
	token, err := readToken(p.file, "an EKS Pod Identity association")
	if err != nil {
		return aws.Credentials{}, err
	}
	c, err := endpointcreds.New(p.uri, func(o *endpointcreds.Options) {
		o.HTTPClient, o.AuthorizationToken, o.Retryer = p.client, token, retryer()
	}).Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, agentError(err, p.uri)
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return aws.Credentials{}, agentError(errors.New("its answer holds no credentials"), p.uri)
	}
	return c, nil
}

// environment is a pair of static keys.
func (i *Identity) environment(o Options) error {
	id, secret := o.Getenv("AWS_ACCESS_KEY_ID"), o.Getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return missing("the use of static keys", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
	}
	i.source = "environment, access key " + id
	i.provider = credentials.NewStaticCredentialsProvider(id, secret, o.Getenv("AWS_SESSION_TOKEN"))
	return nil
}

// chained assumes a role with the credentials of another source.
type chained struct {
	base                      aws.CredentialsProvider
	sts                       sts.Options
	role, externalID, session string
}

func (c *chained) Retrieve(ctx context.Context) (aws.Credentials, error) {
	base, err := c.base.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	o := c.sts
	o.Credentials = credentials.StaticCredentialsProvider{Value: base}
	got, err := stscreds.NewAssumeRoleProvider(whole{sts.New(o)}, c.role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = c.session
		o.Duration = time.Hour // the longest that AWS allows a chained role
		if c.externalID != "" {
			o.ExternalID = &c.externalID
		}
	}).Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, stsError(err, "AssumeRole", c.role, claims{})
	}
	return got, nil
}

// whole refuses answers of STS without credentials, which the SDK's providers would follow into a nil pointer.
type whole struct{ *sts.Client }

var errHollow = errors.New("its answer holds no credentials")

func hollow(c *types.Credentials) bool {
	return c == nil || c.AccessKeyId == nil || c.SecretAccessKey == nil || c.SessionToken == nil || c.Expiration == nil
}

func (w whole) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, opts ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	out, err := w.Client.AssumeRoleWithWebIdentity(ctx, in, opts...)
	if err == nil && hollow(out.Credentials) {
		return nil, errHollow
	}
	return out, err
}

func (w whole) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, opts ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	out, err := w.Client.AssumeRole(ctx, in, opts...)
	if err == nil && hollow(out.Credentials) {
		return nil, errHollow
	}
	return out, err
}

func (i *Identity) stsOptions(o Options) sts.Options {
	client := o.HTTPClient
	if client == nil {
		client = httpClient(http.ProxyFromEnvironment)
	}
	opts := sts.Options{Region: o.Region, Retryer: retryer(), HTTPClient: clock{client, i.Observe}}
	if o.STSEndpoint != "" {
		opts.BaseEndpoint = &o.STSEndpoint
	}
	return opts
}

// clock observes the Date of STS's answers: a node whose clock is wrong would hold fresh credentials for expired ones.
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
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 2, time.Second })
}

func httpClient(proxy func(*http.Request) (*url.URL, error)) *http.Client {
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			Proxy:               proxy,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			DisableKeepAlives:   true, // one call in many minutes
		},
	}
}

var notInSession = regexp.MustCompile(`[^\w+=,.@-]+`)

// sessionName tells CloudTrail which node a session is of. STS allows 64 characters.
func sessionName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return sanitize("opensearch-irsa-" + host)
}

func sanitize(session string) string {
	session = notInSession.ReplaceAllString(session, "-")
	return session[:min(len(session), 64)]
}
