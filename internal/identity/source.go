package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// noRole is the remedy for a pod without credentials.
const noRole = "annotate the pod's service account with eks.amazonaws.com/role-arn (IRSA) or " +
	"make an EKS Pod Identity association for it, " +
	"and delete the pod: the variables are set when a pod is created, so one that is older than " +
	"the annotation, or was created while the webhook was unreachable, has none, however " +
	"often its container restarts"

// source is where credentials come from.
type source struct {
	name      string // for the line at start-up
	role      string // ARN of the role that they are of; "" where only AWS knows it
	provider  aws.CredentialsProvider
	tokenFile string // a new one makes another attempt worth while; "" if there is none
	fixed     bool   // there is one pair of keys, and never another
}

// finder finds a source.
type finder struct {
	Options
	observe func(serverDate time.Time) // is told STS's clock
}

// find gives the source that AWS_Credentials asks for, with AWS_Role_ARN assumed from it.
func (f *finder) find() (source, error) {
	if f.STSEndpoint == "" {
		f.STSEndpoint = f.Getenv("AWS_ENDPOINT_URL_STS")
	}
	if u, err := url.Parse(f.STSEndpoint); f.STSEndpoint != "" &&
		(err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return source{}, &Error{Kind: BadOption,
			Summary: fmt.Sprintf("cannot use %q as address of STS", f.STSEndpoint),
			Remedy: "write AWS_STS_Endpoint (or AWS_ENDPOINT_URL_STS) as a URL, such as " +
				"https://sts.eu-west-1.amazonaws.com"}
	}
	base, err := f.base()
	if err != nil || f.RoleARN == "" || f.RoleARN == base.role { // a role seldom may assume itself, and need not
		return base, err
	}
	return f.chained(base, f.RoleARN, f.ExternalID, ""), nil
}

func (f *finder) base() (source, error) {
	switch f.Credentials {
	case "", "auto":
		return f.auto()
	case "web_identity":
		return f.webIdentity()
	case "pod_identity":
		return f.podIdentity()
	case "environment":
		return f.environment()
	case "profile":
		return f.profile()
	case "default":
		return f.chain()
	}
	return source{}, &Error{Kind: BadOption,
		Summary: fmt.Sprintf("cannot use AWS_Credentials %q", f.Credentials),
		Remedy:  "write auto, web_identity, pod_identity, environment, profile or default"}
}

// auto takes the pod's own role in whichever way it is given, else what an operator named on
// purpose.
func (f *finder) auto() (source, error) {
	switch {
	case f.hasWebIdentity():
		return f.webIdentity()
	case f.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
		return f.podIdentity()
	case f.Getenv("AWS_ACCESS_KEY_ID") != "":
		return f.environment()
	case f.profileName() != "":
		return f.profile()
	}
	return source{}, &Error{Kind: NoCredentials, Remedy: noRole,
		Summary: "the pod has no AWS credentials: neither AWS_ROLE_ARN with " +
			"AWS_WEB_IDENTITY_TOKEN_FILE, nor AWS_CONTAINER_CREDENTIALS_FULL_URI, nor " +
			"AWS_ACCESS_KEY_ID, nor AWS_Profile is set (the node's role is used only with " +
			"AWS_Credentials default)"}
}

// chain is the order of AWS's SDKs (resolveCredentialChain in aws-sdk-go-v2/config), to the node's
// role at its end.
func (f *finder) chain() (source, error) {
	switch {
	case f.Profile != "":
		return f.profile()
	case f.Getenv("AWS_ACCESS_KEY_ID") != "":
		return f.environment()
	case f.hasWebIdentity():
		return f.webIdentity()
	case f.profileName() != "" || f.hasProfile("default"):
		return f.profile()
	case f.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" || f.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "":
		return f.container()
	}
	return f.instance()
}

// missing is the error for an environment variable that a source needs.
func missing(what string, names ...string) *Error {
	return &Error{Kind: NoCredentials,
		Summary: fmt.Sprintf("%s needs %s in the environment", what, strings.Join(names, " and ")),
		Remedy:  noRole}
}

func (f *finder) hasWebIdentity() bool {
	return f.Getenv("AWS_ROLE_ARN") != "" && f.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != ""
}

// webIdentity is IRSA: the service account's token, exchanged by STS for the credentials of its
// role.
func (f *finder) webIdentity() (source, error) {
	if !f.hasWebIdentity() {
		return source{}, missing("AWS_Credentials web_identity", "AWS_ROLE_ARN",
			"AWS_WEB_IDENTITY_TOKEN_FILE")
	}
	role := f.Getenv("AWS_ROLE_ARN")
	return f.assumedByToken("web identity (IRSA) role "+role, role,
		f.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), ""), nil
}

// assumedByToken is a role that STS gives for a token. session is the session's name; "" for the
// pod's and node's.
func (f *finder) assumedByToken(name, role, file, session string) source {
	return source{name: name, role: role, tokenFile: file,
		provider: &webIdentity{client: sts.New(f.stsOptions()), role: role, file: file,
			session: session, getenv: f.Getenv}}
}

