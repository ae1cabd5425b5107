package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstall runs the program from a folder as the image has it, twice: a container that starts again finds the files there.
func TestInstall(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	program := filepath.Join(from, "opensearch-irsa-install")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), program, to).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "cannot read what to install") {
		t.Errorf("without the plugin: %v, %s", err, out)
	}
	for name, text := range map[string]string{"out_opensearch_irsa.so": "plugin",
		"plugins.conf": "[PLUGINS]"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if out, err := exec.CommandContext(t.Context(), program, to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	files, err := os.ReadDir(to)
	if err != nil || len(files) != 2 {
		t.Fatalf("it leaves %v (%v)", files, err)
	}
	if text, err := os.ReadFile(filepath.Join(to, "out_opensearch_irsa.so")); err != nil ||
		string(text) != "plugin" {
		t.Errorf("the plugin is %q (%v)", text, err)
	}
	if out, err := exec.CommandContext(t.Context(), program,
		filepath.Join(to, "nowhere")).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "mount a volume there") {
		t.Errorf("into a folder that is missing: %v, %s", err, out)
	}
}
