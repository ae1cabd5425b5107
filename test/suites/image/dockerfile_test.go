package image

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// dockerfile is the Dockerfile as BuildKit reads it.
type dockerfile struct {
	stages []instructions.Stage
	args   map[string]string // those before the first FROM, which FROM may use
}

func readDockerfile(t *testing.T, text string) *dockerfile {
	t.Helper()
	result, err := parser.Parse(bytes.NewReader([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range result.Warnings {
		t.Errorf("BuildKit warns: %s", w.Short)
	}
	stages, args, err := instructions.Parse(result.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &dockerfile{stages: stages, args: map[string]string{"BUILDPLATFORM": "linux/amd64"}}
	for _, command := range args {
		for _, a := range command.Args {
			d.args[a.Key] = a.ValueString()
		}
	}
	return d
}

// variables are what may stand behind a $ at some place.
type variables map[string]string

func (v variables) Get(name string) (string, bool) { value, set := v[name]; return value, set }
func (v variables) Keys() []string                 { return slices.Collect(maps.Keys(v)) }

// expand fills in a word as BuildKit does. A variable that is not declared there is a mistake.
func (v variables) expand(t *testing.T, word string) string {
	t.Helper()
	filled, unknown, err := shell.NewLex('\\').ProcessWord(word, v)
	if err != nil {
		t.Fatalf("cannot expand %q: %v", word, err)
	}
	for name := range unknown {
		t.Errorf("%q uses %s, which no ARG or ENV declares there", word, name)
	}
	return filled
}

var pinnedTag = regexp.MustCompile(`/[^/:]+:\d+(\.\d+)+$`)

func TestBaseImage(t *testing.T) {
	pinned := map[string]string{}
	for line := range strings.Lines(read(t, root(t, "versions.mk"))) {
		if name, value, ok := strings.Cut(line, "?="); ok {
			pinned[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	d := readDockerfile(t, read(t, root(t, "Dockerfile")))
	if got, want := d.args["FLUENT_BIT_IMAGE"], pinned["FLUENT_BIT_IMAGE_3"]; got != want ||
		want == "" {
		t.Errorf("the Dockerfile's base is %q, and FLUENT_BIT_IMAGE_3 in versions.mk %q", got, want)
	}
	if got, want := d.args["FLUENT_BIT_DIGEST"], pinned["FLUENT_BIT_DIGEST_3"]; got != want {
		t.Errorf("the Dockerfile's digest is %q, and FLUENT_BIT_DIGEST_3 in versions.mk %q", got, want)
	}
	last := d.stages[len(d.stages)-1]
	for digest, want := range map[string]string{"": "base:3.4",
		"sha256:abc": "base:3.4@sha256:abc"} {
		if got := (variables{"FLUENT_BIT_IMAGE": "base:3.4", "FLUENT_BIT_DIGEST": digest}).expand(t,
			last.BaseName); got != want {
			t.Errorf("with digest %q the base is %q, want %q", digest, got, want)
		}
	}
	for name, image := range pinned {
		if strings.HasPrefix(name, "FLUENT_BIT_IMAGE") && !pinnedTag.MatchString(image) {
			t.Errorf("%s is %q: pin a version", name, image)
		}
	}
}

// TestStages holds what makes the image buildable for both architectures on one machine, without
// emulation.
func TestStages(t *testing.T) {
	d := readDockerfile(t, read(t, root(t, "Dockerfile")))
	for i, stage := range d.stages {
		last := i == len(d.stages)-1
		if wanted := map[bool]string{false: "$BUILDPLATFORM",
			true: ""}[last]; stage.Platform != wanted {
			t.Errorf("stage %d is built on %q, want %q", i, stage.Platform, wanted)
		}
		for _, command := range stage.Commands {
			switch command := command.(type) {
			case *instructions.RunCommand:
				if last {
					t.Errorf("the last stage runs %q: that needs emulation for another "+
						"architecture", strings.Join(command.CmdLine, " "))
				}
			case *instructions.EntrypointCommand, *instructions.CmdCommand, *instructions.UserCommand:
				if last {
					t.Errorf("the last stage has %s: what the base starts stays as it is",
						command.Name())
				}
			}
		}
	}
}

// TestDockerfileEnvironment compares the variables that the image sets with those that the head of
// fluent-bit.conf says it sets.
func TestDockerfileEnvironment(t *testing.T) {
	configuration := read(t, root(t, "fluent-bit.conf"))
	d := readDockerfile(t, read(t, root(t, "Dockerfile")))
	set := map[string]string{}
	for _, command := range d.stages[len(d.stages)-1].Commands {
		if env, ok := command.(*instructions.EnvCommand); ok {
			for _, pair := range env.Env {
				set[pair.Key] = pair.Value
			}
		}
	}
	for name, value := range set {
		if !strings.Contains(configuration, "${"+name+"}") {
			t.Errorf("the image sets %s, which fluent-bit.conf does not use", name)
		}
		if !documented(configuration, name, value) {
			t.Errorf("the image sets %s=%s; the head of fluent-bit.conf does not say so", name, value)
		}
	}
	for name := range used(configuration) {
		if _, ok := set[name]; !ok && strings.HasPrefix(name, "FLUENT_BIT_") {
			t.Errorf("fluent-bit.conf uses %s, which the image does not set", name)
		}
	}
}

// documented looks for a line of the comment that has the name, and its value after that.
func documented(configuration, name, value string) bool {
	for line := range strings.Lines(configuration) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "#" && words[1] == name &&
			slices.Contains(words, value) {
			return true
		}
	}
	return false
}

// used are the names of the environment's variables in a configuration.
func used(configuration string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(configuration) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for rest := line; ; {
			_, after, ok := strings.Cut(rest, "${")
			if !ok {
				break
			}
			name, after, _ := strings.Cut(after, "}")
			names[name], rest = true, after
		}
	}
	return names
}
