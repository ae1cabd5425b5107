package stack

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestPods(t *testing.T) {
	p, err := NewPods(t.TempDir(), "shop", "web-1", "web-2")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WriteLines(3); err != nil {
		t.Fatal(err)
	}
	if err := p.Write(1, "stderr", "P", "half of "); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteLines(1); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if p.Lines() != 4 {
		t.Errorf("wrote %d lines, want 4", p.Lines())
	}
	links, err := filepath.Glob(p.Glob())
	if err != nil || len(links) != 2 {
		t.Fatalf("found %q (%v)", links, err)
	}
	// The pattern by which Fluent Bit's kubernetes filter takes a file's name apart, and CRI's form of a line.
	name := regexp.MustCompile(`^([a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)_([^_]+)_(.+)-([a-z0-9]{64})\.log$`)
	line := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) (F|P) `)
	want := [][]string{{"LINE=1 ", "LINE=3 "}, {"LINE=2 ", "half of ", "LINE=4 "}}
	for n, link := range links {
		if !name.MatchString(filepath.Base(link)) {
			t.Errorf("name %q", filepath.Base(link))
		}
		text, err := os.ReadFile(link)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if len(lines) != len(want[n]) {
			t.Fatalf("%s: %q", link, lines)
		}
		for m, l := range lines {
			if !line.MatchString(l) || !strings.HasPrefix(line.ReplaceAllString(l, ""), want[n][m]) {
				t.Errorf("%s: %q, want %q", link, l, want[n][m])
			}
		}
	}
}
