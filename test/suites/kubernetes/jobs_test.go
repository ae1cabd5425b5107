package kubernetes

import (
	"reflect"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestJobNames has the Jobs' names follow what they depend on: a Job cannot be changed, so that
// applying another image, other settings or another configuration has to make another Job, and
// applying the same ones none. Each Job by itself, and both.
func TestJobNames(t *testing.T) {
	for overlay, sets := range map[string][][]string{
		"irsa": {{"bootstrap"}, {"doctor"}, {"bootstrap", "doctor"}}, "pod-identity": {{"bootstrap"}, {"doctor"}, {"bootstrap", "doctor"}}, "serverless": {{"doctor"}},
	} {
		for _, components := range sets {
			t.Run(overlay+" "+strings.Join(components, " "),
				func(t *testing.T) { checkJobNames(t, overlay, components) })
		}
	}
}

func checkJobNames(t *testing.T, overlay string, components []string) {
	t.Helper()
	jobs := func(more []string, change func(filesys.FileSystem)) map[string]*batchv1.Job {
		t.Helper()
		at := tree(t)
		choose(t, at, overlay, append(more, components...))
		change(at)
		jobs := map[string]*batchv1.Job{}
		for _, job := range decode(t, build(t, at, "/overlays/"+overlay)).jobs {
			jobs[strings.TrimPrefix(job.Labels["app.kubernetes.io/name"], "opensearch-irsa-")] = job
		}
		if len(jobs) != len(components) {
			t.Fatalf("the Jobs are %v", jobs)
		}
		return jobs
	}
	edit := func(file, old, changed string) func(filesys.FileSystem) {
		return func(at filesys.FileSystem) {
			text, err := at.ReadFile(file)
			if err != nil || !strings.Contains(string(text), old) {
				t.Fatalf("%s has no %q (%v)", file, old, err)
			}
			if err := at.WriteFile(file, []byte(strings.ReplaceAll(string(text), old,
				changed))); err != nil {
				t.Fatal(err)
			}
		}
	}
	none := func(filesys.FileSystem) {}
	settings := "/overlays/" + overlay + "/settings.env"
	before := jobs(nil, none)
	for what, change := range map[string]struct {
		more              []string
		do                func(filesys.FileSystem)
		bootstrap, doctor bool // whether it becomes another Job
	}{
		"nothing":        {do: none},
		"the image":      {do: edit("/overlays/"+overlay+"/kustomization.yaml", "newTag: 1.0.0-base3", "newTag: 1.0.1-base3"), bootstrap: true, doctor: true},
		"the endpoint":   {do: edit(settings, "abc123", "def456"), bootstrap: true, doctor: true},
		"the region":     {do: edit(settings, "AWS_REGION=eu-west-1", "AWS_REGION=eu-west-2"), bootstrap: true, doctor: true},
		"the index":      {do: edit(settings, "INDEX_NAME=eks-log", "INDEX_NAME=shop"), bootstrap: true, doctor: true},
		"the role":       {do: edit(settings, "role/fluent-bit", "role/other"), bootstrap: true},
		"the retention":  {do: edit("/components/bootstrap/indexes.json", "30d", "10d"), bootstrap: true},
		"the agent":      {do: edit("/base/node.conf", "Workers                   16", "Workers                   17"), doctor: true},
		"a first filter": {do: edit("/base/filters-first.conf", "Filters", "More filters"), doctor: true},
		"a last filter":  {do: edit("/base/filters-last.conf", "Filters", "More filters"), doctor: true},
		"an input":       {more: []string{"system-logs"}, do: none, doctor: true},
		"pods' files":    {more: []string{"pod-metadata"}, do: none},
		"an index each":  {more: []string{"tenants"}, do: none, doctor: true},
	} {
		after := jobs(change.more, change.do)
		for name, want := range map[string]bool{"bootstrap": change.bootstrap,
			"doctor": change.doctor} {
			if before[name] == nil {
				continue
			}
			if got := before[name].Name != after[name].Name; got != want {
				t.Errorf("%s changed, and the %s is another Job: %t (%s, %s)", what, name, got,
					before[name].Name, after[name].Name)
			}
			if before[name].Name == after[name].Name &&
				!reflect.DeepEqual(before[name].Spec, after[name].Spec) {
				t.Errorf("%s changed, and the %s has its old name: Kubernetes refuses that", what, name)
			}
		}
	}
}
