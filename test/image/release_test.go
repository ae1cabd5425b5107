package image

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRenovateKnowsVersions has every pattern of renovate.json find its version where it says, and the base images all be known.
func TestRenovateKnowsVersions(t *testing.T) {
	var file struct {
		CustomManagers []struct {
			Files    []string `json:"managerFilePatterns"`
			Patterns []string `json:"matchStrings"`
		} `json:"customManagers"`
	}
	if err := json.Unmarshal([]byte(read(t, root(t, "renovate.json"))), &file); err != nil {
		t.Fatal(err)
	}
	images := 0
	for _, m := range file.CustomManagers {
		name := strings.NewReplacer("/^", "", "$/", "", `\`, "").Replace(m.Files[0])
		for _, p := range m.Patterns {
			found := regexp.MustCompile(strings.ReplaceAll(p, "(?<", "(?P<")).FindAllString(read(t, root(t, name)), -1)
			if len(found) == 0 {
				t.Errorf("%s: %s finds nothing", name, p)
			}
			if strings.Contains(p, "FLUENT_BIT_IMAGE") {
				images += len(found)
			}
		}
	}
	if images != 3 {
		t.Errorf("it knows %d places of base images, want those of versions.mk and the Dockerfile", images)
	}
}

// TestDigests runs make digests' script with a docker that knows two digests.
func TestDigests(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"versions.mk", "Dockerfile"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, root(t, name))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	docker := "#!/bin/sh\ncase $4 in *:3.*) echo " + digest("3") + ";; *:2.*) echo " + digest("2") + ";; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(docker), 0o700); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), root(t, "deploy", "image", "digests.sh"))
	command.Dir, command.Env = dir, []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	versions, dockerfile := read(t, filepath.Join(dir, "versions.mk")), read(t, filepath.Join(dir, "Dockerfile"))
	for _, want := range []string{"\nFLUENT_BIT_DIGEST_3 ?= " + digest("3") + "\n", "\nFLUENT_BIT_DIGEST_2 ?= " + digest("2") + "\n"} {
		if !strings.Contains(versions, want) {
			t.Errorf("versions.mk has no %q", want)
		}
	}
	if !strings.Contains(dockerfile, "\nARG FLUENT_BIT_DIGEST="+digest("3")+"\n") {
		t.Error("the Dockerfile has no digest")
	}
	before := strings.Split(read(t, root(t, "versions.mk")), "\n")
	if after := strings.Split(versions, "\n"); len(after) != len(before) {
		t.Errorf("versions.mk had %d lines and has %d", len(before), len(after))
	}
}
