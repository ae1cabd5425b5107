// Package kubernetes checks the manifests of deploy/kubernetes without a cluster: every overlay,
// with every choice of components, is built as kubectl apply -k builds it and decoded strictly into
// the API's own types; what one object says of another is compared; and the configuration as
// rendered is run by an agent on a folder laid out like a node's.
package kubernetes

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"out_opensearch_irsa/test/fixtures/stack"
)

// overlays are those for an agent of our own, with the components that each offers.
var overlays = map[string][]string{
	"irsa":         {"namespace-opt-out", "pod-metadata", "tenants", "system-logs", "events", "monitoring", "network-policy", "bootstrap", "doctor"},
	"pod-identity": {"namespace-opt-out", "pod-metadata", "tenants", "system-logs", "events", "monitoring", "network-policy", "bootstrap", "doctor"},
	"serverless":   {"namespace-opt-out", "pod-metadata", "tenants", "system-logs", "events", "monitoring", "network-policy", "doctor"},
}

// shippedComponents are those that an overlay has without being told.
var shippedComponents = []string{"namespace-opt-out"}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := stack.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// tree is deploy/kubernetes in memory, where a test can change it as a person would.
func tree(t *testing.T) filesys.FileSystem {
	t.Helper()
	from, to := filepath.Join(moduleRoot(t), "deploy", "kubernetes"), filesys.MakeFsInMemory()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return to.WriteFile(filepath.Join("/", name), text)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// choose makes an overlay have these components and no others, by editing the lines that are there.
func choose(t *testing.T, at filesys.FileSystem, overlay string, components []string) {
	t.Helper()
	file := filepath.Join("/overlays", overlay, "kustomization.yaml")
	text, err := at.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, name := range components {
		wanted[name] = true
	}
	lines := strings.Split(string(text), "\n")
	for n, line := range lines {
		_, name, is := strings.Cut(line, "- ../../components/")
		if !is {
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		comment := "# "
		if wanted[name] {
			comment = ""
		}
		delete(wanted, name)
		lines[n] = "  " + comment + "- ../../components/" + name
	}
	if len(wanted) > 0 {
		t.Fatalf("overlay %s has no line for the components %v", overlay, wanted)
	}
	text = []byte(strings.Join(lines, "\n"))
	if len(components) == 0 {
		text = []byte(strings.Replace(string(text), "\ncomponents:\n", "\n", 1))
	}
	if err := at.WriteFile(file, text); err != nil {
		t.Fatal(err)
	}
}

// build is kubectl kustomize, in this process: a machine without kubectl has it too.
func build(t *testing.T, at filesys.FileSystem, dir string) string {
	t.Helper()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // as kubectl does
	resources, err := krusty.MakeKustomizer(options).Run(at, dir)
	if err != nil {
		t.Fatalf("cannot build %s: %v", dir, err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// choices are sets of components: none, each by itself, all but each, and all.
func choices(of []string) [][]string {
	all := [][]string{{}, of}
	for n, one := range of {
		all = append(all, []string{one}, append(of[:n:n], of[n+1:]...))
	}
	return all
}
