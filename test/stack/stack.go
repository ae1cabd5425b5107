package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"out_opensearch_irsa/test/localaws"
)

// Options describes a stack. OpenSearchHome is required; the zero value of any other field takes the default in its comment.
type Options struct {
	OpenSearchHome string            // where install-opensearch.sh put the distribution
	Heap           string            // 1g
	Optimize       bool              // let the JVM compile for speed, as a benchmark wants; else it starts with half the CPU time
	Settings       map[string]string // more lines of opensearch.yml
	Region         string            // eu-central-1
	Index          string            // eks-log; the writer reaches whatever begins so
	PolicyFile     string            // deploy/iam/policy.json
	TrustFile      string            // deploy/iam/trust-policy.json
	Unmapped       bool              // leave the role without a mapping, as a domain is at first
	MaxRequestSize int64             // bytes; 10 MiB
	KubeRules      []Rule            // what the agent may ask the API server for; get pods and namespaces
	Log            io.Writer         // gets the server's log; nobody
}

const (
	account        = "123456789012"
	domain         = "logs"
	roleName       = "fluent-bit"
	namespace      = "logging"
	serviceAccount = "fluent-bit"
)

// Stack is the world of one pod: what it needs to get credentials, and a domain to send to.
type Stack struct {
	CA         *localaws.CA
	OpenSearch *OpenSearch
	Issuer     *localaws.Issuer
	IAM        *localaws.IAM
	STS        *localaws.STS
	FrontDoor  *localaws.FrontDoor
	Kube       *KubeAPI

	IssuerServer *localaws.Server // each can be taken down and up
	STSServer    *localaws.Server
	DoorServer   *localaws.Server

	RoleARN   string
	DomainARN string
	TokenFile string // what AWS_WEB_IDENTITY_TOKEN_FILE names
	CAFile    string // the CA, for SSL_CERT_FILE and TLS_CA_File

	options Options
	dir     string
}

// New starts everything and returns once it is ready. The context bounds the start only; Close ends it all.
func New(ctx context.Context, o Options) (*Stack, error) {
	o, err := withDefaults(o)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "stack-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a directory for the stack: %w", err)
	}
	s := &Stack{
		options: o, dir: dir,
		DomainARN: "arn:aws:es:" + o.Region + ":" + account + ":domain/" + domain,
		TokenFile: filepath.Join(dir, "token"),
		CAFile:    filepath.Join(dir, "ca.pem"),
	}
	for _, step := range []func(context.Context) error{s.startIssuer, s.startSTS, s.startOpenSearch, s.startFrontDoor, s.startKube} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func withDefaults(o Options) (Options, error) {
	root, err := ModuleRoot()
	if err != nil && (o.PolicyFile == "" || o.TrustFile == "") {
		return o, err
	}
	for _, field := range []struct {
		value *string
		or    string
	}{
		{&o.Region, "eu-central-1"}, {&o.Index, "eks-log"},
		{&o.PolicyFile, filepath.Join(root, "deploy", "iam", "policy.json")},
		{&o.TrustFile, filepath.Join(root, "deploy", "iam", "trust-policy.json")},
	} {
		if *field.value == "" {
			*field.value = field.or
		}
	}
	return o, nil
}

func (s *Stack) startIssuer(context.Context) error {
	// The issuer's URL is its identity, and is known only once the server listens.
	var err error
	late := new(lateHandler)
	if s.IssuerServer, err = localaws.Serve(late, nil); err != nil {
		return err
	}
	if s.Issuer, err = localaws.NewIssuer(s.IssuerServer.URL()); err != nil {
		return err
	}
	late.set(s.Issuer)
	return s.RenewToken(0)
}

func (s *Stack) startSTS(context.Context) error {
	s.IAM = localaws.NewIAM(account)
	provider := s.IAM.AddIdentityProvider(s.Issuer.URL(), localaws.STSAudience)
	trust, err := fillFile(s.options.TrustFile, map[string]string{
		"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": provider, "IDENTITY_PROVIDER": localaws.IdentityProvider(s.Issuer.URL()),
	})
	if err != nil {
		return err
	}
	policy, err := fillFile(s.options.PolicyFile, map[string]string{"OPENSEARCH_ARN": s.DomainARN})
	if err != nil {
		return err
	}
	if s.RoleARN, err = s.IAM.PutRole(roleName, trust, policy); err != nil {
		return err
	}
	s.STS = localaws.NewSTS(s.IAM)
	s.STSServer, err = localaws.Serve(s.STS, nil)
	return err
}

