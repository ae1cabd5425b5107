package kubernetes

import (
	"fmt"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// TestCrash kills the agent three times while lines are written: with the filters of the overlay
// none is lost and none is there twice.
func TestCrash(t *testing.T) {
	c := newCluster(t)
	app := c.addPod(stack.Pod{Namespace: "shop", Name: "web-0",
		Labels: map[string]string{"app": "web"}})
	if err := world.Kube.PutNamespace("shop", nil); err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			// A trace after each ten lines, so that there is one to join whenever the agent dies.
			err := app.WriteLines(10)
			for _, line := range []string{"Traceback (most recent call last):",
				`  File "/app/a.py", line 1, in <module>`, "    main()", "ValueError"} {
				if err == nil {
					err = app.Write(0, "stderr", "F", line)
				}
			}
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() {
		select {
		case <-stop:
		default:
			close(stop)
		}
		<-done
	})
	want := 0
	for range 3 {
		agent := c.start()
		want += 400
		c.await(want)
		agent.Kill()
	}
	close(stop)
	<-done
	agent := c.start()
	written := app.Lines()
	c.await(written + written/10*4)
	if err := agent.Stop(45 * time.Second); err != nil {
		t.Error(err)
	}
	all, err := c.documents()
	if err != nil {
		t.Fatal(err)
	}
	var numbered []string
	for n := range written {
		numbered = append(numbered, fmt.Sprintf(`LINE=%d level=info msg="request served" path=/orders/%d`, n+1, n+1))
	}
	var plain []string
	traces := 0
	for _, line := range lines(all) {
		switch {
		case len(line) > 5 && line[:5] == "LINE=":
			plain = append(plain, line)
		case line == "ValueError":
			traces++
		}
	}
	if lost, extra := missing(numbered, plain); len(lost)+len(extra) > 0 {
		t.Errorf("of %d lines %d are lost and %d there more than once: %.300q %.300q", written,
			len(lost), len(extra), lost, extra)
	}
	// A trace that was read in two parts, of which the second was read again, may be there in both
	// ways.
	if traces < written/10 || traces > written/10+3 {
		t.Errorf("of %d traces %d ends are there", written/10, traces)
	}
}
