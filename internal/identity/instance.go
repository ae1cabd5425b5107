package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// instance is the node's role, from the metadata service of EC2. Only its second version is spoken,
// which every node has: the first gives credentials to whoever can make a program send a GET.
func (f *finder) instance() (source, error) {
	if isTrue(f.Getenv("AWS_EC2_METADATA_DISABLED")) {
		return source{}, &Error{Kind: NoCredentials, Remedy: noRole,
			Summary: "AWS_Credentials default found nothing: AWS_EC2_METADATA_DISABLED turns the " +
				"node's role off, and there is no other source"}
	}
	base := strings.TrimRight(cmp.Or(f.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
		"http://169.254.169.254"), "/")
	if !keepsToken(base) && base != "http://[fd00:ec2::254]" {
		return source{}, &Error{Kind: BadOption,
			Summary: fmt.Sprintf("cannot use AWS_EC2_METADATA_SERVICE_ENDPOINT %q", base),
			Remedy:  "leave it out, or write http://169.254.169.254 or http://[fd00:ec2::254]"}
	}
	client := f.HTTPClient
	if client == nil {
		client = httpClient(nil, nil) // link-local: no proxy
	}
	return source{name: "the node's role (EC2 metadata)",
		provider: &instance{base: base, client: client}}, nil
}

type instance struct {
	base   string
	client *http.Client
}

const instanceCredentials = "/latest/meta-data/iam/security-credentials/"

var roleName = regexp.MustCompile(`^[\w+=,.@-]+$`)

func (n *instance) Retrieve(ctx context.Context) (aws.Credentials, error) {
	token, err := n.ask(ctx, http.MethodPut, "/latest/api/token",
		"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
	if err != nil {
		return aws.Credentials{}, n.failed(err)
	}
	role, err := n.ask(ctx, http.MethodGet, instanceCredentials, tokenHeader, token)
	if err == nil && !roleName.MatchString(role) {
		err = errors.New("the node has no role")
	}
	if err != nil {
		return aws.Credentials{}, n.failed(err)
	}
	c, err := fetch(ctx, n.base+instanceCredentials+url.PathEscape(role), "",
		withHeader{n.client, token})
	if err != nil {
		return aws.Credentials{}, n.failed(err)
	}
	return c, nil
}

const tokenHeader = "X-Aws-Ec2-Metadata-Token"

// withHeader gives each request the metadata service's token.
type withHeader struct {
	*http.Client
	token string
}

func (w withHeader) Do(req *http.Request) (*http.Response, error) {
	req.Header.Set(tokenHeader, w.token)
	return w.Client.Do(req) // #nosec G704 -- the metadata service's address was checked
}

func (n *instance) ask(ctx context.Context, method, path, header, value string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, n.base+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set(header, value)
	res, err := n.client.Do(req) // #nosec G704 -- the same
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return strings.TrimSpace(string(text)), nil
}

func (n *instance) failed(err error) *Error {
	e := &Error{Kind: Unknown, Err: err,
		Summary: "the EC2 metadata service at " + n.base + " gave no credentials",
		Remedy: "give the node an instance profile; or rather give the pod a role of its own " +
			"(IRSA or EKS Pod Identity)"}
	return unreachable(e, err, "the metadata service",
		"a pod reaches it only if the node's HttpPutResponseHopLimit is 2 or more and no network "+
			"policy forbids 169.254.169.254; better give the pod a role of its own (IRSA or EKS "+
			"Pod Identity)")
}