func (s *Stack) startOpenSearch(ctx context.Context) error {
	var err error
	if s.CA, err = localaws.NewCA(); err != nil {
		return err
	}
	if err := os.WriteFile(s.CAFile, s.CA.PEM(), 0o600); err != nil {
		return fmt.Errorf("cannot write the CA: %w", err)
	}
	o := OpenSearchOptions{
		Home: s.options.OpenSearchHome, CA: s.CA, Heap: s.options.Heap, Optimize: s.options.Optimize, Settings: s.options.Settings, Log: s.options.Log,
		IndexPatterns: []string{s.options.Index + "*"},
	}
	if !s.options.Unmapped {
		o.WriterRoleARNs = []string{s.RoleARN}
	}
	s.OpenSearch, err = StartOpenSearch(ctx, o)
	return err
}

func (s *Stack) startFrontDoor(context.Context) error {
	upstream, err := url.Parse(s.OpenSearch.URL)
	if err != nil {
		return fmt.Errorf("cannot read OpenSearch's URL: %w", err)
	}
	s.FrontDoor = localaws.NewFrontDoor(localaws.FrontDoorOptions{
		IAM: s.IAM, Region: s.options.Region, DomainARN: s.DomainARN,
		Upstream: upstream, UpstreamCA: s.CA.Pool(), MaxRequestSize: s.options.MaxRequestSize,
	})
	tlsConfig, err := s.CA.ServerTLS()
	if err != nil {
		return err
	}
	s.DoorServer, err = localaws.Serve(s.FrontDoor, tlsConfig)
	return err
}

func (s *Stack) startKube(context.Context) error {
	files := filepath.Join(s.dir, "serviceaccount")
	if err := os.Mkdir(files, 0o700); err != nil {
		return fmt.Errorf("cannot make a folder for the service account's files: %w", err)
	}
	rules := s.options.KubeRules
	if rules == nil {
		rules = []Rule{{Verbs: []string{"get"}, Resources: []string{"pods", "namespaces"}}}
	}
	var err error
	s.Kube, err = StartKubeAPI(s.CA, files, rules...)
	return err
}

// Endpoint is where the plugin sends to: https://127.0.0.1:PORT.
func (s *Stack) Endpoint() string { return s.DoorServer.URL() }

// Env is the environment of a pod with IRSA, as NAME=value, and with where this domain, this STS and this API server are.
func (s *Stack) Env() []string {
	return append(s.Kube.Env(),
		"AWS_ROLE_ARN="+s.RoleARN,
		"AWS_WEB_IDENTITY_TOKEN_FILE="+s.TokenFile,
		"AWS_STS_REGIONAL_ENDPOINTS=regional",
		"AWS_REGION="+s.options.Region,
		"AWS_DEFAULT_REGION="+s.options.Region,
		"AWS_ENDPOINT_URL_STS="+s.STSServer.URL(),
		"OPENSEARCH_ENDPOINT="+s.Endpoint(),
		"INDEX_NAME="+s.options.Index,
		"SSL_CERT_FILE="+s.CAFile,
		"FLUENT_BIT_HTTP_LISTEN=127.0.0.1", "FLUENT_BIT_METRICS_PORT=0", // a free one
	)
}

// RenewToken replaces the projected token by a new one, at once and whole, as the kubelet does. Zero asks for a day; a negative
// lifetime makes a token that is expired already.
func (s *Stack) RenewToken(lifetime time.Duration) error {
	token, err := s.Issuer.Mint(localaws.ServiceAccountToken{Namespace: namespace, ServiceAccount: serviceAccount, Lifetime: lifetime})
	if err != nil {
		return err
	}
	return s.WriteToken(token)
}

// WriteToken replaces the projected token by any text.
func (s *Stack) WriteToken(token string) error {
	if err := os.WriteFile(s.TokenFile+".new", []byte(token), 0o600); err != nil {
		return fmt.Errorf("cannot write the token: %w", err)
	}
	if err := os.Rename(s.TokenFile+".new", s.TokenFile); err != nil {
		return fmt.Errorf("cannot replace the token: %w", err)
	}
	return nil
}

// Close ends every part and removes every file. It may be called on a stack that did not start whole.
func (s *Stack) Close() error {
	var failed error
	for _, server := range []*localaws.Server{s.DoorServer, s.STSServer, s.IssuerServer} {
		if server != nil {
			failed = errors.Join(failed, server.Close())
		}
	}
	if s.Kube != nil {
		failed = errors.Join(failed, s.Kube.Close())
	}
	if s.OpenSearch != nil {
		failed = errors.Join(failed, s.OpenSearch.Close())
	}
	return errors.Join(failed, os.RemoveAll(s.dir))
}

func fillFile(path string, values map[string]string) ([]byte, error) {
	template, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the policy: %w", err)
	}
	document, err := localaws.Fill(template, values)
	if err != nil {
		return nil, fmt.Errorf("cannot use %q: %w", path, err)
	}
	return document, nil
}
