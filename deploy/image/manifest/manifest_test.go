package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestManifest takes the replay command, which links some of what go.mod requires: that and no more is listed.
func TestManifest(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir, "v1.2.3", []string{"out_opensearch_irsa/deploy/replay"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if document.Metadata.Component.Version != "v1.2.3" {
		t.Errorf("the list is of %+v", document.Metadata.Component)
	}
	var names []string
	for _, c := range document.Components {
		names = append(names, c.Name)
		licences, err := os.ReadDir(filepath.Join(dir, "licences", c.Name+"@"+c.Version))
		if err != nil || len(licences) == 0 {
			t.Errorf("%s has no licence beside it (%v)", c.Name, err)
		}
		if c.PURL != "pkg:golang/"+c.Name+"@"+c.Version || c.Version == "" {
			t.Errorf("listed %+v", c)
		}
	}
	for _, want := range []string{"std", "github.com/aws/aws-sdk-go-v2",
		"github.com/opensearch-project/opensearch-go/v2"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is linked and not listed", want)
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "github.com/prometheus/") ||
			strings.HasPrefix(name, "out_opensearch_irsa") {
			t.Errorf("%s is listed: it is a test's, or ours", name)
		}
	}
}

func TestManifestFailure(t *testing.T) {
	bare := t.TempDir()
	if err := os.WriteFile(filepath.Join(bare, "license.go"), []byte("package bare"),
		0o600); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]module{
		"cannot find a licence of module example.org/bare v1.0.0": {"example.org/bare", "v1.0.0", bare},
		"cannot read module example.org/gone":                     {"example.org/gone", "v1.0.0", filepath.Join(bare, "gone")},
	} {
		if err := writeLicences(t.TempDir(), []module{m}); err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %q", err, name)
		}
	}
	if _, err := linked([]string{"out_opensearch_irsa/no/such/package"}); err == nil {
		t.Error("a package that does not exist was listed")
	}
}
