package e2e

import "testing"

// TestOutputs has two sections side by side, which share nothing: each gets every line.
func TestOutputs(t *testing.T) {
	for _, v := range versions() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, v)
			second := n.name + "-second"
			n.config = shipped(t) + `
[OUTPUT]
    Name                      opensearch_irsa
    Match                     *
    Endpoint                  ${OPENSEARCH_ENDPOINT}
    Index                     ` + second + `
    Compress                  none
    Workers                   3
    Retry_Limit               no_limits
`
			a := n.start()
			a.wait(`\[opensearch_irsa\.1\] version .* index ` + second)
			n.write(5000)
			waitCount(t, n.index, 5000)
			waitCount(t, second, 5000)
			if v.is19() {
				// Fluent Bit 1.9 frees a Go plugin with its first output and uses it for the next
				// (proxy_go_destroy in src/proxy/go/go.c), which may end it with SIGABRT.
				a.stopLeniently()
			} else {
				a.stop()
			}
			checkLines(t, n.index, 5000)
			checkLines(t, second, 5000)
		})
	}
}
