package image

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// built is the image as far as the Dockerfile makes it: its files below a folder, and its settings.
// What the base has is not there.
type built struct {
	dir    string
	env    variables
	labels map[string]string
	volume []string
}

// replay does what docker build would: each stage in a folder of its own, with the context that
// .dockerignore leaves. RUN of the build stage is run; RUN pip is what make did before, from the
// same file.
func replay(t *testing.T, d *dockerfile, given map[string]string) built {
	t.Helper()
	context := buildContext(t)
	stages := map[string]string{}
	var image built
	for _, s := range d.stages {
		if unknown := variables(d.args); s.Platform != "" {
			unknown.expand(t, s.Platform)
		}
		if variables(d.args).expand(t, s.BaseName) == "" {
			t.Errorf("stage %q has no base", s.Name)
		}
		image = built{dir: t.TempDir(), env: variables{}, labels: map[string]string{}}
		r := &stageReplay{t: t, built: &image, context: context, stages: stages, global: d.args,
			given: given, arguments: variables{}, workdir: "/"}
		for _, command := range s.Commands {
			r.do(command)
		}
		stages[s.Name] = image.dir
	}
	return image
}

type stageReplay struct {
	t         *testing.T
	built     *built
	context   string
	stages    map[string]string
	global    map[string]string // ARG before the first FROM
	given     map[string]string // --build-arg, and what BuildKit gives
	arguments variables
	workdir   string
}

// scope is what a word may use at this place.
func (r *stageReplay) scope() variables {
	all := variables{}
	for name, value := range r.arguments {
		all[name] = value
	}
	for name, value := range r.built.env {
		all[name] = value
	}
	return all
}

// path is where a path of the image is on this machine.
func (r *stageReplay) path(name string) string {
	if !path.IsAbs(name) {
		name = path.Join(r.workdir, name)
	}
	return filepath.Join(r.built.dir, filepath.FromSlash(name))
}

func (r *stageReplay) do(command instructions.Command) {
	r.t.Helper()
	expand := func(word string) string { r.t.Helper(); return r.scope().expand(r.t, word) }
	switch c := command.(type) {
	case *instructions.ArgCommand:
		for _, a := range c.Args {
			value := a.ValueString()
			if a.Value == nil {
				value = r.global[a.Key]
			}
			if given, ok := r.given[a.Key]; ok {
				value = given
			}
			r.arguments[a.Key] = value
		}
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			r.built.env[pair.Key] = expand(pair.Value)
		}
	case *instructions.LabelCommand:
		for _, pair := range c.Labels {
			r.built.labels[pair.Key] = expand(pair.Value)
		}
	case *instructions.VolumeCommand:
		for _, v := range c.Volumes {
			r.built.volume = append(r.built.volume, expand(v))
		}
	case *instructions.WorkdirCommand:
		r.workdir = expand(c.Path)
		if err := os.MkdirAll(r.path("."), 0o755); err != nil {
			r.t.Fatal(err)
		}
	case *instructions.CopyCommand:
		r.copy(c, expand)
	case *instructions.RunCommand:
		r.run(strings.Join(c.CmdLine, " "))
	case *instructions.ExposeCommand:
	default:
		r.t.Fatalf("this test does not know how to replay %s", command.Name())
	}
}

func (r *stageReplay) copy(c *instructions.CopyCommand, expand func(string) string) {
	r.t.Helper()
	from := r.context
	if c.From != "" {
		stage, ok := r.stages[c.From]
		if !ok {
			r.t.Fatalf("COPY --from=%s: no stage before is called so", c.From)
		}
		from = stage
	}
	for _, source := range c.SourcePaths {
		source = expand(source)
		path := filepath.Join(from, filepath.FromSlash(source))
		information, err := os.Stat(path)
		if err != nil {
			r.t.Fatalf("COPY %s: not in the context that .dockerignore leaves, "+
				"nor made by the stage: %v", source, err)
		}
		to := r.path(expand(c.DestPath))
		if !information.IsDir() && strings.HasSuffix(c.DestPath, "/") {
			to = filepath.Join(to, filepath.Base(path))
		}
		copyTree(r.t, path, to)
	}
}

