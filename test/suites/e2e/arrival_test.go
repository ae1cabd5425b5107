package e2e

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// lineCount is how many lines a run of TestArrival tails: E2E_LINES, else 20,000.
func lineCount(t *testing.T) int {
	text := os.Getenv("E2E_LINES")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("E2E_LINES is %q: write a number of lines", text)
	}
	return n
}

// TestArrival tails many lines with the shipped configuration and finds each of them in the index,
// once.
func TestArrival(t *testing.T) {
	table := "\n| agent | case | lines | documents | seconds | requests |\n| --- | --- | --- | " +
		"--- | --- | --- |\n"
	for _, v := range versions() {
		for _, compress := range []string{"none", "gzip"} {
			for _, workers := range []string{"1", "4"} {
				name := map[string]string{"none": "plain", "gzip": "gzip"}[compress] +
					", Workers " + workers
				t.Run(v.name+" "+name, func(t *testing.T) {
					n := newNode(t, v)
					n.config = shipped(t, set{"OUTPUT", "Compress", compress},
						set{"OUTPUT", "Workers", workers})
					lines := lineCount(t)
					before := world.FrontDoor.Stats()
					a := n.start()
					wrote := time.Now()
					n.write(lines)
					waitCount(t, n.index, lines)
					took := time.Since(wrote)
					a.stop()
					checkLines(t, n.index, lines)
					after := world.FrontDoor.Stats()
					table += fmt.Sprintf("| %s | %s | %d | %d | %.1f | %d |\n", v.name, name, lines,
						count(t, n.index), took.Seconds(), after.Requests-before.Requests)
					for status, answers := range after.Statuses {
						if again := answers - before.Statuses[status]; status != 200 && again > 0 {
							t.Logf("%d answers had status %d, and were made good", again, status)
						}
					}
				})
			}
		}
	}
	t.Log(table)
}
