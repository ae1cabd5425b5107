package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestArchitectureNamesThePackages compares the table of ARCHITECTURE.md with the folders of
// internal.
func TestArchitectureNamesThePackages(t *testing.T) {
	folders, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	var there, named []string
	for _, folder := range folders {
		there = append(there, folder.Name())
	}
	row := regexp.MustCompile("(?m)^\\| `internal/([^`]+)` \\|")
	for _, m := range row.FindAllStringSubmatch(read(t, filepath.Join(root, "ARCHITECTURE.md")), -1) {
		named = append(named, m[1])
	}
	slices.Sort(named)
	if !slices.Equal(there, named) {
		t.Errorf("ARCHITECTURE.md has rows for internal/%q, and there are %q", named, there)
	}
}
