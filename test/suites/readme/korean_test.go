package readme

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	remark   = regexp.MustCompile(`(?m)\s+#\s.*$`)
	rowBegin = regexp.MustCompile("(?m)^\\| (`[^|]+) \\|")
	anyLevel = regexp.MustCompile(`(?m)^#+ `)
	code     = regexp.MustCompile("`[^`\n]+`")
)

// TestKoreanGuide compares the Korean installation guide with the English one: the same headings'
// levels, the same commands but for their remarks, the same rows in the same tables, and, section
// by section, the same things in backquotes and the same links.
func TestKoreanGuide(t *testing.T) {
	english, korean := filepath.Join(root, "docs", "install.md"),
		filepath.Join(root, "docs", "install.ko.md")
	commands := func(file string) (all []string) {
		for _, b := range blocks(t) {
			if b.file == file {
				all = append(all, b.lang+"\n"+remark.ReplaceAllString(b.text, ""))
			}
		}
		return all
	}
	if want, got := commands(english), commands(korean); !slices.Equal(want, got) {
		t.Errorf("the commands are\n%s\nand in Korean\n%s", strings.Join(want, "---\n"),
			strings.Join(got, "---\n"))
	}
	sections := func(file string) []string { return anyLevel.Split(unfenced(read(t, file)), -1) }
	want, got := sections(english), sections(korean)
	if len(want) != len(got) {
		t.Fatalf("there are %d sections, and %d in Korean", len(want), len(got))
	}
	for n := range want {
		title, _, _ := strings.Cut(want[n], "\n")
		for what, found := range map[string]func(string) []string{
			"rows": func(text string) []string { return rowBegin.FindAllString(text, -1) },
			"words": func(text string) []string {
				return slices.Compact(slices.Sorted(slices.Values(code.FindAllString(text, -1))))
			},
			"links": targets,
		} {
			if a, b := found(want[n]), found(got[n]); !slices.Equal(a, b) {
				t.Errorf("%s: its %s are\n%q\nand in Korean\n%q", title, what, a, b)
			}
		}
	}
}

// unfenced is text without its blocks.
func unfenced(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// targets are the links to other files, sorted.
func targets(text string) []string {
	var all []string
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "install") {
			all = append(all, m[1])
		}
	}
	slices.Sort(all)
	return all
}
