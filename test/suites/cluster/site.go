package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
	"out_opensearch_irsa/test/suites/cluster/images"
	"out_opensearch_irsa/test/suites/cluster/node"
	"out_opensearch_irsa/test/suites/cluster/webhook"
)

// What the guide's examples say, so that its commands and files can be used as they are.
const (
	region       = "eu-west-1"
	account      = "123456789012"
	domainHost   = "search-logs-abc123.eu-west-1.es.amazonaws.com"
	domainARN    = "arn:aws:es:eu-west-1:123456789012:domain/logs"
	agentImage   = "registry.example/logging/fluent-bit:1.0.0"
	appImage     = "registry.example/sample-app:1.0.0"
	podImage     = node.SandboxImage
	namespace    = "logging"
	agentName    = "opensearch-irsa" // of DaemonSet, ServiceAccount and what belongs to them
	agentRole    = "fluent-bit"
	clusterARN   = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
	masterRole   = "opensearch-bootstrap"
	stsAddress   = "10.88.0.2"
	domainAddr   = "10.88.0.3"
	webhookPort  = "9443"
	podIDAddress = "169.254.170.23:80"
)

// site is a node of real parts with all that AWS has around it.
type site struct {
	root, cache string
	host        stack.FluentBitHost
	archives    string // folder of image archives

	ca         *localaws.CA
	node       *node.Node
	openSearch *stack.OpenSearch
	ended      chan struct{} // closed when OpenSearch may end with its thread
	iam        *localaws.IAM
	sts        *localaws.STS
	frontDoor  *localaws.FrontDoor
	podID      *localaws.PodIdentity

	stsServer, doorServer, hookServer, podIDServer, upstream *localaws.Server
	agentARN, masterARN                                      string
	associated                                               atomic.Bool // whether the agent has its role by Pod Identity
}

// unmet tells what this machine lacks, "" if nothing.
func unmet() string {
	if what := node.Unmet(); what != "" {
		return what
	}
	if what := stack.Unmet("OPENSEARCH_HOME", "STAND_IN_BASE"); what != "" {
		return what
	}
	return builder("", "").Unmet()
}

func builder(cache, root string) images.Builder {
	return images.Builder{Cache: filepath.Join(cache, "images"), Base: os.Getenv("STAND_IN_BASE"),
		Root: root}
}

// newSite prepares what needs no cluster: who the Fluent Bit is, the authority that everybody
// trusts, the storage.
func newSite(ctx context.Context) (*site, error) {
	s := &site{cache: filepath.Dir(os.Getenv("STAND_IN_BASE"))}
	s.archives = filepath.Join(s.cache, "archives")
	var err error
	if s.root, err = stack.ModuleRoot(); err != nil {
		return nil, err
	}
	if s.host, err = stack.FindFluentBit(ctx); err != nil {
		return nil, err
	}
	if s.ca, err = localaws.NewCA(); err != nil {
		return nil, err
	}
	for _, dir := range []string{s.archives, filepath.Join(s.cache, "images")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *site) archive(name string) string { return filepath.Join(s.archives, name+".tar") }

// buildImages builds all three.
func (s *site) buildImages(ctx context.Context) error {
	b := builder(s.cache, s.root)
	if err := b.Program(ctx, s.archive("pod"), podImage, "./test/suites/cluster/pod"); err != nil {
		return err
	}
	if err := b.Agent(ctx, s.archive("agent"), agentImage, s.host, s.ca.PEM()); err != nil {
		return err
	}
	return b.SampleApp(ctx, s.archive("sample-app"), appImage)
}

// start starts cluster, AWS and domain. The images have to be there.
func (s *site) start(ctx context.Context) error {
	failed := make(chan error, 1)
	s.ended = make(chan struct{})
	ended := s.ended
	go func() { // the slowest, and it needs nothing of the others
		// The kernel ends OpenSearch with the thread that starts it (Pdeathsig), and package node
		// ends threads: this one stays.
		runtime.LockOSThread()
		defer func() { <-ended }()
		var err error
		s.openSearch, err = stack.StartOpenSearch(ctx,
			stack.OpenSearchOptions{Home: os.Getenv("OPENSEARCH_HOME"), CA: s.ca})
		failed <- err
	}()
	err := s.startNode(ctx)
	if err = errors.Join(err, <-failed); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.startIAM, s.startDomain, s.startWebhook} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) startNode(ctx context.Context) error {
	var err error
	s.node, err = node.Start(ctx, node.Options{
		Kubernetes: os.Getenv("KUBERNETES_BIN"), CoreDNS: os.Getenv("COREDNS_BIN"), CA: s.ca,
		Sandbox: s.archive("pod"),
		Hosts: map[string]string{domainHost: domainAddr, "sts." + region +
			".amazonaws.com": stsAddress},
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"agent", "sample-app"} {
		if err := s.node.ImportImage(ctx, s.archive(name)); err != nil {
			return err
		}
	}
	return nil
}

// startIAM makes the account with the cluster's identity provider, the roles of deploy/iam, STS and
// Pod Identity's agent.
func (s *site) startIAM(context.Context) error {
	s.iam = localaws.NewIAM(account)
	provider := s.iam.AddIdentityProvider(node.Issuer, localaws.STSAudience)
	values := map[string]string{
		"IDENTITY_PROVIDER_ARN": provider, "IDENTITY_PROVIDER": localaws.IdentityProvider(node.Issuer), "OPENSEARCH_ARN": domainARN,
		"NAMESPACE": namespace,
	}
	for name, policy := range map[string]string{agentRole: "policy-least-privilege.json",
		masterRole: "policy.json"} {
		values["SERVICE_ACCOUNT"] = agentName
		if name == masterRole {
			values["SERVICE_ACCOUNT"] = agentName + "-bootstrap"
		}
		trust, err := s.iamFile("trust-policy.json", values)
		if err != nil {
			return err
		}
		permitted, err := s.iamFile(policy, values)
		if err != nil {
			return err
		}
		if _, err := s.iam.PutRole(name, trust, permitted); err != nil {
			return err
		}
	}
	s.agentARN, s.masterARN = "arn:aws:iam::"+account+":role/"+agentRole,
		"arn:aws:iam::"+account+":role/"+masterRole
	s.sts = localaws.NewSTS(s.iam)
	s.sts.FetchIssuersBy(&http.Transport{DialContext: s.node.Dial,
		TLSClientConfig: &tls.Config{RootCAs: s.ca.Pool(), MinVersion: tls.VersionTLS12}})
	s.podID = localaws.NewPodIdentity(s.sts)
	var err error
	if s.stsServer, err = s.serve(stsAddress+":443", s.sts,
		"sts."+region+".amazonaws.com"); err != nil {
		return err
	}
	s.podIDServer, err = localaws.ServeOn(podIDAddress,
		func() (net.Listener, error) { return s.node.Listen(podIDAddress) }, s.podID, nil)
	return err
}

func (s *site) iamFile(name string, values map[string]string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(s.root, "deploy", "iam", name))
	if err != nil {
		return nil, err
	}
	used := map[string]string{}
	for name, value := range values {
		if strings.Contains(string(text), "${"+name+"}") {
			used[name] = value
		}
	}
	return localaws.Fill(text, used)
}

