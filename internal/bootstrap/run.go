// Package bootstrap puts onto a domain what it needs besides logs: index templates, a lifecycle
// policy, the writer's role and its mapping, and a dashboard. It may run as often as one likes:
// what is there already is left as it is. It signs as the plugin does, and gives nobody all_access.
package bootstrap

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"

	"out_opensearch_irsa/internal/command"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
)

const usage = `usage: opensearch-irsa-bootstrap [flags] [-o Option=value]...

Puts index templates, a lifecycle policy, the writer's role with its mapping, and a dashboard onto the domain that
OPENSEARCH_ENDPOINT names. Run it as the domain's master user: as an IAM role, with the credentials that the plugin would find
(AWS_ACCESS_KEY_ID and so on, or a pod's role), or with OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD. A second run changes
nothing.

A Serverless collection takes the index templates alone. Run it as an IAM role that its data access policy lets make them.

  -file FILE       for many indexes, such as those of tenants: a JSON file that lists them, each with what -index, -role-arn, -role,
                   -shards, -replicas, -retention, -reader ... say here: {"indexes": [{"index": "eks-log-shop", "role_arn": "arn:...",
                   "shards": 1, "replicas": 1, "retention": "30d", "readers": ["arn:..."]}]}
  -index NAME      what INDEX_NAME says where Fluent Bit runs (default $INDEX_NAME, else eks-log)
  -role-arn ARN    the IAM role of Fluent Bit's pods, which becomes a writer (default $FLUENT_BIT_ROLE_ARN)
  -role NAME       the security role that it is mapped to (default NAME-writer)
  -reader ROLE     who may read the indexes, in Dashboards too: the ARN of an IAM role, or a backend role of SAML; may be repeated.
                   They get the security role NAME-reader
  -no-role         leave role and mapping to somebody else, such as Terraform
  -shards N        primary shards of each index (default 1)
  -replicas N      copies of each shard (default 1; a domain of one node wants 0)
  -retention TIME  how old an index gets, such as 30d or 36h (default 30d)
  -delete-older    delete now, once, indexes whose name has a date that lies further back than -retention: what a first install read
                   of old files is in indexes of old days, which the policy keeps for as long from when they were made
  -warm            move indexes to UltraWarm after a week; the domain must have warm nodes
  -data-stream     for a data stream NAME instead of an index for each day
  -dashboards URL  where Dashboards is (default the endpoint with /_dashboards)
  -no-dashboards   leave Dashboards alone
  -dry-run         say what would be done, and change nothing
  -o Name=value    an option of the [OUTPUT] section, such as -o TLS_CA_File=ca.pem

Exit status: 0 everything is there; 1 something could not be put; 2 it could not begin.
`

// Run is the command. It returns the exit status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer,
	getenv func(string) string) int {
	w := defaults(getenv)
	o := options{plugin: command.Options{}, out: stdout, errOut: stderr}
	flags := flag.NewFlagSet("opensearch-irsa-bootstrap", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, usage) }
	flags.StringVar(&w.index, "index", w.index, "")
	flags.StringVar(&w.roleARN, "role-arn", w.roleARN, "")
	flags.StringVar(&w.role, "role", w.role, "")
	flags.BoolVar(&w.noRole, "no-role", false, "")
	flags.IntVar(&w.shards, "shards", w.shards, "")
	flags.IntVar(&w.replicas, "replicas", w.replicas, "")
	flags.StringVar(&w.retention, "retention", w.retention, "")
	flags.Var(&w.readers, "reader", "")
	flags.BoolVar(&w.deleteOlder, "delete-older", false, "")
	flags.StringVar(&o.file, "file", "", "")
	flags.BoolVar(&w.warm, "warm", false, "")
	flags.BoolVar(&w.dataStream, "data-stream", false, "")
	flags.StringVar(&o.dashboards, "dashboards", "", "")
	flags.BoolVar(&o.noDashboards, "no-dashboards", false, "")
	flags.BoolVar(&o.dryRun, "dry-run", false, "")
	flags.Var(o.plugin, "o", "")
	fail := func(err error) int {
		_, _ = fmt.Fprintln(stderr, "opensearch-irsa-bootstrap:", err)
		return 2
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		return fail(fmt.Errorf("cannot use %q: what to put is said by flags alone", flags.Arg(0)))
	}
	cfg, err := load(o.plugin, getenv)
	if err != nil {
		return fail(err)
	}
	w.collection = cfg.AWSService == "aoss"
	all := []wanted{w}
	if o.file != "" {
		if all, err = fromFile(o.file, w, getenv); err != nil {
			return fail(err)
		}
	} else {
		all[0].role = cmp.Or(w.role, w.index+"-writer")
		if err := all[0].check(); err != nil {
			return fail(err)
		}
	}
	ok, err := run(ctx, cfg, all, o)
	if err != nil {
		return fail(err)
	}
	if !ok {
		return 1
	}
	return 0
}

