package main

import (
	"strings"
	"testing"
)

// TestGuide does the steps of the guide as its text has them, on a cluster without the namespaces
// that they make.
func TestGuide(t *testing.T) {
	c := newCluster(t)
	clear := func() {
		c.kubectl("delete", "namespace", "shop", namespace, "--ignore-not-found",
			"--timeout=3m")
	}
	clear()
	defer clear() // the guide applies on the client's side, and the other tests on the server's
	var all strings.Builder
	c.must(c.followGuide(c.ctx, t.TempDir(),
		func(step, output string) { all.WriteString(step + "\n" + output) }))
	t.Log(all.String())
	if _, err := c.writeAndWait(c.ctx, 3000, t.Logf); err != nil {
		t.Fatal(err)
	}
	if caller := c.frontDoor.Stats().LastCaller; !strings.HasPrefix(caller,
		"arn:aws:sts::"+account+":assumed-role/"+agentRole+"/") {
		t.Errorf("the last request was signed by %q", caller)
	}
	// The sample application's own lines come too.
	c.must(c.await(c.ctx, `{"match_phrase":{"log":"event"}}`, 20))
}