// serve serves on an address of the node's network, under a name.
func (s *site) serve(address string, handler http.Handler, name string) (*localaws.Server, error) {
	config, err := s.ca.ServerTLS(name, node.Address)
	if err != nil {
		return nil, err
	}
	return localaws.ServeOn(address, func() (net.Listener, error) { return s.node.Listen(address) },
		handler, config)
}

// startDomain puts the front door before OpenSearch, with what a domain has besides: lifecycle
// policies and Dashboards.
func (s *site) startDomain(ctx context.Context) error {
	behind, err := url.Parse(s.openSearch.URL)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(localaws.ISMPath, &localaws.ISM{Indexes: func(r *http.Request,
		pattern string) ([]string, error) {
		return s.indices(r.Context(), pattern)
	}})
	mux.Handle("/_dashboards/", http.StripPrefix("/_dashboards", &localaws.Dashboards{}))
	mux.Handle("/", &httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca.Pool(),
			MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 32, DisableCompression: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] // the front door's
		},
	})
	if s.upstream, err = localaws.Serve(mux, nil); err != nil {
		return err
	}
	inner, err := url.Parse(s.upstream.URL())
	if err != nil {
		return err
	}
	s.frontDoor = localaws.NewFrontDoor(localaws.FrontDoorOptions{IAM: s.iam, Region: region,
		DomainARN: domainARN, Upstream: inner})
	if s.doorServer, err = s.serve(domainAddr+":443", s.frontDoor, domainHost); err != nil {
		return err
	}
	// A new domain's master user, by its ARN; who else may do what, the guide's last step says.
	_, err = s.do(ctx, "PUT", "/_plugins/_security/api/rolesmapping/all_access",
		fmt.Sprintf(`{"backend_roles":["admin",%q]}`, s.masterARN))
	return err
}

