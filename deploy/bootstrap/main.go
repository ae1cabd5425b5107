// Command bootstrap puts onto a domain what it needs besides logs: index templates, a lifecycle policy, the writer's role and
// its mapping, and a dashboard. It may run as often as one likes: what is there already is left as it is. It signs as the plugin
// does, and gives nobody all_access.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
)

const usage = `usage: opensearch-irsa-bootstrap [flags] [-o Option=value]...

Puts index templates, a lifecycle policy, the writer's role with its mapping, and a dashboard onto the domain that
OPENSEARCH_ENDPOINT names. Run it as the domain's master user: as an IAM role, with the credentials that the plugin would find
(AWS_ACCESS_KEY_ID and so on, or a pod's role), or with OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD. A second run changes
nothing.

  -index NAME      what INDEX_NAME says where Fluent Bit runs (default $INDEX_NAME, else eks-log)
  -role-arn ARN    the IAM role of Fluent Bit's pods, which becomes a writer (default $FLUENT_BIT_ROLE_ARN)
  -role NAME       the security role that it is mapped to (default NAME-writer)
  -no-role         leave role and mapping to somebody else, such as Terraform
  -shards N        primary shards of each index (default 1)
  -replicas N      copies of each shard (default 1; a domain of one node wants 0)
  -retention TIME  how old an index gets, such as 30d or 36h (default 30d)
  -warm            move indexes to UltraWarm after a week; the domain must have warm nodes
  -data-stream     for a data stream NAME instead of an index for each day
  -dashboards URL  where Dashboards is (default the endpoint with /_dashboards)
  -no-dashboards   leave Dashboards alone
  -dry-run         say what would be done, and change nothing
  -o Name=value    an option of the [OUTPUT] section, such as -o TLS_CA_File=ca.pem

Exit status: 0 everything is there; 1 something could not be put; 2 it could not begin.
`

func main() {
	given := config.Given{}
	w := defaults(os.Getenv)
	flag.StringVar(&w.index, "index", w.index, "")
	flag.StringVar(&w.roleARN, "role-arn", w.roleARN, "")
	flag.StringVar(&w.role, "role", w.role, "")
	flag.BoolVar(&w.noRole, "no-role", false, "")
	flag.IntVar(&w.shards, "shards", w.shards, "")
	flag.IntVar(&w.replicas, "replicas", w.replicas, "")
	flag.StringVar(&w.retention, "retention", w.retention, "")
	flag.BoolVar(&w.warm, "warm", false, "")
	flag.BoolVar(&w.dataStream, "data-stream", false, "")
	dashboards := flag.String("dashboards", "", "")
	noDashboards := flag.Bool("no-dashboards", false, "")
	dryRun := flag.Bool("dry-run", false, "")
	flag.Var(given, "o", "")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if flag.NArg() > 0 {
		fail(fmt.Errorf("cannot use %q: what to put is said by flags alone", flag.Arg(0)))
	}
	w.role = cmp.Or(w.role, w.index+"-writer")
	if err := w.check(); err != nil {
		fail(err)
	}
	cfg, err := load(given, os.Getenv)
	if err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, cfg, w, *dashboards, *noDashboards, *dryRun)
	if err != nil {
		fail(err)
	}
	if !ok {
		os.Exit(1)
	}
}

// load is the plugin's own configuration, with a user of the domain from the environment if there is one.
func load(given config.Given, getenv func(string) string) (*config.Config, error) {
	if user := getenv("OPENSEARCH_USERNAME"); user != "" {
		for name, value := range map[string]string{"http_user": user, "http_passwd": getenv("OPENSEARCH_PASSWORD"), "aws_auth": "Off"} {
			if _, set := given[name]; !set {
				given[name] = value
			}
		}
	}
	cfg, err := config.Load(given.Get, getenv)
	if err == nil && cfg.AWSAuth && cfg.AWSService == "aoss" {
		return nil, fmt.Errorf("cannot bootstrap %q: a Serverless collection has neither roles nor lifecycle policies of this kind; "+
			"its data access policy says who may write, and its own lifecycle policy when data goes", cfg.Endpoint.Host)
	}
	return cfg, err
}

// run does it all. ok says that everything is there, or would be.
func run(ctx context.Context, cfg *config.Config, w wanted, dashboardsURL string, noDashboards, dryRun bool) (ok bool, err error) {
	client, id, err := connect.Dial(cfg)
	if err != nil {
		return false, err
	}
	defer client.Close()
	if id != nil {
		defer id.Close()
	}
	d := &domain{ask: client.DoWith, dryRun: dryRun, out: os.Stdout}
	if err := d.greet(ctx, cfg.Endpoint.String()); err != nil {
		return false, err
	}
	if err := d.putAll(ctx, w); err != nil {
		return false, err
	}
	if noDashboards {
		return d.ok(), nil
	}
	other := *cfg
	other.Endpoint, other.Path = cfg.Endpoint, cfg.Path+"/_dashboards"
	if dashboardsURL != "" {
		u, err := url.Parse(dashboardsURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return false, fmt.Errorf("cannot use -dashboards %q: write a URL, such as https://dashboards.example.com", dashboardsURL)
		}
		other.Endpoint, other.Path = &url.URL{Scheme: u.Scheme, Host: u.Host}, strings.TrimRight(u.Path, "/")
	}
	board, boardID, err := connect.Dial(&other)
	if err != nil {
		return false, err
	}
	defer board.Close()
	if boardID != nil {
		defer boardID.Close()
	}
	objects, err := w.savedObjects()
	if err != nil {
		return false, err
	}
	d.report("saved objects", (&dashboards{ask: board.DoWith, url: other.Endpoint.String() + other.Path, dryRun: dryRun}).put(ctx, objects))
	return d.ok(), nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "opensearch-irsa-bootstrap:", err)
	os.Exit(2)
}
