package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
	"out_opensearch_irsa/test/suites/cluster/node"
)

// world is the one cluster that the tests share. They run in turn and leave the overlay irsa
// installed as install does.
var world *site

// long is for make cluster-test-long.
var long = flag.Bool("long", false, "also what takes minutes: three of a domain that is away, "+
	"five of a full disk")

func TestMain(m *testing.M) {
	node.RunAsInit()
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) (code int) {
	if what := unmet(); what != "" {
		fmt.Println("cluster tests:", what)
		if os.Getenv("CI") == "true" {
			return 1
		}
		return m.Run() // and each says so as it skips itself
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	s, err := newSite(ctx)
	if err == nil {
		defer func() {
			if err := s.close(); err != nil {
				fmt.Println("cluster tests:", err)
				code = 1
			}
		}()
		began := time.Now()
		if err = s.buildImages(ctx); err == nil {
			fmt.Printf("images built in %.0f s\n", time.Since(began).Seconds())
			began = time.Now()
			err = s.start(ctx)
			fmt.Printf("started in %.0f s with %s\n", time.Since(began).Seconds(), s.host.Version)
		}
	}
	if err != nil {
		fmt.Println("cluster tests:", err)
		return 1
	}
	world = s
	return m.Run()
}

// cluster is the world for one test.
type cluster struct {
	*site
	t   *testing.T
	ctx context.Context
}

// newCluster skips the test where there is no world.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	if world == nil {
		stack.Missing(t, unmet())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	c := &cluster{site: world, t: t, ctx: ctx}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(world.agentState(context.Background()))
		}
	})
	return c
}

// takesLong skips a test that make cluster-test has no time for.
func takesLong(t *testing.T) {
	t.Helper()
	if !*long {
		t.Skip("of make cluster-test-long")
	}
}

// must ends the test for an error.
func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// kubectl runs it and returns what it prints.
func (c *cluster) kubectl(args ...string) string {
	c.t.Helper()
	out, err := c.node.Kubectl(c.ctx, "", args...)
	c.must(err)
	return out
}

// namespaces makes those that the tests use.
func (c *cluster) namespaces(names ...string) {
	c.t.Helper()
	c.kubectl("apply", "-f", c.root+"/deploy/kubernetes/namespace.yaml")
	for _, name := range names {
		if _, err := c.node.Kubectl(c.ctx, "", "create", "namespace", name); err != nil &&
			!strings.Contains(err.Error(), "already exists") {
			c.t.Fatal(err)
		}
		c.must(poll(c.ctx, 200*time.Millisecond, func() error {
			_, err := c.node.Kubectl(c.ctx, "", "-n", name, "get", "serviceaccount", "default")
			return err
		}))
	}
}

// tree is a copy of deploy/ with this test's images and settings.
func (c *cluster) tree() tree {
	c.t.Helper()
	t, err := newTree(c.root, c.t.TempDir())
	c.must(err)
	for _, overlay := range []string{"irsa", "pod-identity", "serverless", "existing-daemonset"} {
		c.must(t.image(overlay, agentImage))
		c.must(t.settings(overlay))
	}
	for _, overlay := range []string{"irsa", "pod-identity", "serverless"} {
		c.must(t.components(overlay, "pod-metadata"))
	}
	return t
}

func (c *cluster) apply(dir string) string {
	c.t.Helper()
	return c.kubectl("apply", "--server-side", "-k", dir)
}

// install has the overlay irsa at work, with its role mapped, and returns the agent's pod.
func (c *cluster) install() agentPod {
	c.t.Helper()
	c.namespaces("shop")
	c.must(c.mapRole())
	c.apply(c.tree().overlay("irsa"))
	c.kubectl("-n", namespace, "rollout", "status", "daemonset/"+agentName, "--timeout=3m")
	p, err := c.awaitAgent(c.ctx)
	c.must(err)
	return p
}

// mapRole is the part of the guide's last step without which nothing is stored.
func (s *site) mapRole() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return s.openSearch.MapWriter(ctx, s.agentARN)
}

// exactlyOnce waits until all lines 1 to want with this word are there, and fails for any that is
// missing or there twice.
func (c *cluster) exactlyOnce(text string, want int) {
	c.t.Helper()
	err := c.await(c.ctx, word(text), want)
	counted, terr := c.tallyOf(context.WithoutCancel(c.ctx), text, want)
	c.t.Logf("%s: %d lines written, %d found, %d missing, %d twice", text, want, counted.found,
		counted.missing, counted.twice)
	if err != nil || terr != nil || counted.missing > 0 || counted.twice > 0 {
		c.t.Errorf("%s: %d lines, %+v: %v %v", text, want, counted, err, terr)
	}
}
