package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the option table into docs/options.md")

// table is the options as Markdown.
func table() string {
	var b strings.Builder
	b.WriteString("| option | default | meaning | built-in |\n| --- | --- | --- | --- |\n")
	for _, o := range Options {
		value, builtin := "", ""
		if o.Default != "" {
			value = "`" + o.Default + "`"
		}
		if o.Env != "" {
			value = strings.TrimSpace("`$" + o.Env + "` " + value)
		}
		if o.Builtin {
			builtin = "✓"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.Name, value, o.Help, builtin)
	}
	return b.String()
}

// TestDocsHaveTheOptionTable keeps the table of docs/options.md what Options says:
// go test ./internal/config -update writes it.
func TestDocsHaveTheOptionTable(t *testing.T) {
	const (
		path  = "../../docs/options.md"
		begin = "<!-- options: go test ./internal/config -update -->\n"
		end   = "<!-- end of options -->"
	)
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("docs/options.md has lost the marks of its option table")
	}
	want := before + begin + table() + end + after
	if string(page) == want {
		return
	}
	if !*update {
		t.Fatal("the option table of docs/options.md is not what Options says: go test " +
			"./internal/config -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}
