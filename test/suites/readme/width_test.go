package readme

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPagesAreNarrow wants text to wrap at 100 columns, and the README to stay one page. Tables and
// blocks of commands cannot wrap.
func TestPagesAreNarrow(t *testing.T) {
	for _, path := range documents(t) {
		text := read(t, path)
		if path == filepath.Join(root, "README.md") && len(text) > 10<<10 {
			t.Errorf("%s has %d bytes, more than 10 KiB", path, len(text))
		}
		fenced := false
		for n, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			words := len(strings.Fields(line))
			if !fenced && !strings.HasPrefix(line, "|") && words > 1 && utf8.RuneCountInString(line) > 100 {
				t.Errorf("%s:%d has more than 100 columns", path, n+1)
			}
		}
	}
}
