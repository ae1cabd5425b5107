package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestRestart ends the agent in the midst of its work, in every way there is. What was read is in
// the index in the end, once.
func TestRestart(t *testing.T) {
	for _, v := range versions() {
		t.Run(v.name, func(t *testing.T) {
			// The three go side by side, but not those of every version: that would be more lines
			// than two processors index.
			t.Run("SIGTERM under load", func(t *testing.T) {
				t.Parallel()
				restart(t, v, (*agent).stop)
			})
			t.Run("SIGKILL under load", func(t *testing.T) {
				t.Parallel()
				restart(t, v, func(a *agent) { a.Kill() })
			})
			t.Run("SIGKILL with chunks on disk", func(t *testing.T) {
				t.Parallel()
				killWithChunks(t, v)
			})
		})
	}
}

// restart ends the agent three times while lines are written, once with answers that got lost on
// the way.
func restart(t *testing.T, v version, end func(*agent)) {
	n := newNode(t, v)
	door := n.ownDoor()
	lines := n.stream()
	for round := range 3 {
		a := n.start()
		if round == 1 {
			door.LoseAnswers(2)
		}
		now := count(t, n.index)
		waitCount(t, n.index, now+1000)
		end(a)
	}
	written := lines.end()
	a := n.start()
	waitCount(t, n.index, written)
	a.stop()
	checkLines(t, n.index, written)
}

// killWithChunks kills the agent while the domain is away, so that what was read is on the disk
// alone.
func killWithChunks(t *testing.T, v version) {
	n := newNode(t, v)
	n.config = shipped(t, impatient...)
	door := n.ownDoor()
	door.SetOutage(true)
	a := n.start()
	n.write(5000)
	a.wait(kept)
	eventually(t, func() error {
		chunks, err := filepath.Glob(filepath.Join(n.State, "storage", "*", "*"))
		if err == nil && len(chunks) == 0 {
			err = fmt.Errorf("no chunk is on the disk")
		}
		return err
	})
	a.Kill()
	// What is only in the chunks now must come from there.
	door.SetOutage(false)
	a = n.start()
	expectLines(t, n.index, 5000)
	a.stop()
	checkLines(t, n.index, 5000)
}
