// Package images makes the images of the cluster tests, without docker and without a registry: its
// input is the repository's own Dockerfiles, unchanged, and programs of this machine; its output is
// archives as containerd imports them. buildah runs the Dockerfiles' steps; their base images are
// stood in for by ones of the same shape, made of a Debian and of this machine's Fluent Bit.
package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"out_opensearch_irsa/test/fixtures/stack"
)

// Builder has the storage that outlives a run, so that only what changed is built again.
type Builder struct {
	Cache string // folder
	Base  string // what stand-in-base.sh made
	Root  string // the module
}

// Names of the stand-ins, which nothing pulls.
const (
	toolsImage = "localhost/stand-in/tools"
	agentBase  = "localhost/stand-in/aws-for-fluent-bit:latest"
)

// Unmet tells what this machine lacks for building, "" if nothing.
func (b Builder) Unmet() string {
	if _, err := exec.LookPath("buildah"); err != nil {
		return "buildah is not installed: make packages"
	}
	if _, err := os.Stat(b.Base); err != nil {
		return "there is no stand-in for the Dockerfiles' base images, which make cluster makes: " +
			err.Error()
	}
	return ""
}

// Program makes an image of one static program of this module.
func (b Builder) Program(ctx context.Context, out, name, pkg string) error {
	binary := out + ".bin"
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, pkg)
	build.Dir, build.Env = b.Root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w: %s", pkg, err, text)
	}
	defer func() { _ = os.Remove(binary) }()
	program := "/" + filepath.Base(pkg)
	return writeArchive(out, name, config{Entrypoint: []string{program}, User: "65534:65534"},
		layerOf([]file{{Path: program[1:], Mode: 0o755, From: binary}}))
}

// Agent builds the repository's Dockerfile on a base with the given Fluent Bit, which trusts the
// authorities in ca and no others.
func (b Builder) Agent(ctx context.Context, out, name string, host stack.FluentBitHost,
	ca []byte) error {
	if err := b.addTools(ctx); err != nil {
		return err
	}
	files, err := agentFiles(ctx, host, ca)
	if err != nil {
		return err
	}
	if err := b.add(ctx, agentBase,
		config{Entrypoint: []string{"/entrypoint.sh"},
			Env: []string{"PATH=/usr/bin:/bin"}}, layerOf(files)); err != nil {
		return err
	}
	return b.dockerfile(ctx, out, name, b.Root, map[string]string{
		"FLUENT_BIT_IMAGE": agentBase, "GO_IMAGE": toolsImage, "PYTHON_IMAGE": toolsImage, "VERSION": "test",
	})
}

// SampleApp builds the sample application's Dockerfile.
func (b Builder) SampleApp(ctx context.Context, out, name string) error {
	if err := b.addTools(ctx); err != nil {
		return err
	}
	return b.dockerfile(ctx, out, name, filepath.Join(b.Root, "deploy", "sample-app"), nil)
}

// addTools makes the stand-in for golang and python, once, under the names that the Dockerfiles
// have too.
func (b Builder) addTools(ctx context.Context) error {
	info, err := os.Stat(b.Base)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s:%d", toolsImage, info.ModTime().UnixNano())
	if b.buildah(ctx, "inspect", "--type", "image", name) != nil {
		env := []string{"PATH=/usr/local/go/bin:/usr/bin:/bin:/usr/sbin:/sbin", "GOPATH=/go",
			"GOTOOLCHAIN=local", "PIP_BREAK_SYSTEM_PACKAGES=1"}
		for _, variable := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB"} {
			if value, err := exec.CommandContext(ctx, "go", "env", variable).Output(); err == nil {
				env = append(env, variable+"="+strings.TrimSpace(string(value)))
			}
		}
		for _, variable := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL",
			"PIP_DEFAULT_TIMEOUT", "HTTPS_PROXY", "NO_PROXY"} {
			if value := os.Getenv(variable); value != "" {
				env = append(env, variable+"="+value)
			}
		}
		if err := b.add(ctx, name, config{Env: env}, layerFrom(b.Base)); err != nil {
			return err
		}
	}
	alias, err := b.baseOfSampleApp()
	if err != nil {
		return err
	}
	for _, also := range []string{toolsImage + ":latest", alias} {
		if err := b.buildah(ctx, "tag", name, also); err != nil {
			return err
		}
	}
	return nil
}

// baseOfSampleApp is the one FROM that no build argument names.
func (b Builder) baseOfSampleApp() (string, error) {
	text, err := os.ReadFile(filepath.Join(b.Root, "deploy", "sample-app", "Dockerfile"))
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^FROM (golang:\S+) AS`).FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("the sample application's Dockerfile is not FROM golang")
	}
	return "docker.io/library/" + string(found[1]), nil
}

// add puts an image of one layer into the storage.
func (b Builder) add(ctx context.Context, name string, c config,
	layer func(io.Writer) error) error {
	archive := filepath.Join(b.Cache, "add.tar")
	if err := writeArchive(archive, name, c, layer); err != nil {
		return err
	}
	defer func() { _ = os.Remove(archive) }()
	return b.buildah(ctx, "pull", "--quiet", "docker-archive:"+archive)
}

func (b Builder) dockerfile(ctx context.Context, out, name, dir string,
	arguments map[string]string) error {
	args := []string{"bud", "--quiet", "--isolation", "chroot", "--pull-never", "--layers", "--tag", name}
	for key, value := range arguments {
		args = append(args, "--build-arg", key+"="+value)
	}
	if err := b.buildah(ctx, append(args, dir)...); err != nil {
		return err
	}
	_ = os.Remove(out)
	return b.buildah(ctx, "push", "--quiet", name, "docker-archive:"+out+":"+name)
}

// buildah runs it with storage of our own, in a mount namespace that ends with it: nothing that it
// mounts can be left behind.
func (b Builder) buildah(ctx context.Context, args ...string) error {
	temporary := filepath.Join(b.Cache, "tmp") // caches of RUN --mount=type=cache are there too
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return err
	}
	store := []string{"--root", filepath.Join(b.Cache, "buildah"), "--runroot",
		filepath.Join(b.Cache, "buildah-run")}
	command := exec.CommandContext(ctx, "buildah", append(store, args...)...)
	command.Env = append(os.Environ(), "TMPDIR="+temporary, "BUILDAH_ISOLATION=chroot")
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig: syscall.SIGKILL, Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		text := out.Bytes()
		return fmt.Errorf("buildah %s: %w: %s", args[0], err, text[max(0, len(text)-4096):])
	}
	return nil
}
