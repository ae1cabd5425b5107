package e2e

import (
	"flag"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 0, "how long TestIdentitySoak runs; 0 leaves it out")

// TestIdentitySoak delivers 200 lines a second with credentials that live for 90 seconds: no flush
// fails, and nothing is refused.
func TestIdentitySoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("make soak runs it: it takes ten minutes")
	}
	const lifetime = 90 * time.Second
	n := newNode(t, newest())
	c := n.ownCloud(place{})
	c.sts.SetLifetime(lifetime)
	a := n.start()
	keys := map[string]bool{}
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < *soak {
		n.write(10)
		if key := c.door.Stats().LastAccessKey; key != "" {
			keys[key] = true
		}
		<-tick.C
	}
	written := n.pods.Lines()
	waitCount(t, n.index, written)
	a.stop()
	checkLines(t, n.index, written)
	checkNothingKept(t, a)
	seen := c.door.Stats()
	t.Logf("%s: %d lines in %d requests, answers by status %v; %d credentials used, %d calls of "+
		"STS; warnings %q",
		n.version.name, written, seen.Requests, seen.Statuses, len(keys), c.sts.Requests(), a.ours("warn"))
	if len(seen.Statuses) != 1 || seen.Statuses[200] != seen.Requests {
		t.Errorf("answers by status: %v", seen.Statuses)
	}
	if least := int(*soak / lifetime); len(keys) < least ||
		c.sts.Requests() != len(keys) && c.sts.Requests() != len(keys)+1 {
		t.Errorf("%d credentials were used with %d calls of STS, and at least %d are needed",
			len(keys), c.sts.Requests(), least)
	}
}
