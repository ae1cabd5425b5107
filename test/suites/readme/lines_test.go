package readme

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var symptom = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// TestLogLinesAreInTheSource looks for each text that docs/troubleshoot.md quotes from the log:
// those of the second table in the plugin's source; those of the first, which quotes servers too,
// also in what stands in for the servers.
func TestLogLinesAreInTheSource(t *testing.T) {
	page := read(t, filepath.Join(root, "docs", "troubleshoot.md"))
	plugin := source(t, "plugin", "internal")
	for _, table := range []struct{ begin, end, source string }{
		{"<!-- symptoms:", "<!-- end of symptoms -->", plugin + source(t, "test/fixtures/localaws", "test/suites/e2e")},
		{"<!-- lines:", "<!-- end of lines -->", plugin},
	} {
		_, rest, begun := strings.Cut(page, table.begin)
		rows, _, ended := strings.Cut(rest, table.end)
		quoted := symptom.FindAllStringSubmatch(rows, -1)
		if !begun || !ended || len(quoted) == 0 {
			t.Fatalf("docs/troubleshoot.md has lost its table %s", table.begin)
		}
		for _, m := range quoted {
			if !strings.Contains(table.source, m[1]) {
				t.Errorf("docs/troubleshoot.md quotes %q from the log, and nothing writes that", m[1])
			}
		}
	}
}

// source is the text of the Go files below some folders. Of plugin and internal it leaves tests
// out.
func source(t *testing.T, folders ...string) string {
	t.Helper()
	var b strings.Builder
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			isTest := strings.HasSuffix(path, "_test.go") && !strings.HasPrefix(folder, "test/")
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || isTest {
				return err
			}
			text, err := os.ReadFile(path)
			b.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
