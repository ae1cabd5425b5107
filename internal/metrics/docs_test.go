package metrics

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of metrics into docs/operate.md")

// TestDocsHaveTheMetrics keeps the table of docs/operate.md what Families says:
// go test ./internal/metrics -update writes it.
func TestDocsHaveTheMetrics(t *testing.T) {
	const (
		path  = "../../docs/operate.md"
		begin = "<!-- metrics: go test ./internal/metrics -update -->\n"
		end   = "<!-- end of metrics -->"
	)
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("docs/operate.md has lost the marks of its table of metrics")
	}
	var table strings.Builder
	table.WriteString("| metric | what it is |\n| --- | --- |\n")
	for _, family := range slices.Sorted(maps.Keys(Families)) {
		fmt.Fprintf(&table, "| `%s` | %s |\n", family, Families[family])
	}
	want := before + begin + table.String() + end + after
	if string(page) == want {
		return
	}
	if !*update {
		t.Fatal("the table of metrics in docs/operate.md is not what Families says: go test " +
			"./internal/metrics -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}
