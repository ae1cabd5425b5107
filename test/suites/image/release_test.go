package image

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRenovateKnowsVersions applies the patterns of renovate.json as renovate does: each version of
// versions.mk and each base image is found, with its name and the digest that belongs to it, but
// for OpenSearch's, which need checksums.
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
			if a, b := len(pattern.FindAllString(text, -1)),
				len(pattern.FindAllString(filled, -1)); a == 0 || a != b {
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
					if is && !strings.HasPrefix(line, "#") &&
						(strings.HasSuffix(value, group("currentValue")) ||
							value != "" && strings.TrimSpace(value) == group("currentDigest")) {
						found[name+" "+strings.TrimRight(variable, " ?")] = value
					}
				}
			}
		}
	}
	want := []string{"Dockerfile FLUENT_BIT_DIGEST", "Dockerfile FLUENT_BIT_IMAGE"}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z0-9_]+) \?=`).FindAllStringSubmatch(read(t,
		root(t, "versions.mk")), -1) {
		if !strings.HasPrefix(m[1], "OPENSEARCH_") {
			want = append(want, "versions.mk "+m[1])
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("renovate knows\n%q, want\n%q", got, want)
	}
}

// TestDigests runs make digests' script against a registry on loopback that answers as the
// distribution specification has it: it wants a token, and has one digest for the index and another
// for what old clients accept.
func TestDigests(t *testing.T) {
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	digests := map[string]string{}
	mux := http.NewServeMux()
	registry := httptest.NewServer(mux)
	t.Cleanup(registry.Close)
	mux.HandleFunc("/token/", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("service") != "the.registry" ||
			r.FormValue("scope") != "repository:aws-observability/aws-for-fluent-bit:pull" {
			http.Error(w, "no token for that", http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, `{"token":"a.b-c_d=","expires_in":60}`)
	})
	mux.HandleFunc("HEAD /v2/aws-observability/aws-for-fluent-bit/manifests/{tag}",
		func(w http.ResponseWriter, r *http.Request) {
			found := digests[r.PathValue("tag")]
			switch {
			case r.Header.Get("Authorization") != "Bearer a.b-c_d=":
				w.Header().Set("WWW-Authenticate",
					`Bearer realm="`+registry.URL+`/token/",service="the.registry",scope="aws"`)
				w.WriteHeader(http.StatusUnauthorized)
			case found == "":
				w.WriteHeader(http.StatusNotFound)
			case !strings.Contains(r.Header.Get("Accept"), "application/vnd.oci.image.index.v1+json"):
				w.Header().Set("Docker-Content-Digest", digest("f"))
			default:
				w.Header().Set("Docker-Content-Digest", found)
			}
		})
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	here := func(name string) string {
		return strings.ReplaceAll(read(t, root(t, name)), "public.ecr.aws/",
			strings.TrimPrefix(registry.URL, "http://")+"/")
	}
	tag := func(base string) string {
		return regexp.MustCompile(`(?m)^FLUENT_BIT_IMAGE_` + base +
			` \?= .*:(\S+)$`).FindStringSubmatch(here("versions.mk"))[1]
	}
	run := func() (string, error) {
		for _, name := range []string{"versions.mk", "Dockerfile"} {
			if err := os.WriteFile(file(name), []byte(here(name)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command := exec.CommandContext(t.Context(), root(t, "deploy", "image", "digests.sh"))
		command.Dir = dir
		out, err := command.CombinedOutput()
		return string(out), err
	}
	digests[tag("3")], digests[tag("2")] = digest("3"), digest("2")
	if out, err := run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := regexp.MustCompile(`(FLUENT_BIT_DIGEST_(\d) \?=).*`).ReplaceAllStringFunc(here("versions.mk"), func(line string) string {
		variable, _, _ := strings.Cut(line, "=")
		return variable + "= " + digest(strings.TrimRight(variable,
			" ?")[len("FLUENT_BIT_DIGEST_"):])
	})
	if got := read(t, file("versions.mk")); got != want {
		t.Errorf("versions.mk is\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(read(t, file("Dockerfile")), "\nARG FLUENT_BIT_DIGEST="+digest("3")+"\n") {
		t.Error("the Dockerfile has no digest")
	}
	for second, want := range map[string]string{"": "404", "no-digest": "has no digest for"} {
		digests[tag("2")] = second
		if out, err := run(); err == nil || !strings.Contains(out, want) {
			t.Errorf("the second digest is %q: %v, %s; want %q", second, err, out, want)
		}
		for _, name := range []string{"versions.mk", "Dockerfile"} {
			if read(t, file(name)) != here(name) {
				t.Errorf("%s was changed, though the second digest is missing", name)
			}
		}
	}
}
