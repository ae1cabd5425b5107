package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var symptom = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// symptoms is an error if docs/troubleshoot.md tells of a text in the log that no agent of this run
// logged. It means something only after every test was run.
func symptoms() error {
	page, err := os.ReadFile(filepath.Join(moduleDir, "docs", "troubleshoot.md"))
	if err != nil {
		return err
	}
	_, table, begun := bytes.Cut(page, []byte("<!-- symptoms:"))
	table, _, ended := bytes.Cut(table, []byte("<!-- end of symptoms -->"))
	rows := symptom.FindAllSubmatch(table, -1)
	if !begun || !ended || len(rows) == 0 {
		return fmt.Errorf("docs/troubleshoot.md has lost its table of symptoms")
	}
	said.mu.Lock()
	defer said.mu.Unlock()
	for _, row := range rows {
		if !bytes.Contains(said.text.Bytes(), row[1]) {
			return fmt.Errorf("docs/troubleshoot.md tells of %q in the log, which no test brought about", row[1])
		}
	}
	return nil
}
