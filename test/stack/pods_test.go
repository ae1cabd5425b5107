package stack

import (
	"errors"
	"fmt"
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

// TestTracesOfPods wants numbered lines, each trace in one pod's log without another line in between, and a rotated log
// whose lines stay where they are.
func TestTracesOfPods(t *testing.T) {
	dir := t.TempDir()
	pods, err := NewPods(dir, "shop", "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(pods.WriteTraces(60), pods.Rotate()); err != nil {
			t.Fatal(err)
		}
	}
	if err := pods.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "pods", "*", "app", "*"))
	if len(files) != 6 {
		t.Fatalf("%d files, want two rotated ones and a new one of each pod", len(files))
	}
	lines, rest := 0, 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before := 0
		for line := range strings.Lines(string(text)) {
			_, number, _ := strings.Cut(strings.TrimSpace(line), "LINE=")
			n := 0
			if _, err := fmt.Sscan(number, &n); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			lines++
			if strings.Contains(line, " F \t") || strings.Contains(line, " F Caused by") {
				if rest++; n != before+1 {
					t.Errorf("line %d of a trace stands behind line %d", n, before)
				}
			}
			before = n
		}
	}
	if lines != 120 || pods.Lines() != 120 || rest == 0 || pods.Documents() != 120-rest {
		t.Errorf("%d lines, %d of them go on a trace; %d lines and %d documents are said", lines, rest, pods.Lines(), pods.Documents())
	}
}
