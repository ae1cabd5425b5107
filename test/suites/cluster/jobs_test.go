package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestJobs has the components bootstrap and doctor do their work from inside the cluster, on a
// domain that maps the agent's role to nothing: in the end the doctor finds all in order.
func TestJobs(t *testing.T) {
	c := newCluster(t)
	c.namespaces("shop")
	c.must(c.openSearch.MapWriter(c.ctx))
	at := c.tree()
	c.must(at.components("irsa", "pod-metadata", "bootstrap", "doctor"))
	c.apply(at.overlay("irsa"))
	for _, name := range []string{"bootstrap", "doctor"} {
		label := "app.kubernetes.io/name=" + agentName + "-" + name
		err := poll(c.ctx, time.Second, func() error {
			done, err := c.node.Kubectl(c.ctx, "", "-n", namespace, "get", "job", "-l", label, "-o",
				"jsonpath={.items[*].status.succeeded}")
			if err == nil && done != "1" {
				err = errors.New("job " + name + " is not done")
			}
			return err
		})
		log, _ := c.node.Kubectl(c.ctx, "", "-n", namespace, "logs", "--tail=60", "-l", label)
		t.Logf("%s:\n%s", name, log)
		c.must(err)
		if strings.Contains(log, "✗") {
			t.Errorf("%s is not content", name)
		}
	}
	if _, err := c.do(c.ctx, "GET", "/_index_template/eks-log", ""); err != nil {
		t.Errorf("the index template: %v", err)
	}
	c.kubectl("-n", namespace, "delete", "jobs", "--all")
}
