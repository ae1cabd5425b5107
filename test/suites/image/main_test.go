// Package image tests what is given to users: the shared objects and commands of `make dist`, and
// the Dockerfile, whose steps are replayed without docker as far as they can be. It needs the
// environment that `make check-abi` and `make check-image` set up. The arm64 shared object runs
// under qemu-user, with test/fixtures/fbhost as its host.
package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

// distOf returns the folder of one architecture.
func distOf(t *testing.T, arch string) string {
	t.Helper()
	dir := filepath.Join(os.Getenv("DIST_DIR"), "linux-"+arch)
	need(t, filepath.Join(dir, "SHA256SUMS"), "run make check-image, which builds it and says "+
		"where in DIST_DIR")
	return dir
}

// need skips the test where a file is missing. Where CI is true nothing may be.
func need(t *testing.T, path, remedy string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		stack.Missing(t, "cannot find "+path+": "+remedy)
	}
}

// needProgram returns where a program is.
func needProgram(t *testing.T, name, remedy string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		stack.Missing(t, "cannot find "+name+": "+remedy)
	}
	return path
}

// root returns the module's folder, or a file below it.
func root(t *testing.T, below ...string) string {
	t.Helper()
	dir, err := stack.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{dir}, below...)...)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
