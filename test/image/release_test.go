package image

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRenovateKnowsVersions applies the patterns of renovate.json as renovate does: each version of versions.mk and each base image is
// found, with its name and the digest that belongs to it, but for OpenSearch's, which need checksums.
func TestRenovateKnowsVersions(t *testing.T) {
	var file struct {
		CustomManagers []struct {
			Files      []string `json:"managerFilePatterns"`
			Patterns   []string `json:"matchStrings"`
			Datasource string   `json:"datasourceTemplate"`
		} `json:"customManagers"`
	}
	if err := json.Unmarshal([]byte(read(t, root(t, "renovate.json"))), &file); err != nil {
		t.Fatal(err)
	}
	digest := "sha256:" + strings.Repeat("0a", 32)
	found := map[string]string{} // versions and digests, by file and variable
	for _, m := range file.CustomManagers {
		name := strings.NewReplacer("/^", "", "$/", "", `\`, "").Replace(m.Files[0])
		// As make digests leaves it, and as it is without digests.
		text := read(t, root(t, name))
		filled := regexp.MustCompile(`(?m)^((?:ARG )?FLUENT_BIT_DIGEST\w* ?\??=) ?.*$`).ReplaceAllString(text, "${1}@"+digest)
		filled = strings.NewReplacer("?=@", "?= ", "=@", "=").Replace(filled)
		for _, p := range m.Patterns {
			pattern := regexp.MustCompile(strings.ReplaceAll(p, "(?<", "(?P<"))
			if a, b := len(pattern.FindAllString(text, -1)), len(pattern.FindAllString(filled, -1)); a == 0 || a != b {
				t.Errorf("%s: %s finds %d, and with digests %d", name, p, a, b)
			}
			for _, match := range pattern.FindAllStringSubmatch(filled, -1) {
				group := func(name string) string {
					if n := pattern.SubexpIndex(name); n >= 0 {
						return match[n]
					}
					return ""
				}
				if m.Datasource == "" && group("datasource") == "" || group("depName") == "" {
					t.Errorf("%s: nobody can look up %q", name, match[0])
				}
				for _, line := range strings.Split(match[0], "\n") {
					variable, value, is := strings.Cut(strings.TrimPrefix(line, "ARG "), "=")
					if is && !strings.HasPrefix(line, "#") && (strings.HasSuffix(value, group("currentValue")) || value != "" && strings.TrimSpace(value) == group("currentDigest")) {
						found[name+" "+strings.TrimRight(variable, " ?")] = value
					}
				}
			}
		}
	}
	want := []string{"Dockerfile FLUENT_BIT_DIGEST", "Dockerfile FLUENT_BIT_IMAGE"}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z0-9_]+) \?=`).FindAllStringSubmatch(read(t, root(t, "versions.mk")), -1) {
		if !strings.HasPrefix(m[1], "OPENSEARCH_") {
			want = append(want, "versions.mk "+m[1])
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("renovate knows\n%q, want\n%q", got, want)
	}
}

// TestDigests runs make digests' script with a docker that knows two digests, and with ones that do not.
func TestDigests(t *testing.T) {
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	three, two := "*:3.*) echo "+digest("3")+";;", "*:2.*) echo "+digest("2")+";;"
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	names := []string{"versions.mk", "Dockerfile"}
	run := func(answers ...string) (string, error) {
		for _, name := range names {
			if err := os.WriteFile(file(name), []byte(read(t, root(t, name))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		docker := "#!/bin/sh\n[ \"$1 $2 $3 $5 $6\" = 'buildx imagetools inspect --format {{.Manifest.Digest}}' ] || exit 9\ncase $4 in " + strings.Join(answers, " ") + " esac\n"
		if err := os.WriteFile(file("docker"), []byte(docker), 0o700); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), root(t, "deploy", "image", "digests.sh"))
		command.Dir, command.Env = dir, []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		out, err := command.CombinedOutput()
		return string(out), err
	}
	if out, err := run(three, two); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	versions, dockerfile := read(t, file("versions.mk")), read(t, file("Dockerfile"))
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
	for answer, want := range map[string]string{"*:2.*) echo no such host >&2; exit 1;;": "no such host", "*:2.*) echo '<nil>';;": "has no digest for"} {
		out, err := run(three, answer)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("a registry that answers %q: %v, %s", answer, err, out)
		}
		for _, name := range names {
			if read(t, file(name)) != read(t, root(t, name)) {
				t.Errorf("%s was changed, though the registry answers %q", name, answer)
			}
		}
	}
}
