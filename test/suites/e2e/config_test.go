package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// set changes one key of a section in the shipped configuration, or adds it. An empty value takes
// the key away.
type set struct{ section, key, value string }

// shipped is the root's fluent-bit.conf with changes; without any it is what the image ships, to
// the byte.
func shipped(t *testing.T, changes ...set) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleDir, "fluent-bit.conf"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, c := range changes {
		lines = c.apply(t, lines)
	}
	return strings.Join(lines, "\n")
}

func (c set) apply(t *testing.T, lines []string) []string {
	t.Helper()
	section := slices.Index(lines, "["+c.section+"]")
	if section < 0 {
		t.Fatalf("fluent-bit.conf has no section [%s]", c.section)
	}
	at := section + 1
	for ; at < len(lines) && !strings.HasPrefix(lines[at], "["); at++ {
		if words := strings.Fields(lines[at]); len(words) > 0 &&
			strings.EqualFold(words[0], c.key) {
			lines = slices.Delete(lines, at, at+1)
			break
		}
	}
	if c.value == "" {
		return lines
	}
	return slices.Insert(lines, section+1, "    "+c.key+" "+c.value)
}
