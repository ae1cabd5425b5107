package kubernetes

import (
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestJobNames has the Jobs' names follow what they depend on: a Job cannot be changed, so that applying another image, other settings or
// another configuration has to make another Job, and applying the same ones none.
func TestJobNames(t *testing.T) {
	names := func(change func(filesys.FileSystem)) map[string]string {
		t.Helper()
		at := tree(t)
		choose(t, at, "irsa", []string{"bootstrap", "doctor"})
		change(at)
		jobs := map[string]string{}
		for name, job := range decode(t, build(t, at, "/overlays/irsa")).jobs {
			jobs[job.Labels["app.kubernetes.io/name"]] = name
		}
		return jobs
	}
	edit := func(file, old, changed string) func(filesys.FileSystem) {
		return func(at filesys.FileSystem) {
			text, err := at.ReadFile(file)
			if err != nil || !strings.Contains(string(text), old) {
				t.Fatalf("%s has no %q (%v)", file, old, err)
			}
			if err := at.WriteFile(file, []byte(strings.ReplaceAll(string(text), old, changed))); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := names(func(filesys.FileSystem) {})
	if len(before) != 2 {
		t.Fatalf("the Jobs are %v", before)
	}
	for what, change := range map[string]struct {
		do                func(filesys.FileSystem)
		bootstrap, doctor bool
	}{
		"nothing":       {do: func(filesys.FileSystem) {}},
		"the image":     {edit("/overlays/irsa/kustomization.yaml", "newTag: 1.0.0-base3", "newTag: 1.0.1-base3"), true, true},
		"the endpoint":  {edit("/overlays/irsa/settings.env", "search-logs-abc123", "search-logs-def456"), true, true},
		"the index":     {edit("/overlays/irsa/settings.env", "INDEX_NAME=eks-log", "INDEX_NAME=shop"), true, true},
		"the retention": {edit("/components/bootstrap/indexes.json", "30d", "10d"), true, false},
		"the agent":     {edit("/base/node.conf", "Workers                   16", "Workers                   17"), false, true},
		"a filter":      {edit("/base/filters-last.conf", "Filters", "More filters"), false, true},
	} {
		after := names(change.do)
		if got := before["opensearch-irsa-bootstrap"] != after["opensearch-irsa-bootstrap"]; got != change.bootstrap {
			t.Errorf("%s changed, and the bootstrap is another Job: %t (%v, %v)", what, got, before, after)
		}
		if got := before["opensearch-irsa-doctor"] != after["opensearch-irsa-doctor"]; got != change.doctor {
			t.Errorf("%s changed, and the doctor is another Job: %t (%v, %v)", what, got, before, after)
		}
	}
}
