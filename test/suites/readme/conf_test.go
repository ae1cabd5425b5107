package readme

import (
	"os"
	"path/filepath"
	"testing"

	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/doctor/fluentbit"
)

// TestConfigurationLoads reads each block of configuration as Fluent Bit does, and loads our
// sections of it.
func TestConfigurationLoads(t *testing.T) {
	loaded := 0
	for _, b := range blocks(t) {
		if b.lang != "conf" {
			continue
		}
		path := filepath.Join(t.TempDir(), "fluent-bit.conf")
		if err := os.WriteFile(path, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := fluentbit.Read(path, func(string) string { return "" })
		if err != nil {
			t.Errorf("%s:%d: %v", b.file, b.line, err)
			continue
		}
		for _, s := range read.Of("output") {
			cfg, err := config.Load(s.Get, func(string) string { return "" })
			if err == nil {
				err = compile.Check(cfg)
			}
			if err != nil || s.Get("Name") != "opensearch_irsa" {
				t.Errorf("%s:%d: an output %s: %v", b.file, b.line, s.Get("Name"), err)
			}
			loaded++
		}
	}
	if loaded == 0 {
		t.Error("no document has an output section")
	}
}
