package doctor

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"out_opensearch_irsa/internal/doctor"
	"out_opensearch_irsa/test/fixtures/localaws"
)

var update = flag.Bool("update", false, "write what the doctor prints into docs/troubleshoot.md")

// page is where the reports are.
const page = "docs/troubleshoot.md"

// shown are the reports that docs/troubleshoot.md has, each between its marks.
var shown = []struct {
	mark    string
	command string
	prepare func(p *pod)
}{
	{"healthy", "opensearch-irsa-doctor --write", func(p *pod) { letRead(p.t); p.store(0) }},
	{"no role", "opensearch-irsa-doctor", func(p *pod) {
		delete(p.env, "AWS_ROLE_ARN")
		delete(p.env, "AWS_WEB_IDENTITY_TOKEN_FILE")
	}},
	{"trust policy", "opensearch-irsa-doctor",
		func(p *pod) { p.mint(localaws.ServiceAccountToken{Namespace: "kube-system"}) }},
	{"role not mapped", "opensearch-irsa-doctor", func(p *pod) { mapNobody(p.t) }},
}

// TestDocs compares the reports of docs/troubleshoot.md with what the doctor prints, but for ports
// and times: go test ./test/suites/doctor -run Docs -update writes them.
func TestDocs(t *testing.T) {
	for _, s := range shown {
		t.Run(s.mark, func(t *testing.T) {
			begin, end := "<!-- doctor: "+s.mark+" -->\n", "<!-- end of doctor: "+s.mark+" -->"
			path := filepath.Join(moduleDir, page)
			p := newPod(t) // which may skip the test
			before, rest, ok1 := strings.Cut(read(t, page), begin)
			is, after, ok2 := strings.Cut(rest, end)
			if !ok1 || !ok2 {
				t.Fatalf("%s has lost the marks %q and %q", page, begin, end)
			}
			p.env["INDEX_NAME"] = "eks-log-readme"
			s.prepare(p)
			t.Cleanup(func() {
				_, _, _ = world.OpenSearch.Do(withoutCancel(t), "DELETE",
					"/"+p.index(), "")
			})
			_, args, _ := strings.Cut(s.command, " ")
			want := "```console\n$ " + s.command + "\n" + p.normalised(strings.Fields(args)...) + "```\n"
			switch {
			case is == want:
			case *update:
				if err := os.WriteFile(path, []byte(before+begin+want+end+after),
					0o600); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s has\n%s\nand the doctor prints\n%s\ngo test ./test/suites/doctor "+
					"-run Docs -update writes it", page, is, want)
			}
		})
	}
}

// normal are the parts of a report that another run has otherwise.
var normal = []struct {
	found *regexp.Regexp
	as    string
}{
	{regexp.MustCompile(`\d+\.\d ms`), "5.0 ms"},
	{regexp.MustCompile(`\d{4}\.\d\d\.\d\d`), "2026.11.24"},
	{regexp.MustCompile(`found after \d+(\.\d)? s`), "found after 1.0 s"},
	{regexp.MustCompile(`is \d+(\.\d)? s old`), "is 1.0 s old"},
}

// normalised is what the doctor prints, as it would in a pod, and the same in each run.
func (p *pod) normalised(args ...string) string {
	p.t.Helper()
	_, printed := p.ask(append(args, "--json")...)
	address := func(name string) string { return regexp.MustCompile(`^https?://`).ReplaceAllString(p.env[name], "") }
	printed = strings.NewReplacer(
		p.dir+"/fluent-bit.conf", "/fluent-bit/etc/fluent-bit.conf",
		address("OPENSEARCH_ENDPOINT"), "127.0.0.1:9200",
		strings.TrimPrefix(world.Issuer.URL(), "http://"), "127.0.0.1:8080",
		"eks-log-readme", "eks-log",
	).Replace(printed)
	for _, n := range normal {
		printed = n.found.ReplaceAllString(printed, n.as)
	}
	var r doctor.Report
	if err := json.Unmarshal([]byte(printed), &r); err != nil {
		p.t.Fatal(fmt.Errorf("%w in %s", err, printed))
	}
	var table strings.Builder
	if err := r.WriteTable(&table, false); err != nil {
		p.t.Fatal(err)
	}
	return table.String()
}
