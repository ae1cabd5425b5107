package images

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"out_opensearch_irsa/test/stack"
)

func TestTryImages(t *testing.T) {
	base := os.Getenv("STAND_IN_BASE")
	root, _ := stack.ModuleRoot()
	b := Builder{Cache: filepath.Join(filepath.Dir(base), "images"), Base: base, Root: root}
	if what := b.Unmet(); what != "" {
		t.Skip(what)
	}
	os.MkdirAll(b.Cache, 0o755)
	ctx := context.Background()
	out := filepath.Join(filepath.Dir(base), "archives")
	os.MkdirAll(out, 0o755)
	began := time.Now()
	if err := b.Program(ctx, filepath.Join(out, "pod.tar"), "localhost/pod:1", "./test/cluster/pod"); err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(began))
	if err := b.SampleApp(ctx, filepath.Join(out, "sample-app.tar"), "registry.example/sample-app:1.0.0"); err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(began))
	host, err := stack.FindFluentBit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Agent(ctx, filepath.Join(out, "agent.tar"), "registry.example/logging/fluent-bit:1.0.0", host, []byte("ca")); err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(began))
}