// options are what the command is told besides what the domain shall have.
type options struct {
	plugin       command.Options
	file         string // that lists the indexes, "" for one by flags
	dashboards   string // where Dashboards is, "" for the endpoint's own
	noDashboards bool
	dryRun       bool
	out, errOut  io.Writer
}

// load is the plugin's own configuration, with a user of the domain from the environment if there
// is one.
func load(given command.Options, getenv func(string) string) (*config.Config, error) {
	if user := getenv("OPENSEARCH_USERNAME"); user != "" {
		for name, value := range map[string]string{"http_user": user,
			"http_passwd": getenv("OPENSEARCH_PASSWORD"), "aws_auth": "Off"} {
			if _, set := given[name]; !set {
				given[name] = value
			}
		}
	}
	cfg, err := config.Load(given.Get, getenv)
	if err == nil && !cfg.AWSAuth && strings.Contains(cfg.Endpoint.Host, ".aoss") {
		return nil, fmt.Errorf("cannot bootstrap %q with OPENSEARCH_USERNAME or AWS_Auth Off: a "+
			"Serverless collection knows no users; "+
			"run this as an IAM role that its data access policy names", cfg.Endpoint.Host)
	}
	return cfg, err
}

// run does it all. ok says that everything is there, or would be.
func run(ctx context.Context, cfg *config.Config, all []wanted, o options) (ok bool, err error) {
	other := *cfg
	other.Endpoint, other.Path = cfg.Endpoint, cfg.Path+"/_dashboards"
	if o.dashboards != "" {
		u, err := url.Parse(o.dashboards)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return false, fmt.Errorf("cannot use -dashboards %q: write a URL, such as "+
				"https://dashboards.example.com", o.dashboards)
		}
		other.Endpoint, other.Path = &url.URL{Scheme: u.Scheme, Host: u.Host},
			strings.TrimRight(u.Path, "/")
	}
	client, id, err := connect.Dial(cfg)
	if err != nil {
		return false, err
	}
	defer client.Close()
	if id != nil {
		defer id.Close()
	}
	d := &domain{ask: client.DoWith, dryRun: o.dryRun, out: o.out, errOut: o.errOut}
	collection := all[0].collection
	if collection {
		_, _ = fmt.Fprintf(d.out, "%s is a Serverless collection: of all this "+
			"it takes index templates\n", cfg.Endpoint)
	} else if err := d.checkServer(ctx, cfg.Endpoint.String()); err != nil {
		return false, err
	}
	for _, w := range all {
		if err := d.putAll(ctx, w); err != nil {
			return false, err
		}
	}
	if o.noDashboards || collection {
		return d.ok(), nil
	}
	board, boardID, err := connect.Dial(&other)
	if err != nil {
		return false, err
	}
	defer board.Close()
	if boardID != nil {
		defer boardID.Close()
	}
	shown := &dashboards{ask: board.DoWith, url: other.Endpoint.String() +
		other.Path, dryRun: o.dryRun}
	for _, w := range all {
		objects, err := w.savedObjects()
		if err != nil {
			return false, err
		}
		d.report("saved objects of "+w.index, shown.put(ctx, objects))
	}
	return d.ok(), nil
}
