package image

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

// sysroot is where Debian's libc6-arm64-cross puts its files.
const sysroot = "/usr/aarch64-linux-gnu"

func contextWithPatience(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), stack.Patience)
}

// arm64 runs an arm64 program to its end and returns what it wrote.
func arm64(t *testing.T, env []string, arguments ...string) (string, error) {
	t.Helper()
	qemu := needProgram(t, "qemu-aarch64", "install qemu-user, or run make packages as root")
	need(t, filepath.Join(sysroot, "lib", "ld-linux-aarch64.so.1"), "install libc6-arm64-cross, "+
		"or run make packages as root")
	ctx, cancel := contextWithPatience(t)
	defer cancel()
	command := exec.CommandContext(ctx, qemu, append([]string{"-L", sysroot}, arguments...)...)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return output.String(), err
}

// TestARM64 has the arm64 shared object loaded by an arm64 fbhost, and every line of a node
// delivered by it.
func TestARM64(t *testing.T) {
	fbhost := os.Getenv("FBHOST_ARM64_BIN")
	need(t, fbhost, "run make check-abi, which builds it and says where in FBHOST_ARM64_BIN")
	plugin := filepath.Join(distOf(t, "arm64"), "out_opensearch_irsa.so")
	for _, abi := range []string{"1.9", "4.2", "5.1"} {
		t.Run(abi, func(t *testing.T) {
			const lines = 3000
			dir, s := t.TempDir(), newSink(t)
			pods, err := stack.NewPods(dir, "shop", "cart-7d4b9c6f5-x2x9p",
				"checkout-5f6c8d7b9-q8k2m")
			if err != nil {
				t.Fatal(err)
			}
			if err := pods.WriteLines(lines); err != nil {
				t.Fatal(err)
			}
			if err := pods.Close(); err != nil {
				t.Fatal(err)
			}
			configuration := filepath.Join(dir, "fluent-bit.conf")
			if err := os.WriteFile(configuration, []byte(read(t, root(t, "fluent-bit.conf"))),
				0o600); err != nil {
				t.Fatal(err)
			}
			plugins, err := stack.WritePlugins(dir, plugin)
			if err != nil {
				t.Fatal(err)
			}
			env := append(agentEnv(t, s), "FLUENT_BIT_LOGS="+pods.Glob(),
				"FLUENT_BIT_STATE="+filepath.Join(dir, "state"), "FLUENT_BIT_PLUGINS="+plugins)
			log, err := arm64(t, env, fbhost, "-c", configuration, "--abi", abi, "--once")
			if err != nil {
				t.Fatalf("fbhost: %v\n%s", err, log)
			}
			s.check(t, lines)
			if t.Failed() {
				t.Log(log)
			}
		})
	}
}

// TestARM64Commands runs each command as far as it goes without a domain.
func TestARM64Commands(t *testing.T) {
	for _, command := range commands {
		output, err := arm64(t, nil, filepath.Join(distOf(t, "arm64"), command), "-help")
		if err != nil && !strings.Contains(fmt.Sprint(err), "exit status") ||
			!strings.Contains(output, "usage: "+command) {
			t.Errorf("%s -help: %v\n%s", command, err, output)
		}
	}
}
