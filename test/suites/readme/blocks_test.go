// Package readme holds what the documentation says against the rest of the repository: every block
// of commands is parsed as a shell does, and what each command names has to be there; every block
// of configuration is loaded; every link leads somewhere.
package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of a Markdown file.
type block struct {
	file string // from the repository's root
	line int    // of its first line
	lang string
	text string
}

// root is the repository's.
const root = "../../.."

// documents returns the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d documents: %v", len(found), err)
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks of all documents.
func blocks(t *testing.T) []block {
	t.Helper()
	var all []block
	for _, path := range documents(t) {
		var open *block
		for n, line := range strings.Split(read(t, path), "\n") {
			fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
			switch {
			case isFence && open == nil:
				open = &block{file: path, line: n + 2, lang: strings.TrimSpace(fence)}
			case isFence:
				all = append(all, *open)
				open = nil
			case open != nil:
				open.text += line + "\n"
			}
		}
		if open != nil {
			t.Errorf("%s:%d: the block is not closed", path, open.line)
		}
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)|<img src="([^"]+)"`)

// TestLinksLeadSomewhere follows each link to a file or a heading of the repository.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, path := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, path), -1) {
			target := m[1] + m[2]
			if strings.Contains(target, "://") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			to := path
			if file != "" {
				to = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %q leads nowhere", path, target)
			} else if anchor != "" && !hasHeading(read(t, to), anchor) {
				t.Errorf("%s: there is no heading for the link %q", path, target)
			}
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// hasHeading tells whether a document has a heading that GitHub gives this anchor.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			if strings.ReplaceAll(strings.ToLower(notInAnchor.ReplaceAllString(strings.TrimSpace(title), "")), " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}
