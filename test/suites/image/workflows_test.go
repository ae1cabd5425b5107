package image

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// An action by its commit, with the version that it is behind it: a tag can be moved.
	pinnedAction = regexp.MustCompile(`^uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	makeTarget   = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
)

// TestWorkflows holds what actionlint does not: all that a workflow does is a make target that is
// there, and actions are pinned.
func TestWorkflows(t *testing.T) {
	targets := map[string]bool{}
	for _, found := range makeTarget.FindAllStringSubmatch(read(t, root(t, "Makefile"))+read(t,
		root(t, "deploy", "image", "image.mk"))+read(t, root(t, "test", "suites",
		"cluster", "cluster.mk")), -1) {
		targets[found[1]] = true
	}
	workflows, err := filepath.Glob(root(t, ".github", "workflows", "*.yml"))
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows (%v)", err)
	}
	for _, path := range workflows {
		name := filepath.Base(path)
		text := read(t, path)
		if !strings.Contains(text, "\npermissions:\n  contents: read\n") {
			t.Errorf("%s may do more than read, unless a job asks for it", name)
		}
		made := 0
		for line := range strings.Lines(text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
			if strings.HasPrefix(line, "uses:") && !pinnedAction.MatchString(line) {
				t.Errorf("%s: %q is not pinned by a commit with its version behind it", name, line)
			}
			command, ok := strings.CutPrefix(line, "run: ")
			if !ok {
				continue
			}
			words := strings.Fields(strings.TrimPrefix(command, "sudo "))
			if words[0] != "make" {
				t.Errorf("%s: %q is not a make target, so that nobody can try it", name, command)
				continue
			}
			for _, word := range words[1:] {
				if strings.ContainsAny(word, "=$.}") { // a variable's value
					continue
				}
				if made++; !targets[word] {
					t.Errorf("%s: there is no target %s", name, word)
				}
			}
		}
		if made == 0 {
			t.Errorf("%s makes nothing", name)
		}
	}
	if _, err := os.Stat(root(t, ".github", "workflows", "release.yml")); err != nil {
		t.Error(err)
	}
}