// startWebhook starts EKS's pod identity webhook, or what stands in for it, and has the API server
// ask it about pods.
func (s *site) startWebhook(ctx context.Context) error {
	config, err := json.Marshal(map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": map[string]any{"name": "pod-identity-webhook"},
		"webhooks": []map[string]any{{
			"name": "iam-for-pods.amazonaws.com", "failurePolicy": "Ignore", "sideEffects": "None", "admissionReviewVersions": []string{"v1"},
			"timeoutSeconds": 5,
			"clientConfig":   map[string]any{"url": "https://" + node.Address + ":" + webhookPort + "/mutate", "caBundle": s.ca.PEM()},
			"rules":          []map[string]any{{"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "operations": []string{"CREATE"}, "resources": []string{"pods"}}},
		}},
	})
	if err != nil {
		return err
	}
	if program := os.Getenv("POD_IDENTITY_WEBHOOK"); program != "" {
		if err := s.realWebhook(program); err != nil {
			return err
		}
	} else {
		client, err := s.node.Client()
		if err != nil {
			return err
		}
		hook := &webhook.Webhook{Region: region, Associated: s.isAssociated,
			Account: func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount,
				error) {
				return serviceAccount(ctx, client, namespace, name)
			}}
		if s.hookServer, err = s.serve(node.Address+":"+webhookPort, hook,
			"pod-identity-webhook"); err != nil {
			return err
		}
	}
	_, err = s.node.Kubectl(ctx, string(config), "apply", "-f", "-")
	return err
}

func serviceAccount(ctx context.Context, client *http.Client, namespace,
	name string) (*corev1.ServiceAccount, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		node.Issuer+"/api/v1/namespaces/"+namespace+"/serviceaccounts/"+name, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("cannot look up service account %s/%s: %s", namespace, name,
			response.Status)
	}
	var found corev1.ServiceAccount
	return &found, json.NewDecoder(response.Body).Decode(&found)
}

// associate gives the agent's service account its role by Pod Identity, until dissociate.
func (s *site) associate() error {
	values := map[string]string{"OPENSEARCH_ARN": domainARN, "NAMESPACE": namespace,
		"SERVICE_ACCOUNT": agentName,
		"CLUSTER_ARN":     clusterARN, "CLUSTER_NAME": "shop", "ACCOUNT_ID": account, "REGION": region}
	trust, err := s.iamFile("trust-policy-pod-identity.json", values)
	if err != nil {
		return err
	}
	permitted, err := s.iamFile("policy-least-privilege.json", values)
	if err != nil {
		return err
	}
	role, err := s.iam.PutRole(agentRole+"-by-association", trust, permitted)
	if err != nil {
		return err
	}
	s.podID.InCluster(clusterARN)
	s.podID.Associate(namespace, agentName, role)
	s.associated.Store(true)
	return s.openSearch.MapWriter(context.Background(), s.agentARN, role)
}

func (s *site) dissociate() { s.associated.Store(false) }

func (s *site) isAssociated(in, name string) bool {
	return s.associated.Load() && in == namespace && name == agentName
}

// realWebhook runs EKS's own webhook, which this repository has nothing of.
func (s *site) realWebhook(program string) error {
	certificate, key, err := s.ca.Issue("pod-identity-webhook", node.Address)
	if err != nil {
		return err
	}
	pair := []string{filepath.Join(node.Dir(), "webhook.crt"),
		filepath.Join(node.Dir(), "webhook.key")}
	if err := errors.Join(os.WriteFile(pair[0], certificate, 0o600),
		os.WriteFile(pair[1], key, 0o600)); err != nil {
		return err
	}
	return s.node.Run("pod-identity-webhook", program, "--in-cluster=false",
		"--kubeconfig="+filepath.Join(node.Dir(), "admin.conf"),
		"--port="+webhookPort, "--tls-cert="+pair[0], "--tls-key="+pair[1], "--aws-default-region="+region, "--sts-regional-endpoint=true")
}

// do asks OpenSearch as its admin and wants a success.
func (s *site) do(ctx context.Context, method, path, body string) ([]byte, error) {
	status, answer, err := s.openSearch.Do(ctx, method, path, body)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("%s %s: OpenSearch answers %d: %.500s", method, path, status, answer)
	}
	return answer, err
}

// indices names those that match a pattern.
func (s *site) indices(ctx context.Context, pattern string) ([]string, error) {
	answer, err := s.do(ctx, "GET",
		"/_cat/indices/"+pattern+"?format=json&h=index&expand_wildcards=all", "")
	if err != nil {
		return nil, err
	}
	var list []struct{ Index string }
	err = json.Unmarshal(answer, &list)
	var names []string
	for _, l := range list {
		names = append(names, l.Index)
	}
	return names, err
}

// close ends everything.
func (s *site) close() error {
	var failed error
	if s.node != nil {
		failed = s.node.Close()
	}
	for _, server := range []*localaws.Server{s.doorServer, s.stsServer, s.podIDServer,
		s.hookServer, s.upstream} {
		if server != nil {
			failed = errors.Join(failed, server.Close())
		}
	}
	if s.openSearch != nil {
		failed = errors.Join(failed, s.openSearch.Close())
		close(s.ended)
	}
	return failed
}

// startTime is how long the start of everything may take.
const startTime = 4 * time.Minute
