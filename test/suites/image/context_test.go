package image

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// buildContext copies what docker would be given of a checkout: the files that git has, less those
// of .dockerignore.
func buildContext(t *testing.T) string {
	t.Helper()
	ignore, err := os.Open(root(t, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ignore.Close() }()
	patterns, err := ignorefile.ReadAll(ignore)
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	git := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others",
		"--exclude-standard")
	git.Dir = root(t)
	files, err := git.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	to := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		ignored, err := matcher.MatchesOrParentMatches(name)
		if err != nil {
			t.Fatal(err)
		}
		from := root(t, filepath.FromSlash(name))
		if _, err := os.Stat(from); ignored || err != nil { // one that is deleted and not committed
			continue
		}
		copyFile(t, from, filepath.Join(to, filepath.FromSlash(name)))
	}
	return to
}

// copyTree copies a file to a path, or a folder's files into a folder, as COPY does.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink == 0 {
			copyFile(t, path, filepath.Join(to, below))
			return nil
		}
		link, err := os.Readlink(path)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(to, below)), 0o755)
		}
		if err == nil {
			err = os.Symlink(link, filepath.Join(to, below))
		}
		return err
	})
	if err != nil {
		t.Fatalf("cannot copy: %v", err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	information, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, []byte(read(t, from)), information.Mode().Perm()); err != nil {
		t.Fatal(err)
	}
}