// run runs a shell command of the build stage, with the paths of other stages' files as they are
// here.
func (r *stageReplay) run(line string) {
	r.t.Helper()
	words := strings.Fields(line)
	if words[0] == "pip" {
		r.pip(words)
		return
	}
	if words[0] != "make" {
		r.t.Fatalf("this test does not know how to replay RUN %s", line)
	}
	for i, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if ok && path.IsAbs(value) {
			// With links followed, so that go knows the compiler from make dist and takes from its
			// cache what is the same.
			real, err := filepath.EvalSymlinks(r.path(value))
			if err != nil {
				r.t.Errorf("RUN %s: no %s there: %v", line, value, err)
			}
			words[i] = name + "=" + real
		}
	}
	command := exec.CommandContext(r.t.Context(), "sh", "-c", strings.Join(words, " "))
	command.Dir = r.path(".")
	for _, name := range []string{"PATH", "HOME", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS",
		"GOTOOLCHAIN"} {
		if value, ok := os.LookupEnv(name); ok {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	for name, value := range r.scope() {
		command.Env = append(command.Env, name+"="+value)
	}
	if output, err := command.CombinedOutput(); err != nil {
		r.t.Fatalf("RUN %s: %v\n%s", line, err, output)
	}
}

// pip stands for what `make` did when it installed zig: the same file of hashes, into a folder.
func (r *stageReplay) pip(words []string) {
	r.t.Helper()
	var target, requirements string
	for i, word := range words[:len(words)-1] {
		switch word {
		case "--target":
			target = words[i+1]
		case "-r":
			requirements = words[i+1]
		}
	}
	if read(r.t, r.path(requirements)) != read(r.t, root(r.t, "deploy", "image", "ziglang.txt")) {
		r.t.Errorf("RUN %s: %s is not deploy/image/ziglang.txt", strings.Join(words, " "),
			requirements)
	}
	zig := os.Getenv("ZIG")
	need(r.t, zig, "run make check-image, which installs it and says where in ZIG")
	if err := os.MkdirAll(r.path(target), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(zig), filepath.Join(r.path(target), "ziglang")); err != nil {
		r.t.Fatal(err)
	}
}

// wantLabels are those without which nobody knows what an image is.
var wantLabels = []string{"title", "description", "licenses", "version", "base.name"}

func TestReplay(t *testing.T) {
	dist := distOf(t, runtime.GOARCH)
	version := strings.TrimSpace(read(t, filepath.Join(os.Getenv("DIST_DIR"), ".version")))
	d := readDockerfile(t, read(t, root(t, "Dockerfile")))
	image := replay(t, d, map[string]string{"TARGETARCH": runtime.GOARCH, "VERSION": version})

	t.Run("files", func(t *testing.T) {
		// Built in another folder, from what docker is given: the same to the byte.
		ours := filepath.Join(image.dir, "fluent-bit", "opensearch-irsa")
		if got, want := read(t, filepath.Join(ours, "SHA256SUMS")),
			read(t, filepath.Join(dist, "SHA256SUMS")); got != want {
			t.Errorf("the image's build gives other files than make dist:\n%s\nwant\n%s", got, want)
		}
		check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet",
			"SHA256SUMS")
		check.Dir = ours
		if output, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		if got, want := read(t, filepath.Join(image.dir, "fluent-bit", "etc", "fluent-bit.conf")),
			read(t, root(t, "fluent-bit.conf")); got != want {
			t.Error("the image's fluent-bit.conf is not the repository's")
		}
		for _, command := range commands {
			if information, err := os.Stat(filepath.Join(ours, command)); err != nil ||
				information.Mode().Perm()&0o111 != 0o111 {
				t.Errorf("%s cannot be run by everybody (%v)", command, err)
			}
		}
	})
	t.Run("settings", func(t *testing.T) {
		for _, name := range wantLabels {
			if image.labels["org.opencontainers.image."+name] == "" {
				t.Errorf("no label org.opencontainers.image.%s", name)
			}
		}
		if got := image.labels["org.opencontainers.image.version"]; got != version {
			t.Errorf("labelled with version %q, want %q", got, version)
		}
		if len(image.volume) != 1 || image.volume[0] != image.env["FLUENT_BIT_STATE"] {
			t.Errorf("volumes %q, want the state's alone: %q", image.volume,
				image.env["FLUENT_BIT_STATE"])
		}
		if got := pluginPath(t, filepath.Join(image.dir,
			image.env["FLUENT_BIT_PLUGINS"])); got == "" {
			t.Error("plugins.conf names no plugin")
		} else if _, err := os.Stat(filepath.Join(image.dir, got)); err != nil {
			t.Errorf("plugins.conf names what is not there: %v", err)
		}
	})
	testStart(t, image)
}

// pluginPath is what a plugins file names.
func pluginPath(t *testing.T, file string) string {
	t.Helper()
	for line := range strings.Lines(read(t, file)) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == "Path" {
			return words[1]
		}
	}
	return ""
}