type webIdentity struct {
	client              *sts.Client
	role, file, session string
	getenv              func(string) string
}

func (w *webIdentity) Retrieve(ctx context.Context) (aws.Credentials, error) {
	token, err := readToken(w.file, "eks.amazonaws.com/role-arn")
	if err != nil {
		return aws.Credentials{}, err
	}
	said := readClaims(token)
	p := stscreds.NewWebIdentityRoleProvider(checkedSTS{w.client}, w.role, identityToken(token),
		func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName = sessionName(w.session, said,
				w.getenv)
		})
	c, err := p.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, stsError(err, "AssumeRoleWithWebIdentity", w.role, said)
	}
	return c, nil
}

// identityToken gives the SDK a token that has been read already.
type identityToken string

func (t identityToken) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// podIdentity is EKS Pod Identity: the node's agent gives out the credentials for the pod's token.
func (f *finder) podIdentity() (source, error) {
	uri, file := f.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
		f.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	if uri == "" || file == "" {
		return source{}, missing("EKS Pod Identity", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
	}
	return f.agent("EKS Pod Identity (the role of the pod's association)", uri, file)
}

// container is what podIdentity is, and its forerunner on ECS, where the address may be relative
// and a token be in the environment.
func (f *finder) container() (source, error) {
	uri := f.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative := f.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		uri = "http://169.254.170.2" + relative
	}
	return f.agent("the container's role, from "+uri, uri,
		f.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
}

func (f *finder) agent(name, uri, file string) (source, error) {
	if !keepsToken(uri) {
		return source{}, &Error{Kind: BadOption,
			Summary: fmt.Sprintf("cannot use AWS_CONTAINER_CREDENTIALS_FULL_URI %q: the pod's "+
				"token must not travel in clear text", uri),
			Remedy: "let EKS set it (http://169.254.170.23/v1/credentials), or " +
				"write an https:// address"}
	}
	client := f.HTTPClient
	if client == nil {
		client = httpClient(nil, f.RootCAs) // link-local: no proxy
	}
	return source{name: name, tokenFile: file,
		provider: &podIdentity{uri: uri, file: file,
			token: f.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"), client: client}}, nil
}

// keepsToken tells whether a token may be sent to an address: by TLS, or to this machine and the
// agents on the node.
func keepsToken(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	near := err == nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast() ||
		ip == netip.MustParseAddr("fd00:ec2::23"))
	return u.Scheme == "https" || u.Scheme == "http" && (near || u.Hostname() == "localhost")
}

type podIdentity struct {
	uri, file string
	token     string // stands in for a file
	client    endpointcreds.HTTPClient
}

func (p *podIdentity) Retrieve(ctx context.Context) (aws.Credentials, error) {
	token := p.token
	if p.file != "" {
		var err error
		if token, err = readToken(p.file, "an EKS Pod Identity association"); err != nil {
			return aws.Credentials{}, err
		}
	}
	c, err := fetch(ctx, p.uri, token, p.client)
	if err != nil {
		return aws.Credentials{}, agentError(err, p.uri)
	}
	return c, nil
}

// fetch gets credentials from an address that has them as JSON.
func fetch(ctx context.Context, uri, token string,
	client endpointcreds.HTTPClient) (aws.Credentials, error) {
	c, err := endpointcreds.New(uri, func(o *endpointcreds.Options) {
		o.HTTPClient, o.AuthorizationToken, o.Retryer = client, token, retryer()
	}).Retrieve(ctx)
	if err == nil && (c.AccessKeyID == "" || c.SecretAccessKey == "") {
		err = errors.New("its answer holds no credentials")
	}
	return c, err
}

// environment is a pair of static keys.
func (f *finder) environment() (source, error) {
	id, secret := f.Getenv("AWS_ACCESS_KEY_ID"), f.Getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return source{}, missing("the use of static keys", "AWS_ACCESS_KEY_ID",
			"AWS_SECRET_ACCESS_KEY")
	}
	return source{name: "environment, access key " + id, fixed: true,
		provider: credentials.NewStaticCredentialsProvider(id, secret,
			f.Getenv("AWS_SESSION_TOKEN"))}, nil
}

// chained is a role that is assumed with the credentials of another source.
func (f *finder) chained(base source, role, externalID, session string) source {
	return source{name: base.name + ", then role " + role, role: role, tokenFile: base.tokenFile,
		provider: &chained{base: base, sts: f.stsOptions(), role: role, externalID: externalID,
			session: session, getenv: f.Getenv}}
}

type chained struct {
	base                      source
	sts                       sts.Options
	role, externalID, session string
	getenv                    func(string) string
}

func (c *chained) Retrieve(ctx context.Context) (aws.Credentials, error) {
	base, err := c.base.provider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	token := ""
	if c.base.tokenFile != "" {
		token, _ = readToken(c.base.tokenFile, "") // for the session's name alone
	}
	o := c.sts
	o.Credentials = credentials.StaticCredentialsProvider{Value: base}
	got, err := stscreds.NewAssumeRoleProvider(checkedSTS{sts.New(o)}, c.role,
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = sessionName(c.session, readClaims(token), c.getenv)
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
