// Package podmetadata keeps what the cluster's API server knows of a node's pods in files, for
// Fluent Bit's kubernetes filter, which looks into its Kube_Meta_Preload_Cache_Dir before it asks,
// and links to those log files whose pods are known, for its tail input. Its input is the API
// server's lists and watches and the names of the node's log files; its output is one file a pod,
// one a namespace, and the links.
//
// Why: that filter asks for each pod that it does not know yet, and all of the agent waits, 10
// seconds where nobody answers. It forgets that it had no answer, never asks again where it had
// one, and lets the lines through without metadata, those of who opted out included. With the files
// it asks nobody: an API server or DNS that is away holds nothing up, what was known stays known
// over a restart, and an annotation that is added later is seen. With the links a pod of which
// nothing is known is not read yet.
package podmetadata

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"out_opensearch_irsa/internal/version"
)

const usage = `usage: opensearch-irsa-metadata -node NAME [-dir DIR] [-links DIR] [-logs DIR] [-files DIR]
       opensearch-irsa-metadata -ready [-dir DIR]

Keeps what the cluster knows of a node's pods in files, for Fluent Bit's kubernetes filter (Kube_Meta_Preload_Cache_Dir), and links to
the log files of those pods, for its tail input. The API server is where KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say, as in every pod.

  -node NAME   the node whose pods
  -dir DIR     where to write             /var/fluent-bit/state/pods
  -links DIR   where to make the links    /var/fluent-bit/state/containers
  -logs DIR    the node's log files       /var/log/containers
  -files DIR   the service account's      /var/run/secrets/kubernetes.io/serviceaccount
  -ready       tell by the exit status whether the files are there: for the probe that the agent waits for
`

// patience is how long the agent may wait for the API server where files of an earlier run are
// there.
const patience = 10 * time.Second

// every is how often the node's log files are compared with what is known.
const every = time.Second

// Run is the command. It returns the exit status.
func Run(ctx context.Context, args []string, stderr io.Writer, getenv func(string) string) int {
	flags := flag.NewFlagSet("opensearch-irsa-metadata", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, usage) }
	node := flags.String("node", "", "")
	dir := flags.String("dir", "/var/fluent-bit/state/pods", "")
	links := flags.String("links", "/var/fluent-bit/state/containers", "")
	logs := flags.String("logs", "/var/log/containers", "")
	files := flags.String("files", "/var/run/secrets/kubernetes.io/serviceaccount", "")
	ready := flags.Bool("ready", false, "")
	logger := log.New(stderr, "opensearch-irsa-metadata: ", log.LstdFlags|log.Lmsgprefix)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case *ready:
		if _, err := os.Stat(filepath.Join(*dir, readyName)); err != nil {
			return 1
		}
		return 0
	case *node == "" || flags.NArg() > 0:
		flags.Usage()
		return 2
	case getenv("KUBERNETES_SERVICE_HOST") == "":
		logger.Print("KUBERNETES_SERVICE_HOST is not set: this runs in a pod")
		return 2
	}
	keeper, err := newKeeper(*dir, *links, *logs, logger)
	if err != nil {
		logger.Print(err)
		return 1
	}
	logger.Printf("version %s keeps what the cluster knows of the pods of node %s in %s",
		version.Version, *node, *dir)
	keeper.run(ctx, &api{
		url: "https://" + net.JoinHostPort(getenv("KUBERNETES_SERVICE_HOST"),
			getenv("KUBERNETES_SERVICE_PORT")),
		files: *files, log: logger,
	}, *node)
	return 0
}

// run ends with its context.
func (k *keeper) run(ctx context.Context, a *api, node string) {
	namespaces, pods := make(chan struct{}), make(chan struct{})
	go a.follow(ctx, "/api/v1/namespaces", "", k.replaceNamespaces, k.changeNamespace,
		sync.OnceFunc(func() { close(namespaces) }))
	go func() {
		select {
		case <-namespaces: // a pod's file says also whether its namespace opted out
			a.follow(ctx, "/api/v1/pods", "spec.nodeName="+node, k.replacePods, k.changePod,
				sync.OnceFunc(func() { close(pods) }))
		case <-ctx.Done():
		}
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		why := ""
		select {
		case <-pods:
			pods, why = nil, "what the API server knows is in files"
		case <-late.C:
			if k.hadFiles {
				why = fmt.Sprintf("the API server did not answer for %s: what an earlier run "+
					"knew is in files", patience)
			}
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		k.compare(ctx, a.pod)
		if why != "" {
			k.ready(why) // now that the links are there: Fluent Bit forgets the place in each file that it does not find when it starts
		}
	}
}
