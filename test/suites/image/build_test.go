package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBuildCommand runs deploy/image/build.sh with a docker that writes down what it is asked for.
func TestBuildCommand(t *testing.T) {
	build := func(docker string, args ...string) (said, asked string, err error) {
		t.Helper()
		dir := t.TempDir()
		script := "#!/bin/sh\necho \"$@\" >>" + dir + "/asked\n" + docker
		if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), root(t, "deploy", "image", "build.sh"), args...)
		command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		out, err := command.CombinedOutput()
		return string(out), read(t, filepath.Join(dir, "asked")), err
	}
	const plain = "case \"$*\" in 'buildx inspect') echo 'Driver: docker';; 'buildx inspect " +
		"opensearch-irsa') exit 1;; esac\n"
	said, asked, err := build(plain, "registry.example/logs", "1.2.3-base3", "1", "", "--platform",
		"linux/amd64,linux/arm64")
	if err != nil || !strings.Contains(asked, "buildx create --name opensearch-irsa --driver "+
		"docker-container\n") ||
		!strings.Contains(asked, "buildx build . --builder opensearch-irsa --tag "+
			"registry.example/logs:1.2.3-base3 --platform linux/amd64,linux/arm64 --output "+
			"type=image,rewrite-timestamp=true,push=true\n") {
		t.Errorf("with Docker's default builder (%v):\n%s%s", err, asked, said)
	}
	if !strings.Contains(said, "newName: registry.example/logs\n    newTag: 1.2.3-base3\n") ||
		!strings.Contains(said, "--set image.tag=1.2.3-base3") {
		t.Errorf("nobody is told what to paste: %s", said)
	}
	_, asked, err = build("case \"$*\" in 'buildx inspect') echo 'Driver:           "+
		"docker-container';; esac\n", "logs", "1", "", "")
	if err != nil || strings.Contains(asked, "create") || strings.Contains(asked, "--builder") ||
		!strings.Contains(asked, "push=false") {
		t.Errorf("with a builder that can (%v):\n%s", err, asked)
	}
	_, asked, err = build("", "logs", "1", "", "mine")
	if err != nil || !strings.Contains(asked, "--builder mine ") {
		t.Errorf("with a builder that is named (%v):\n%s", err, asked)
	}
	said, _, err = build("case \"$*\" in *build\\ .*) exit 7;; esac\n",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/logs", "1", "1", "mine")
	if err == nil || !strings.Contains(said, "get-login-password --region eu-west-1 | docker "+
		"login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com") ||
		!strings.Contains(said, "create-repository --region eu-west-1 --repository-name team/logs") {
		t.Errorf("a registry that refuses (%v): %s", err, said)
	}
}

// TestBuildRefuses has what cannot be meant refused before anything is built.
func TestBuildRefuses(t *testing.T) {
	for _, c := range []struct{ want, image, push string }{
		{"leave out the tag, which is 1.2.3-base3", "registry.example/logs:1.0", "1"},
		{"leave out the tag", "registry.example/logs@sha256:0a", ""},
		{"names no registry to push to", "out-opensearch-irsa", "1"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "docker"),
			[]byte("#!/bin/sh\necho \"$@\" >>"+dir+"/asked\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), root(t, "deploy", "image", "build.sh"), c.image,
			"1.2.3-base3", c.push, "")
		command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		out, err := command.CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("IMAGE=%s PUSH=%s: %v: %s", c.image, c.push, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "asked")); err == nil {
			t.Errorf("IMAGE=%s PUSH=%s: docker was asked", c.image, c.push)
		}
	}
	command := exec.CommandContext(t.Context(), "make", "-C", root(t), "image",
		"IMAGE=registry.example/logs", "BASE=4")
	if out, err := command.CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "BASE=4: write 3 or 2") {
		t.Errorf("BASE=4: %v: %s", err, out)
	}
}

// TestOneTag has the tag that make image pushes in the overlays and the chart as it is made:
// VERSION, then the base.
func TestOneTag(t *testing.T) {
	if !strings.Contains(read(t, root(t, "deploy", "image", "image.mk")), "\nTAG = $(patsubst "+
		"v%,%,$(VERSION))-base$(BASE)\n") {
		t.Fatal("image.mk says the tag otherwise than this test knows")
	}
	overlays, err := filepath.Glob(root(t, "deploy", "kubernetes", "overlays", "*",
		"kustomization.yaml"))
	if err != nil || len(overlays) < 4 {
		t.Fatalf("%v (%v)", overlays, err)
	}
	for _, path := range overlays {
		if !regexp.MustCompile(`newTag: \d+\.\d+\.\d+-base3 `).MatchString(read(t, path)) {
			t.Errorf("%s has a tag that make image never pushes", path)
		}
	}
}
