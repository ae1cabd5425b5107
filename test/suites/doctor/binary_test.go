package doctor

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBinary runs the binary that the image ships, as a pod would: with its environment and nothing
// else.
func TestBinary(t *testing.T) {
	p := newPod(t)
	binary, err := filepath.Abs(os.Getenv("DOCTOR_BIN"))
	if err != nil {
		t.Fatal(err)
	}
	if file, err := elf.Open(binary); err != nil {
		t.Error(err)
	} else if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v of the base image (%v)", libraries, err)
	}
	p.store(0)
	p.run(binary, 0, "✓ index", "0 broken")
	delete(p.env, "AWS_ROLE_ARN")
	p.run(binary, 1, "✗ token", "1 broken")
}

// run runs a binary in the pod's environment, where neither a terminal nor a colour is.
func (p *pod) run(binary string, status int, says ...string) {
	p.t.Helper()
	doctor := exec.CommandContext(p.t.Context(), binary, "-config",
		filepath.Join(p.dir, "fluent-bit.conf"))
	doctor.Env = []string{} // nil would be this process's
	for name, value := range p.env {
		doctor.Env = append(doctor.Env, name+"="+value)
	}
	out, err := doctor.CombinedOutput()
	var ended *exec.ExitError
	if got := doctor.ProcessState.ExitCode(); got != status ||
		err != nil && !errors.As(err, &ended) {
		p.t.Errorf("exit status %d, want %d (%v)\n%s", got, status, err, out)
	}
	for _, words := range append(says, "✓ configuration") {
		if !strings.Contains(string(out), words) {
			p.t.Errorf("it does not say %q:\n%s", words, out)
		}
	}
	if strings.Contains(string(out), "\x1b") {
		p.t.Errorf("colours, although nobody looks:\n%s", out)
	}
}
