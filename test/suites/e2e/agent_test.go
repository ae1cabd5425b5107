package e2e

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// agent is a running Fluent Bit, or the test host.
type agent struct {
	*stack.FluentBit
	t       *testing.T
	version version
}

// wait waits for a line of the log.
func (a *agent) wait(pattern string) string {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), stack.Patience)
	defer cancel()
	line, err := a.WaitLog(ctx, pattern)
	if err != nil {
		a.t.Fatal(err)
	}
	return line
}

// stop ends the agent as the kubelet does and checks that it ended well.
func (a *agent) stop() {
	a.t.Helper()
	if err := a.Stop(45 * time.Second); err != nil {
		a.t.Error(err)
	}
	if status := a.ExitStatus(); status != 0 {
		a.t.Errorf("the agent ended with status %d", status)
	}
}

// stopLeniently is stop where the core itself may crash at its very end, when everything is
// settled.
func (a *agent) stopLeniently() {
	a.t.Helper()
	if host.TestHost {
		a.stop()
		return
	}
	if err := a.Stop(45 * time.Second); err != nil {
		a.t.Error(err)
	}
}

var lineHead = regexp.MustCompile(`^\[[^]]*\] \[ *(error|warn|info|debug|trace)\] (.*)$`)

// ours returns the plugin's lines of a level, without time and level. A line that was cut because
// the core's logger takes no longer ones is put together again.
func (a *agent) ours(level string) []string {
	var lines []string
	more := false
	for _, line := range a.Log() {
		head := lineHead.FindStringSubmatch(line)
		if head == nil || head[1] != level {
			continue
		}
		text := head[2]
		switch {
		case more && strings.HasPrefix(text, "… "):
			lines[len(lines)-1] += " " + strings.TrimPrefix(text, "… ")
		case strings.HasPrefix(text, "[opensearch_irsa"):
			lines = append(lines, text)
		default:
			continue
		}
		last := &lines[len(lines)-1]
		*last, more = strings.CutSuffix(*last, " …")
	}
	return lines
}

// count returns how many lines of the log match.
func (a *agent) count(pattern string) int {
	wanted := regexp.MustCompile(pattern)
	n := 0
	for _, line := range a.Log() {
		if wanted.MatchString(line) {
			n++
		}
	}
	return n
}
